package dev.larder.reconcile;

import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.Transition;
import java.time.Instant;

/**
 * A preset's pool in numbers (design, section 2.2).
 *
 * @param desired how many are wanted; 0 if the preset is not active
 * @param actual running, expired ones included
 * @param expired of the running, those to be replaced: expired, or with a state that cannot be trusted
 * @param eligible could be claimed: ready, not expired, of a version that is served
 * @param extraneous running, not expired and more than wanted; 0 if the preset is not active
 * @param starting latest build is a start, waiting or with a worker
 * @param stopping latest build is a stop, waiting or with a worker
 * @param deleting latest build is a delete, waiting or with a worker
 */
public record PoolState(
        int desired, int actual, int expired, int eligible, int extraneous, int starting, int stopping, int deleting) {

    static final PoolState NONE = new PoolState(0, 0, 0, 0, 0, 0, 0, 0);

    static PoolState of(PresetSnapshot preset, int desired, Instant at) {
        int actual = 0;
        int expired = 0;
        int eligible = 0;
        int starting = 0;
        int stopping = 0;
        int deleting = 0;
        for (Prebuild prebuild : preset.prebuilds()) {
            if (prebuild.running()) {
                boolean stale = preset.expired(prebuild, at) || prebuild.lost();
                actual++;
                expired += stale ? 1 : 0;
                eligible += prebuild.ready() && !stale && preset.served() ? 1 : 0;
            }
            starting += prebuild.underWay(Transition.START) ? 1 : 0;
            stopping += prebuild.underWay(Transition.STOP) ? 1 : 0;
            deleting += prebuild.underWay(Transition.DELETE) ? 1 : 0;
        }
        int extraneous = preset.active() ? Math.max(actual - expired - desired, 0) : 0;
        return new PoolState(desired, actual, expired, eligible, extraneous, starting, stopping, deleting);
    }

    /** Both together. */
    PoolState and(PoolState other) {
        return new PoolState(
                desired + other.desired,
                actual + other.actual,
                expired + other.expired,
                eligible + other.eligible,
                extraneous + other.extraneous,
                starting + other.starting,
                stopping + other.stopping,
                deleting + other.deleting);
    }

    /** How many prebuilds are missing. */
    public int missing() {
        return Math.max(desired - (actual - expired) - starting, 0);
    }

    /** How many prebuilds one cycle creates: at most the desired number. */
    int creatable() {
        return Math.min(missing(), desired);
    }

    /** Whether more are missing than are wanted at all, which must not happen (design, section 2.3.6). */
    boolean absurd() {
        return missing() > desired;
    }
}
