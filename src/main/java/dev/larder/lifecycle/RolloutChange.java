package dev.larder.lifecycle;

import dev.larder.model.RolloutState;
import java.util.UUID;

/** What a call to steer a rollout came to. */
public sealed interface RolloutChange {

    /** It was done, or was so before. */
    record Changed(UUID rollout) implements RolloutChange {}

    /** The caller sees no such rollout. */
    record Unknown() implements RolloutChange {}

    /** The rollout has ended before. */
    record Ended(RolloutState state) implements RolloutChange {}

    /** @param code a stable code: what stands against it */
    record Refused(String code) implements RolloutChange {}
}
