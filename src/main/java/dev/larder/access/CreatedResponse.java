package dev.larder.access;

import dev.larder.access.AccessStore.User;
import dev.larder.http.Problem;
import java.util.Optional;
import org.jboss.resteasy.reactive.RestResponse;

/** Responses of status 201. */
final class CreatedResponse {

    private CreatedResponse() {}

    /** 409 {@code user_exists} where the name is taken. A user has no address of its own. */
    static RestResponse<User> user(Optional<User> made) {
        return RestResponse.status(
                RestResponse.Status.CREATED,
                made.orElseThrow(() -> Problem.of(409, "user_exists", "A user of this name exists.")));
    }
}
