package dev.larder.model;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A whole template version as declared, valid: names are well formed, schedules do not overlap, values fit
 * their types.
 *
 * @param backend {@code postgres}, {@code exec} or {@code terraform}
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
     * One preset of the version.
     *
     * @param instances empty for a preset without prebuilds
     */
    public record PresetDeclaration(
            String name,
            Map<String, String> parameters,
            Optional<Integer> instances,
            Optional<Duration> ttl,
            @Nullable String timezone,
            List<Schedule> schedules,
            HandOut handOut,
            JobLimits jobLimits) {

        /** A preset that hands out the oldest prebuild first, each once, and has no limits of its own. */
        public PresetDeclaration(
                String name,
                Map<String, String> parameters,
                Optional<Integer> instances,
                Optional<Duration> ttl,
                @Nullable String timezone,
                List<Schedule> schedules) {
            this(name, parameters, instances, ttl, timezone, schedules, HandOut.DEFAULT, JobLimits.NONE);
        }
    }

    /**
     * How a preset's prebuilds are handed out.
     *
     * @param order which of several ready prebuilds is handed out first: {@code oldest}, {@code newest},
     *     {@code random}
     * @param maxUses how many claims in turn may have one workspace, with a reset in between, before it is
     *     destroyed; from 1
     */
    public record HandOut(String order, int maxUses) {

        public static final String OLDEST = "oldest";

        /** The oldest first, each once. */
        public static final HandOut DEFAULT = new HandOut(OLDEST, 1);
    }

    /**
     * How many jobs of a preset's stock may be in flight at once; empty is no limit.
     *
     * @param jobs from 1
     * @param deletes how many deletes among them; from 1
     */
    public record JobLimits(Optional<Integer> jobs, Optional<Integer> deletes) {

        public static final JobLimits NONE = new JobLimits(Optional.empty(), Optional.empty());
    }
}
