package dev.larder.history;

import dev.larder.history.History.Sample;
import java.util.Set;
import java.util.UUID;

/** A promise of Larder's that a history shows to be broken. */
public sealed interface Violation {

    /** Two claims had one workspace at the same time. */
    record HeldTwice(UUID workspace, UUID claim, UUID other) implements Violation {}

    /** It was acknowledged, and the database does not have it. */
    record Lost(UUID claim, Event acknowledged) implements Violation {}

    /** What was told of a claim is not what the database has of it. */
    record ToldOtherwise(UUID claim, String what, Object told, Object kept) implements Violation {}

    /** The database has it, and no call can have made it. */
    record NobodyAsked(UUID claim) implements Violation {}

    /** Every call under this key was told that nothing was handed out; something was. */
    record TakenThoughRefused(UUID user, String key, Set<UUID> claims) implements Violation {}

    /** One key got different claims. */
    record KeyAnsweredTwice(UUID user, String key, Set<UUID> claims, Set<UUID> others) implements Violation {}

    /** One key was granted to two different requests. */
    record KeyServedAnother(UUID user, String key, Event event) implements Violation {}

    /** What had been granted under this key was not found again. */
    record KeyForgotten(Event event) implements Violation {}

    /** The key was refused as reused though nothing else was asked under it. */
    record KeyRefusedWrongly(Event event) implements Violation {}

    /** It was seen to have ended, and after that it was active. */
    record CameBack(UUID claim, long endedBefore, Event active) implements Violation {}

    /** It was acknowledged that it ended, and the database has it as active. */
    record EndForgotten(UUID claim) implements Violation {}

    /** It ended, and neither did its user ask for it nor was its time over. */
    record EndedUnasked(UUID claim, String reason) implements Violation {}

    /** A renewal was acknowledged although the claim had ended or its time was over. */
    record RenewedAfterEnd(UUID claim, Event renewed) implements Violation {}

    /** A renewal was acknowledged although it asked for another generation. */
    record RenewedAnother(UUID claim, Event renewed) implements Violation {}

    /** Its time was over long ago, and nobody has ended it. */
    record LeftBehind(UUID claim, String what) implements Violation {}

    /** Somebody who came later was served from stock while this claim waited. */
    record PassedOver(UUID waiting, Event served) implements Violation {}

    /** A request for several got more than it asked for or fewer than it would take. */
    record BatchTorn(UUID user, String key, int claims) implements Violation {}

    /** What was handed out should not have been: expired, invalidated, not ready yet. */
    record HandedOutUnfit(UUID claim, UUID workspace, String why) implements Violation {}

    /** Somebody's workspace was deleted before it was given back. */
    record RemovedWhileHeld(UUID workspace, String why) implements Violation {}

    /** A pool held more than is wanted. */
    record Overfilled(Sample sample, int wanted) implements Violation {}

    /**
     * "None in stock" was answered while some were.
     *
     * @param claimable how many could be claimed for certain from before the call until after its answer
     */
    record MissedWrongly(Event event, String preset, int claimable) implements Violation {}

    /** A stranger got at somebody's claim. */
    record Leaked(Event event) implements Violation {}

    /** No promise allows this answer to this call. */
    record Unexpected(Event event) implements Violation {}
}
