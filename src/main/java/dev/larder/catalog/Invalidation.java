package dev.larder.catalog;

import dev.larder.http.Filters;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import io.quarkus.runtime.annotations.RegisterForReflection;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What an invalidation asks for, as a parameter or in the body. */
final class Invalidation {

    static final String DESCRIPTION =
            "Prebuilds of a preset whose rollout strategy is rolling are handed out until they are replaced; those of a"
                    + " preset whose strategy is replace are no longer handed out.";
    static final String IMMEDIATELY =
            "true: none of them is handed out from now on, as after the leak of a secret. Until others are built,"
                    + " nothing is in stock. The body may say it in place of this parameter";

    /** The body of an invalidation; it may be left out. */
    @RegisterForReflection
    record Body(@Nullable Boolean immediately) {}

    private Invalidation() {}

    /** Code {@code conflicting_parameters} where parameter and body contradict each other. */
    static boolean immediately(@Nullable String parameter, byte @Nullable [] body) {
        boolean asked = Filters.flag("immediately", parameter);
        Optional<Boolean> inBody = JsonBody.ofOptional(body, Body.class).optionalBoolean("immediately");
        if (parameter != null && inBody.isPresent() && inBody.get() != asked) {
            throw Problem.badRequest("conflicting_parameters", "immediately", "differs between parameter and body.");
        }
        return inBody.orElse(asked);
    }
}
