package dev.larder.http;

import dev.larder.objects.ObjectStoreException;

/** What a failure of the object store is to the caller of an operation that needs it. Pure. */
final class StoreProblems {

    private StoreProblems() {}

    /** Nothing here is a 404: a caller asks for a state, not for the object in which its body lies. */
    static Problem of(ObjectStoreException failure) {
        return switch (failure.reason()) {
            case OBJECT_NOT_FOUND -> Problem.of(500, "object_missing", "An object that must be in the store is not.");
            case OBJECT_DAMAGED -> Problem.of(500, "object_damaged", "An object of the store was changed.");
            case PRECONDITION_FAILED -> precondition(failure);
            case AUTHENTICATION_FAILED ->
                Problem.of(502, "store_authentication_failed", "The object store refuses this server's credentials.");
            case STORE_MISCONFIGURED ->
                Problem.of(503, "store_misconfigured", "The object store is not the one that this server needs.");
            case RATE_LIMITED ->
                Problem.of(503, "store_rate_limited", "The object store asks for fewer requests.")
                        .withHeader("Retry-After", "5");
            case STORE_UNAVAILABLE ->
                Problem.of(503, "store_unavailable", "The object store does not answer at the moment.")
                        .withHeader("Retry-After", "2");
            case OBJECT_TOO_LARGE ->
                Problem.of(413, "object_too_large", "The object is larger than larder.objects.max-size.");
        };
    }

    private static Problem precondition(ObjectStoreException failure) {
        Problem problem = Problem.of(412, "precondition_failed", "The object is not as the condition demands.");
        return failure.etag().map(etag -> problem.withHeader("ETag", etag)).orElse(problem);
    }
}
