package dev.larder.catalog;

import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.PauseScope;
import io.quarkus.runtime.annotations.RegisterForReflection;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Reads a pause from a body: {@code {"scope": "create" | "all", "until": instant?}}. */
final class Pauses {

    private static final long UNTIL_MAX_DAYS = 3_660;

    /** The body that sets a pause. */
    @RegisterForReflection
    record PauseBody(String scope, @Nullable Instant until) {}

    private Pauses() {}

    static PauseView read(byte @Nullable [] body, Instant now) {
        return read(JsonBody.of(body, PauseBody.class), now);
    }

    static PauseView read(JsonBody body, Instant now) {
        String scope = body.text("scope");
        if (Arrays.stream(PauseScope.values()).noneMatch(known -> known.word().equals(scope))) {
            throw Problem.unprocessable("invalid_scope", "scope", "must be create or all.");
        }
        @Nullable Instant until = body.optionalInstant("until").orElse(null);
        if (until != null && !until.isAfter(now)) {
            throw Problem.unprocessable("out_of_range", "until", "must be in the future.");
        }
        if (until != null && until.isAfter(now.plus(UNTIL_MAX_DAYS, ChronoUnit.DAYS))) {
            throw Problem.unprocessable("out_of_range", "until", "must be within ten years; leave it out for ever.");
        }
        return new PauseView(scope, until);
    }
}
