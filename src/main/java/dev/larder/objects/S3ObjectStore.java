package dev.larder.objects;

import dev.larder.objects.ObjectStoreException.Reason;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.PutObjectResponse;
import software.amazon.awssdk.services.s3.model.S3Object;

/**
 * Objects in a bucket of S3, or of a store that speaks as S3 does. Each object begins with a {@link Frame}.
 *
 * <p>A write whose answer was lost may have been done. The next attempt then fails its condition on Larder's own
 * object, which the frame tells, and that is a success.
 */
final class S3ObjectStore implements ObjectStore {

    /** An unquoted {@code *} stands for any object in HTTP. No store gives it out as an ETag. */
    private static final String ETAG_OF_NONE = "\"*\"";

    private static final String BEGIN = "bytes=0-" + (Frame.BYTES - 1);

    private final S3AsyncClient client;
    private final S3Calls calls;
    private final String bucket;
    private final String prefix;
    private final long bytesMax;

    /**
     * Opens nothing: the first call does.
     *
     * @param prefix of every key, with a slash at its end; may be empty
     * @param bytesMax of a body, inclusive
     */
    S3ObjectStore(S3AsyncClient client, S3Calls calls, String bucket, String prefix, long bytesMax) {
        this.client = client;
        this.calls = calls;
        this.bucket = bucket;
        this.prefix = prefix;
        this.bytesMax = bytesMax;
    }

    @Override
    public String place() {
        return "s3://" + bucket + (prefix.isEmpty() ? "" : "/" + prefix.substring(0, prefix.length() - 1));
    }

    /** The key in the bucket. */
    private String full(String key) {
        return ObjectKeys.checked(prefix + ObjectKeys.checked(key));
    }

    @Override
    public Uni<StoredObject> get(String key) {
        String full = full(key);
        return calls.insisted(() -> gathered(key, full, null)
                .emitOn(Infrastructure.getDefaultWorkerPool())
                .map(answer -> new StoredObject(info(key, answer.head()), Frame.body(key, answer.bytes()))));
    }

    /** @param range null: all of it */
    private Uni<Gathered.Answer> gathered(String key, String full, @Nullable String range) {
        return calls.once(
                "GET " + key,
                () -> client.getObject(
                        get -> get.bucket(bucket).key(full).range(range), new Gathered(key, bytesMax + Frame.BYTES)));
    }

    private static ObjectInfo info(String key, GetObjectResponse head) {
        return info(key, head.contentLength(), head.eTag(), head.lastModified());
    }

    private static ObjectInfo info(String key, @Nullable Long bytes, String etag, Instant modifiedAt) {
        long size = Math.max(0, (bytes == null ? 0 : bytes) - Frame.BYTES);
        return new ObjectInfo(key, size, etag, modifiedAt);
    }

    @Override
    public Uni<ObjectInfo> head(String key) {
        String full = full(key);
        return calls.insisted(() -> headed(key, full));
    }

