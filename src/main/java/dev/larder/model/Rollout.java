package dev.larder.model;

import java.time.Instant;
import java.util.UUID;

/**
 * An open rollout, as a plan sees it.
 *
 * @param phaseAt when its state began
 * @param deadlineAt when it is held, where nothing became ready since
 */
public record Rollout(
        UUID id, RolloutCause cause, RolloutState state, Instant phaseAt, Instant deadlineAt, boolean paused) {}
