package dev.larder.http;

import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

/**
 * Answers that say in {@code Location} where the thing is. It is a path: a URI would be made absolute, with the host
 * that the client named.
 */
public final class Located {

    private Located() {}

    /** 201. */
    public static <T> ResponseBuilder<T> created(String path, T made) {
        return at(RestResponse.Status.CREATED, path, made);
    }

    /** 202: it is there, and not done. */
    public static <T> ResponseBuilder<T> accepted(String path, T begun) {
        return at(RestResponse.Status.ACCEPTED, path, begun);
    }

    private static <T> ResponseBuilder<T> at(RestResponse.Status status, String path, T entity) {
        return ResponseBuilder.create(status, entity).header("Location", path);
    }
}
