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
 * @param files texts by path, in declared order
 * @param uploads the digests of uploaded files, by path, in declared order
 * @param startTimeout within which a start must be ready
 */
public record Declaration(
        String backend,
        Map<String, String> files,
        Map<String, String> uploads,
        Map<String, String> tags,
        Duration startTimeout,
        List<Parameter> parameters,
        List<PresetDeclaration> presets) {

    /** A version that refers to no uploaded file. */
    public Declaration(
            String backend,
            Map<String, String> files,
            Map<String, String> tags,
            Duration startTimeout,
            List<Parameter> parameters,
            List<PresetDeclaration> presets) {
        this(backend, files, Map.of(), tags, startTimeout, parameters, presets);
    }

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
            Renewal renewal) {

        /** A preset that hands out the oldest prebuild first, each once, and renews its stock as by default. */
        public PresetDeclaration(
                String name,
                Map<String, String> parameters,
                Optional<Integer> instances,
                Optional<Duration> ttl,
                @Nullable String timezone,
                List<Schedule> schedules) {
            this(name, parameters, instances, ttl, timezone, schedules, HandOut.DEFAULT, Renewal.DEFAULT);
        }
    }

    /**
     * How a preset's prebuilds are handed out.
     *
     * @param order which of several ready prebuilds is handed out first: {@code oldest}, {@code newest},
     *     {@code random}
     * @param maxUses how many claims in turn may have one workspace, with a reset in between, before it is
     *     destroyed; from 1
     * @param drift what happens where infrastructure was changed by something else: a drifted one is not handed out
     */
    public record HandOut(String order, int maxUses, Drift drift) {

        /** Drift is answered by a replacement, and looked for as often as the deployment says. */
        public HandOut(String order, int maxUses) {
            this(order, maxUses, Drift.DEFAULT);
        }

        public static final String OLDEST = "oldest";

        /** The oldest first, each once. */
        public static final HandOut DEFAULT = new HandOut(OLDEST, 1);
    }

    /**
     * How drift of unclaimed prebuilds is found and answered.
     *
     * @param action {@code replace}, {@code refresh} or {@code ignore}
     * @param interval between two checks of a prebuild; zero: none by schedule; empty: as the deployment says
     */
    public record Drift(String action, Optional<Duration> interval) {

        public static final Drift DEFAULT = new Drift("replace", Optional.empty());
    }

    /** How a preset's stock is built and replaced. */
    public record Renewal(JobLimits limits, RolloutPolicy rollout) {

        /** No limits of its own, and the default rollout. */
        public static final Renewal DEFAULT = new Renewal(JobLimits.NONE, RolloutPolicy.DEFAULT);
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
