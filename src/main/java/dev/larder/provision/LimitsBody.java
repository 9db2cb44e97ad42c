package dev.larder.provision;

import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The body that sets the limits of jobs in flight; one that is left out is lifted. */
record LimitsBody(@Nullable Integer jobs, @Nullable Integer deletes) {

    private static final int MOST = 1_000_000;

    static LimitsBody of(byte @Nullable [] bytes) {
        JsonBody body = JsonBody.of(bytes == null ? new byte[0] : bytes, "jobs", "deletes");
        return new LimitsBody(
                limit(body, "jobs").orElse(null), limit(body, "deletes").orElse(null));
    }

    private static Optional<Integer> limit(JsonBody body, String field) {
        Optional<Integer> limit = body.optionalInteger(field);
        if (limit.filter(value -> value < 1 || value > MOST).isPresent()) {
            throw Problem.unprocessable("out_of_range", field, "must be from 1 to " + MOST + ".");
        }
        return limit;
    }
}
