/**
 * Bodies under keys, in PostgreSQL or in a bucket, and what can be decided over them (decision 0034).
 *
 * <p><b>Owns</b> the interface {@code objects.ObjectStore} and its implementations
 * {@code objects.PostgresObjectStore} (the table {@code objects}) and {@code objects.S3ObjectStore}, the probe of what
 * a store can do ({@code objects.StoreProbe}), the removal of objects without a row ({@code objects.OrphanStore}),
 * what is known of the store in use ({@code objects.StoreHealth}), and the claim by version for processes that share
 * nothing but a store ({@code objects.ClaimsByVersion}).
 *
 * <p><b>Authoritative</b>: the store, for its own objects. Which of them count is decided by rows of other rooms.
 *
 * <p><b>States</b> of a store: not probed; usable; not usable, because its credentials are refused or its bucket is
 * missing, wrong or another deployment's. A store that cannot be reached for a time stays usable.
 *
 * <p><b>Failures</b> have one type, {@code objects.ObjectStoreException}, with a reason. An answer of unknown meaning
 * is {@code store_unavailable}; a missing bucket is never a missing object. A write whose answer is lost is repeated
 * under the same writer: each object carries the mark of its writer, and a failed condition on an object with the own
 * mark is a success.
 *
 * <p><b>Bounds.</b> A body has at most {@code larder.objects.max-size} bytes. A request to a bucket has at most
 * {@code larder.objects.timeout}, and is made three times at most. A list is read in pages of 1,000.
 */
@NullMarked
package dev.larder.objects;

import org.jspecify.annotations.NullMarked;
