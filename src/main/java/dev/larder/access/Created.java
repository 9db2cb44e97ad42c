package dev.larder.access;

import dev.larder.access.AccessStore.User;
import dev.larder.http.Problem;
import java.util.Optional;
import org.jboss.resteasy.reactive.RestResponse;

/** Answers to what was made: 201 with its address. */
final class Created {

    private Created() {}

    static <T> RestResponse<T> at(String location, T made) {
        return RestResponse.ResponseBuilder.create(RestResponse.Status.CREATED, made)
                .header("Location", location)
                .build();
    }

    /** 409 {@code user_exists} where the name was taken. Users have no address of their own. */
    static RestResponse<User> user(Optional<User> made) {
        return RestResponse.status(
                RestResponse.Status.CREATED,
                made.orElseThrow(() -> Problem.of(409, "user_exists", "There is a user of this name.")));
    }
}