    /** HEAD of an absent object, and HEAD in an absent bucket, are answered alike. */
    private Uni<ObjectInfo> headed(String key, String full) {
        return calls.once(
                        "HEAD " + key,
                        () -> client.headObject(head -> head.bucket(bucket).key(full)))
                .map(head -> info(key, head.contentLength(), head.eTag(), head.lastModified()))
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.OBJECT_NOT_FOUND))
                .recoverWithUni(this::inBucket);
    }

    /** The failure, if there is a bucket in which the object can be absent. */
    private <T> Uni<T> inBucket(Throwable absent) {
        return calls.once("HEAD of the bucket", () -> client.headBucket(head -> head.bucket(bucket)))
                .chain(there -> Uni.createFrom().failure(absent));
    }

    @Override
    public Uni<String> put(String key, byte[] body, Condition condition, UUID writer) {
        Write write = new Write(key, full(key), writer);
        if (body.length > bytesMax) {
            return Uni.createFrom().failure(ObjectStoreException.tooLarge(key, bytesMax));
        }
        return calls.insisted(() -> write(write, body, condition)
                        .onFailure(failure -> ObjectStoreException.is(failure, Reason.PRECONDITION_FAILED))
                        .recoverWithUni(failure -> own(write, (ObjectStoreException) failure)))
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.STORE_UNAVAILABLE))
                .recoverWithUni(failure ->
                        own(write, (ObjectStoreException) failure).onFailure().transform(unknown -> failure));
    }

    /** A write that is under way. */
    private record Write(String key, String full, UUID writer) {}

    private Uni<String> write(Write write, byte[] body, Condition condition) {
        byte[] frame = Frame.of(write.writer(), body);
        PutObjectRequest request = request(write.full(), md5(frame, body), condition);
        AsyncRequestBody bytes = AsyncRequestBody.fromByteBuffersUnsafe(ByteBuffer.wrap(frame), ByteBuffer.wrap(body));
        return calls.once("PUT " + write.key(), () -> client.putObject(request, bytes))
                .map(PutObjectResponse::eTag);
    }

    private static byte[] md5(byte[] frame, byte[] body) {
        MessageDigest md5 = Frame.digester("MD5");
        md5.update(frame);
        return md5.digest(body);
    }

    private PutObjectRequest request(String full, byte[] md5, Condition condition) {
        PutObjectRequest.Builder request = PutObjectRequest.builder()
                .bucket(bucket)
                .key(full)
                .contentMD5(Base64.getEncoder().encodeToString(md5));
        return switch (condition) {
            case Condition.Absent() -> request.ifNoneMatch("*").build();
            case Condition.Matches(String etag) ->
                request.ifMatch(etag.equals("*") ? ETAG_OF_NONE : etag).build();
        };
    }

    /** Success where the object is the one of this writer; otherwise the failure. Fails where this cannot be told. */
    private Uni<String> own(Write write, ObjectStoreException refused) {
        return gathered(write.key(), write.full(), BEGIN)
                .map(Optional::of)
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.OBJECT_NOT_FOUND)
                        || ObjectStoreException.is(failure, Reason.OBJECT_DAMAGED))
                .recoverWithItem(Optional.empty())
                .map(begin -> own(write, refused, begin));
    }

    private static String own(Write write, ObjectStoreException refused, Optional<Gathered.Answer> begin) {
        if (begin.isEmpty()) {
            throw refused;
        }
        String etag = begin.get().head().eTag();
        if (Frame.writer(begin.get().bytes()).filter(write.writer()::equals).isEmpty()) {
            throw refused.current(etag);
        }
        return etag;
    }

    @Override
    public Uni<Void> delete(String key) {
        String full = full(key);
        return calls.insisted(() -> calls.once(
                        "DELETE " + key,
                        () -> client.deleteObject(
                                delete -> delete.bucket(bucket).key(full)))
                .replaceWithVoid()
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.OBJECT_NOT_FOUND))
                .recoverWithNull());
    }

    @Override
    public Multi<ObjectInfo> list(String prefix, String after) {
        String from = after.isEmpty() ? null : full(after);
        String full = this.prefix + ObjectKeys.checkedPrefix(prefix);
        return Multi.createBy()
                .repeating()
                .uni(() -> new AtomicReference<@Nullable String>(), token -> page(full, from, token))
                .whilst(ListObjectsV2Response::isTruncated)
                .onItem()
                .transformToIterable(ListObjectsV2Response::contents)
                .map(this::listed);
    }

    private Uni<ListObjectsV2Response> page(
            String full, @Nullable String from, AtomicReference<@Nullable String> token) {
        return calls.insisted(() -> calls.once(
                        "LIST " + full,
                        () -> client.listObjectsV2(list -> list.bucket(bucket)
                                .prefix(full)
                                .startAfter(from)
                                .continuationToken(token.get()))))
                .invoke(page -> token.set(page.nextContinuationToken()));
    }

    private ObjectInfo listed(S3Object object) {
        return info(object.key().substring(prefix.length()), object.size(), object.eTag(), object.lastModified());
    }
}
