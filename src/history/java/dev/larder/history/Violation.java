package dev.larder.history;

import dev.larder.history.History.Sample;
import java.util.Set;
import java.util.UUID;

/** A promise of Larder's that a history shows to be broken. */
public sealed interface Violation {

    /** Two claims had one workspace at the same time. */
    record HeldTwice(UUID workspace, UUID claim, UUID other) implements Violation {}

    /** It was acknowledged, and the database does not have it. */
    record AcknowledgedClaimLost(UUID claim, Operation acknowledged) implements Violation {}

    /** What was told of a claim is not what the database has of it. */
    record StateMismatch(UUID claim, String what, Object told, Object kept) implements Violation {}

    /** The database has it, and no call can have made it. */
    record UnrequestedClaim(UUID claim) implements Violation {}

    /** Every call under this key was told that nothing was handed out; something was. */
    record ClaimedThoughRefused(UUID user, String key, Set<UUID> claims) implements Violation {}

    /** One key got different claims. */
    record KeyWithTwoResults(UUID user, String key, Set<UUID> claims, Set<UUID> others) implements Violation {}

    /** One key was granted to two different requests. */
    record KeyReusedForOtherRequest(UUID user, String key, Operation operation) implements Violation {}

    /** What had been granted under this key was not found again. */
    record KeyForgotten(Operation operation) implements Violation {}

    /** The key was refused as reused though nothing else was asked under it. */
    record KeyRefusedWrongly(Operation operation) implements Violation {}

    /** It was seen to have ended, and after that it was active. */
    record ActiveAfterEnd(UUID claim, long endedBefore, Operation active) implements Violation {}

    /** It was acknowledged that it ended, and the database has it as active. */
    record EndNotPersisted(UUID claim) implements Violation {}

    /** It ended, and neither did its user ask for it nor was its time over. */
    record EndedWithoutCause(UUID claim, String reason) implements Violation {}

    /** A renewal was acknowledged although the claim had ended or its time was over. */
    record RenewedAfterEnd(UUID claim, Operation renewed) implements Violation {}

    /** A renewal was acknowledged although it asked for another generation. */
    record RenewedOtherGeneration(UUID claim, Operation renewed) implements Violation {}

    /** Its time was over long ago, and nobody has ended it. */
    record DeadlineMissed(UUID claim, String what) implements Violation {}

    /** Somebody who came later was served from stock while this claim waited. */
    record WaiterOvertaken(UUID waiting, Operation served) implements Violation {}

    /** A body for several got more than it asked for or fewer than it would take. */
    record WrongBatchSize(UUID user, String key, int claims) implements Violation {}

    /** What was handed out should not have been: expired, invalidated, not ready yet. */
    record HandedOutIneligible(UUID claim, UUID workspace, String why) implements Violation {}

    /** Somebody's workspace was deleted before it was given back. */
    record RemovedWhileHeld(UUID workspace, String why) implements Violation {}

    /** A pool held more than is wanted. */
    record Overfilled(Sample sample, int wanted) implements Violation {}

    /**
     * "None in stock" was answered while some were.
     *
     * @param claimable how many could be claimed for certain from before the call until after its answer
     */
    record FalseOutOfStock(Operation operation, String preset, int claimable) implements Violation {}

    /** A rollout has not ended, or long after it began. */
    record RolloutStuck(UUID rollout, String state) implements Violation {}

    /** A line had two rollouts at the same time. */
    record TwoRolloutsOpen(UUID rollout, UUID other) implements Violation {}

    /** Something is left of a rollout that has ended: a preset's role, or stock of a version that is not active. */
    record LeftOfRollout(UUID presetOrWorkspace, String what) implements Violation {}

    /** A stranger got at somebody's claim. */
    record ForeignAccess(Operation operation) implements Violation {}

    /** No promise allows this answer to this call. */
    record Unexpected(Operation operation) implements Violation {}
}
