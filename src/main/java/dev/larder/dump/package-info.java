/**
 * Reads what people have: SQL files, and the output of {@code pg_dump} in plain and in custom format, gzipped or not.
 * No PostgreSQL program is needed (decision 0044). Pure: it knows no server, and no other room.
 *
 * <p><b>Owns</b> nothing that outlives the reading of a file. {@code dump.DumpFile} is the way in. It finds out by
 * the content what a file is, and gives it as steps: a statement, rows of a {@code COPY}, or something that is left
 * out. {@code dump.SqlScanner} divides text into statements by the rules of {@code psql}; {@code dump.ArchiveReader}
 * reads the custom format; {@code dump.StatementRules} says of a statement whether it can share a transaction, is left
 * out or refused.
 *
 * <p><b>Authoritative</b>: the content of the file; its name only says that it is run.
 *
 * <p><b>States</b>: a file is read from its beginning to its end, or refused.
 *
 * <p><b>Bounds.</b> A file is read once, from its beginning to its end. A statement has at most 16 MB, the table of
 * contents of an archive 64 MB; rows are not gathered.
 *
 * <p><b>Failures.</b> {@code dump.DumpRefused} names the place and the reason, and holds no data of the file.
 */
@NullMarked
package dev.larder.dump;

import org.jspecify.annotations.NullMarked;
