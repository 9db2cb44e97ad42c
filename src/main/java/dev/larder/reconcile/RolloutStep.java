package dev.larder.reconcile;

import dev.larder.model.RolloutCause;

/**
 * One change of a rollout's state that a cycle makes. A plan has at most one, and decides the rest for the
 * state after it.
 */
public sealed interface RolloutStep {

    /** What metrics and logs call it. */
    default String word() {
        return switch (this) {
            case Begin begin -> "begin";
            case PassCanary pass -> "pass_canary";
            case Hold hold -> "hold";
            case RollBack back -> "roll_back";
            case Finish finish -> "finish";
            case Supersede supersede -> "supersede";
            case Remind remind -> "remind";
        };
    }

    /** Stock of one version is to be renewed, and no rollout does it yet. */
    record Begin(RolloutCause cause) implements RolloutStep {}

    /** The new version is served from now on. */
    record PassCanary() implements RolloutStep {}

    /**
     * It goes no further until a person decides.
     *
     * @param code why, a stable one
     * @param detail why, in a sentence
     */
    record Hold(String code, String detail) implements RolloutStep {}

    /** The version before is made the active one. */
    record RollBack(String code, String detail) implements RolloutStep {}

    /** All is replaced. */
    record Finish() implements RolloutStep {}

    /** @param code why, a stable one */
    record Supersede(String code) implements RolloutStep {}

    /** Template admins are told once more of a rollout that is held. */
    record Remind() implements RolloutStep {}
}
