/**
 * Uploaded files: declarations refer to them by their digests instead of having them as text (decision 0042).
 *
 * <p><b>Owns</b> the addresses below {@code /organizations/{organization}/files} ({@code files.FileResource}), how a
 * body becomes a file ({@code files.Uploads}, {@code files.BodyReader}, {@code files.UploadStore}), where the bytes lie
 * ({@code files.ChunkStore}, {@code files.Chunks}), and the clean-up of what is not used
 * ({@code files.FileCleanupStore}, {@code files.OrphanChunkStore}).
 *
 * <p><b>Authoritative</b>: the tables {@code files} and {@code file_chunks}; the bytes lie in the rows, or in the
 * bucket where the deployment has one. Room {@code catalog} writes {@code version_files}, which keeps a file in place.
 *
 * <p><b>States</b> of a file: a part, whose first bytes are there; stored, once all of it is there and its digest was
 * verified. Only a stored file is read or referred to. One request at a time writes a part.
 *
 * <p><b>Failures.</b> A body that breaks off leaves a part, and the client goes on from its end. A file with a wrong
 * digest is removed whole. A server that died is taken to have stopped writing after a minute.
 *
 * <p><b>Bounds.</b> A file has at most {@code larder.files.max-size} bytes, all files of an organization
 * {@code larder.files.organization-max}. A request holds one piece of 1 MiB in memory; 16 requests at once are served.
 * Nothing is received for {@code larder.files.idle-timeout}, or the end not within {@code larder.files.body-timeout}:
 * the request ends. Parts and files without a version go after a day.
 */
@NullMarked
package dev.larder.files;

import org.jspecify.annotations.NullMarked;
