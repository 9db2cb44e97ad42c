package dev.larder.objects;

import java.util.Locale;
import java.util.Optional;

/** Why an object store did not do what it was asked. Its message is for people, without a secret or any of a body. */
public final class ObjectStoreException extends RuntimeException {

    private static final long serialVersionUID = 1;

    /** What every kind of store is reduced to. */
    public enum Reason {
        /** The store has no such object. Never said of a missing bucket, nor where the answer does not tell. */
        OBJECT_NOT_FOUND,
        PRECONDITION_FAILED,
        /** The store does not accept Larder's credentials, or does not let them do this. */
        AUTHENTICATION_FAILED,
        /** The store asks for fewer requests. */
        RATE_LIMITED,
        /** The store cannot be reached, does not answer in time, or gives an answer of unknown meaning. */
        STORE_UNAVAILABLE,
        /** The bucket is missing, in another region or another deployment's, or the store cannot do what is needed. */
        STORE_MISCONFIGURED,
        /** The object's bytes are not those that were written. */
        OBJECT_DAMAGED,
        OBJECT_TOO_LARGE;

        /** As programs know it: {@code object_not_found}. */
        public String code() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private final Reason reason;
    private final transient Optional<String> etag;

    public ObjectStoreException(Reason reason, String message) {
        this(reason, message, Optional.empty());
    }

    private ObjectStoreException(Reason reason, String message, Optional<String> etag) {
        super(message, null, false, false);
        this.reason = reason;
        this.etag = etag;
    }

    static ObjectStoreException notFound(String key) {
        return new ObjectStoreException(Reason.OBJECT_NOT_FOUND, "there is no object " + key);
    }

    static ObjectStoreException failedPrecondition(String key) {
        return new ObjectStoreException(
                Reason.PRECONDITION_FAILED, "the object " + key + " is not as the condition demands");
    }

    static ObjectStoreException tooLarge(String key, long bytesMax) {
        return new ObjectStoreException(
                Reason.OBJECT_TOO_LARGE, "the object " + key + " has more than " + bytesMax + " bytes");
    }

    /** The same, with the ETag that the object has instead. */
    ObjectStoreException current(String is) {
        return new ObjectStoreException(reason, String.valueOf(getMessage()), Optional.of(is));
    }

    public Reason reason() {
        return reason;
    }

    /** Of a failed precondition, where the store told: the ETag that the object has. */
    public Optional<String> etag() {
        return etag == null ? Optional.empty() : etag;
    }

    /** Whether a failure is one of a store, for this reason. */
    public static boolean is(Throwable failure, Reason reason) {
        return failure instanceof ObjectStoreException refused && refused.reason == reason;
    }

    /** Whether a write failed because another writer came before it. */
    static boolean isLostRace(Throwable failure) {
        return is(failure, Reason.PRECONDITION_FAILED) || is(failure, Reason.OBJECT_NOT_FOUND);
    }

    /** Whether the same call may succeed later. */
    boolean passing() {
        return reason == Reason.STORE_UNAVAILABLE || reason == Reason.RATE_LIMITED;
    }
}
