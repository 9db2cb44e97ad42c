package dev.larder.model;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A whole template version as declared, valid: names are well formed, schedules do not overlap, values fit their types.
 *
 * @param backend {@code postgres} or {@code exec}
 * @param files by path, in declared order
 * @param startTimeout within which a start must be ready
 */
public record Declaration(
        String backend,
        Map<String, String> files,
        Map<String, String> tags,
        Duration startTimeout,
        List<Parameter> parameters,
        List<PresetDeclaration> presets) {

    /**
     * @param instances empty for a preset without prebuilds
     * @param claimOrder which of several ready prebuilds is handed out first: {@code oldest}, {@code newest}, {@code random}
     * @param maxUses how many in turn may have one workspace, with a reset in between, before it is destroyed; from 1
     * @param maxJobs how many jobs of its stock may be in flight at once; from 1
     * @param maxDeletes how many deletes among them; from 1
     */
    public record PresetDeclaration(
            String name,
            Map<String, String> parameters,
            Optional<Integer> instances,
            Optional<Duration> ttl,
            @Nullable String timezone,
            List<Schedule> schedules,
            String claimOrder,
            int maxUses,
            Optional<Integer> maxJobs,
            Optional<Integer> maxDeletes) {

        public static final String OLDEST = "oldest";

        /** One that hands out the oldest first, each once, and has no limits of its own. */
        public PresetDeclaration(
                String name,
                Map<String, String> parameters,
                Optional<Integer> instances,
                Optional<Duration> ttl,
                @Nullable String timezone,
                List<Schedule> schedules) {
            this(name, parameters, instances, ttl, timezone, schedules, OLDEST, 1, Optional.empty(), Optional.empty());
        }
    }
}
