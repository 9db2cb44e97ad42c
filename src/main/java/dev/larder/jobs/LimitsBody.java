package dev.larder.jobs;

import dev.larder.http.JsonBody;
import io.quarkus.runtime.annotations.RegisterForReflection;
import org.jspecify.annotations.Nullable;

/** The body that sets the limits of jobs in flight; one that is left out is lifted. */
@RegisterForReflection
record LimitsBody(@Nullable Integer jobs, @Nullable Integer deletes) {

    private static final int MOST = 1_000_000;

    static LimitsBody of(byte @Nullable [] bytes) {
        JsonBody body = JsonBody.of(bytes, LimitsBody.class);
        return new LimitsBody(
                body.optionalInteger("jobs", 1, MOST).orElse(null),
                body.optionalInteger("deletes", 1, MOST).orElse(null));
    }
}
