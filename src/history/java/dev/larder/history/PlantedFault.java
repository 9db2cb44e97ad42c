package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;
import static dev.larder.history.ValidHistories.MILLI;
import static dev.larder.history.ValidHistories.QUIET;
import static dev.larder.history.ValidHistories.SECOND;

import dev.larder.history.FinalState.Removal;
import dev.larder.history.History.Built;
import dev.larder.history.History.Sample;
import dev.larder.history.Request.ClaimBody;
import dev.larder.history.Response.Refused;
import dev.larder.history.Response.Seen;
import dev.larder.history.Violation.AcknowledgedClaimLost;
import dev.larder.history.Violation.ActiveAfterEnd;
import dev.larder.history.Violation.ClaimedThoughRefused;
import dev.larder.history.Violation.DeadlineMissed;
import dev.larder.history.Violation.EndNotPersisted;
import dev.larder.history.Violation.EndedWithoutCause;
import dev.larder.history.Violation.FalseOutOfStock;
import dev.larder.history.Violation.ForeignAccess;
import dev.larder.history.Violation.HandedOutIneligible;
import dev.larder.history.Violation.HeldTwice;
import dev.larder.history.Violation.KeyForgotten;
import dev.larder.history.Violation.KeyRefusedWrongly;
import dev.larder.history.Violation.KeyReusedForOtherRequest;
import dev.larder.history.Violation.KeyWithTwoResults;
import dev.larder.history.Violation.Overfilled;
import dev.larder.history.Violation.RemovedWhileHeld;
import dev.larder.history.Violation.RenewedAfterEnd;
import dev.larder.history.Violation.RenewedOtherGeneration;
import dev.larder.history.Violation.StateMismatch;
import dev.larder.history.Violation.Unexpected;
import dev.larder.history.Violation.UnrequestedClaim;
import dev.larder.history.Violation.WaiterOvertaken;
import dev.larder.history.Violation.WrongBatchSize;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a broken server might do: each constant changes a valid history as that fault would show in it, and names the
 * violation that the checker must find. The fault is planted at the first suitable place.
 */
enum PlantedFault {
    TWO_CLAIMS_GET_ONE_WORKSPACE(
            HeldTwice.class,
            draft -> two(draft, (one, other) -> {
                UUID workspace = workspace(one);
                draft.tell(other.id(), seen -> with(seen, workspace));
                draft.keep(other, claim -> with(claim, workspace));
            })),
    TWO_CLAIMS_ARE_TOLD_ONE_WORKSPACE(
            HeldTwice.class,
            draft -> two(draft, (one, other) -> {
                draft.tell(other.id(), seen -> with(seen, workspace(one)));
            })),
    A_RENEWED_CLAIM_SHARES_ITS_WORKSPACE(
            HeldTwice.class,
            draft -> renewedForCertain(draft)
                    .anyMatch(leased -> first(
                            held(draft).filter(claim -> isActiveWithin(draft, claim, leased)),
                            claim -> draft.tell(claim.id(), seen -> with(seen, workspace(leased)))))),
    A_CLAIM_NOBODY_WAS_TOLD_OF_HAS_ANOTHERS_WORKSPACE(
            HeldTwice.class,
            draft -> first(held(draft), claim -> draft.claims.add(copy(claim, workspace(claim), null)))),
    AN_ACKNOWLEDGED_CLAIM_IS_LOST(
            AcknowledgedClaimLost.class, draft -> first(acknowledged(draft), draft.claims::remove)),
    A_CLAIM_IS_KEPT_FOR_ANOTHER_USER(
            StateMismatch.class,
            draft -> first(acknowledged(draft), claim -> draft.keep(claim, PlantedFault::forAnother))),
    A_CLAIM_IS_KEPT_WITH_ANOTHER_WORKSPACE(
            StateMismatch.class,
            draft -> first(acknowledged(draft), claim -> draft.keep(claim, one -> with(one, UUID.randomUUID())))),
    A_CLAIM_IS_KEPT_WITH_ANOTHER_GENERATION(
            StateMismatch.class,
            draft -> first(
                    acknowledged(draft),
                    claim -> draft.tell(
                            claim.id(),
                            seen -> new Seen(
                                    seen.claim(),
                                    seen.status(),
                                    seen.path(),
                                    seen.workspace(),
                                    seen.workspaceStatus(),
                                    seen.opened(),
                                    claim.generation() + 1,
                                    seen.expires())))),
    A_LEASE_IS_TOLD_LONGER_THAN_IT_IS(
            StateMismatch.class,
            draft -> first(
                    acknowledged(draft).filter(claim -> claim.expires() != NEVER && neverRenewed(draft, claim)),
                    claim -> draft.tell(claim.id(), seen -> with(seen, seen.status(), seen.expires() + SECOND)))),
    THE_OUTPUTS_OPEN_ANOTHERS_WORKSPACE(
            StateMismatch.class,
            draft -> answer(
                    draft,
                    granted(draft).filter(operation -> seen(operation).active()),
                    operation -> active(operation, "ready", UUID.randomUUID()))),
    A_REPEATED_KEY_GETS_A_SECOND_CLAIM(
            KeyWithTwoResults.class,
            draft -> answer(
                    draft,
                    replayed(draft)
                            .filter(operation -> seen(operation).workspace() != null && kept(draft, operation) != null),
                    operation -> {
                        FinalState.Claim second = again(draft, operation);
                        draft.claims.add(second);
                        draft.workspaces.add(new FinalState.Workspace(
                                workspace(second), second.preset(), second.user(), false, operation.sent(), false));
                        return shown(new Seen(
                                second.id(),
                                "active",
                                second.path(),
                                second.workspace(),
                                "ready",
                                null,
                                second.generation(),
                                second.expires()));
                    })),
    A_KEY_MAKES_A_SECOND_CLAIM_THAT_NOBODY_IS_TOLD_OF(
            KeyWithTwoResults.class,
            draft ->
                    first(acknowledged(draft), claim -> draft.claims.add(copy(claim, UUID.randomUUID(), claim.key())))),
    ANOTHER_REQUEST_UNDER_THE_KEY_IS_SERVED(
            KeyReusedForOtherRequest.class,
            draft -> answer(
                    draft,
                    refused(draft, "idempotency_key_reused")
                            .filter(operation -> granted(draft).anyMatch(other -> sameKey(other, operation))),
                    operation -> granted(draft)
                            .filter(other -> sameKey(other, operation))
                            .findFirst()
                            .orElseThrow()
                            .response())),
    A_KEY_IS_FORGOTTEN(
            KeyForgotten.class,
            draft -> answer(
                    draft,
                    replayed(draft)
                            .filter(operation -> !claimBody(operation).waits() && grantedBefore(draft, operation)),
                    operation -> new Refused(409, "no_claimable_workspace"))),
    A_WAITING_CLAIM_IS_FORGOTTEN(
            KeyForgotten.class,
            draft -> answer(
                    draft,
                    replayed(draft)
                            .filter(operation ->
                                    claimBody(operation).waits() && lastsOrWasServed(kept(draft, operation))),
                    operation -> new Refused(409, "no_claimable_workspace"))),
    ANOTHER_REQUEST_UNDER_A_KEY_IS_JUDGED_BY_THE_STOCK(
            KeyForgotten.class,
            draft -> answer(
                    draft,
                    refused(draft, "idempotency_key_reused")
                            .filter(operation -> !claimBody(operation).waits() && grantedBefore(draft, operation)),
                    operation -> new Refused(409, "no_claimable_workspace"))),
    A_NEW_KEY_IS_REFUSED_AS_REUSED(
            KeyRefusedWrongly.class,
            draft -> answer(
                    draft,
                    granted(draft).filter(operation -> isAlone(draft, operation)),
                    operation -> new Refused(422, "idempotency_key_reused"))),
    A_REFUSED_CLAIM_IS_TAKEN(
            ClaimedThoughRefused.class,
            draft -> answer(
                    draft,
                    granted(draft)
                            .filter(operation ->
                                    isAlone(draft, operation) && seen(operation).workspace() != null),
                    operation -> new Refused(409, "no_claimable_workspace"))),
    PART_OF_A_BATCH_IS_GONE(
            WrongBatchSize.class,
            draft -> first(
                    granted(draft)
                            .filter(operation -> isAlone(draft, operation)
                                    && claimBody(operation).atLeast() > 1),
                    operation -> {
                        List<Seen> some = ((Response.Shown) operation.response()).claims();
                        List<UUID> gone = some.subList(claimBody(operation).atLeast() - 1, some.size()).stream()
                                .map(Seen::claim)
                                .toList();
                        draft.claims.removeIf(claim -> gone.contains(claim.id()));
                    })),
    A_BATCH_IS_ANSWERED_WITH_FEWER_THAN_IT_WOULD_TAKE(
            Unexpected.class,
            draft -> answer(
                    draft,
                    granted(draft).filter(operation -> claimBody(operation).atLeast() > 1),
                    operation -> shown(seen(operation)))),
    A_CLAIM_APPEARS_UNDER_A_KEY_THAT_NOBODY_USED(
            UnrequestedClaim.class,
            draft -> first(held(draft), claim -> draft.claims.add(copy(claim, UUID.randomUUID(), "unused")))),
    CLAIMS_APPEAR_THAT_NO_LOST_CALL_EXPLAINS(
            UnrequestedClaim.class,
            draft -> first(held(draft), claim -> {
                long lost = draft.operations.stream()
                        .filter(operation -> operation.response() instanceof Response.Unknown)
                        .count();
                for (int one = 0; one <= lost; one++) {
                    draft.claims.add(copy(claim, UUID.randomUUID(), null));
                }
            })),
    A_RELEASED_CLAIM_IS_ACTIVE_AGAIN(
            ActiveAfterEnd.class,
            draft -> answer(
                    draft,
                    looks(draft)
                            .filter(operation ->
                                    seen(operation).status().equals("released") && releasedBefore(draft, operation)),
                    operation -> shown(
                            with(seen(operation), "active", seen(operation).expires())))),
    A_SERVED_CLAIM_WAITS_AGAIN(
            ActiveAfterEnd.class,
            draft -> answer(
                    draft,
                    looks(draft).filter(operation -> seen(operation).active() && activeBefore(draft, operation)),
                    operation -> shown(
                            new Seen(seen(operation).claim(), "waiting", "waited", null, "", null, null, NEVER)))),
    AN_ACKNOWLEDGED_RELEASE_IS_LOST(
            EndNotPersisted.class,
            draft -> first(
                    draft.claims.stream()
                            .filter(claim -> claim.reason().equals("released"))
                            .filter(claim ->
                                    draft.operations.stream().anyMatch(operation -> released(operation, claim.id())))
                            .filter(claim -> granted(draft).anyMatch(operation -> shows(operation, claim))),
                    claim -> draft.keep(claim, one -> ended(one, NEVER, "")))),
    A_CLAIM_ENDS_BY_ITSELF(
            EndedWithoutCause.class,
            draft -> first(
                    held(draft).filter(claim -> neverReleased(draft, claim)),
                    claim -> draft.keep(claim, one -> ended(one, one.granted() + 100 * MILLI, "released")))),
    A_CLAIM_FAILS_THOUGH_ITS_BUILD_DID_NOT(
            EndedWithoutCause.class,
            draft -> first(
                    held(draft).filter(claim -> neverReleased(draft, claim)),
                    claim -> draft.keep(claim, one -> ended(one, one.granted() + 100 * MILLI, "failed")))),
    A_CLAIM_FROM_STOCK_FAILS_LIKE_A_COLD_ONE(
            EndedWithoutCause.class,
            draft -> first(
                    held(draft).filter(claim -> claim.path().equals("warm") && neverReleased(draft, claim)),
                    claim -> draft.keep(claim, one -> ended(one, one.granted() + 100 * MILLI, "build_failed")))),
    A_LEASE_EXPIRES_EARLY(
            EndedWithoutCause.class,
            draft -> first(
                    draft.claims.stream()
                            .filter(claim -> claim.reason().equals("expired") && neverRenewed(draft, claim)),
                    claim -> draft.keep(claim, one -> ended(one, one.expires() - 20 * MILLI, "expired")))),
    AN_ACKNOWLEDGED_RENEWAL_IS_LOST(
            EndedWithoutCause.class,
            draft -> first(renewedForCertain(draft), claim -> {
                long early = lastRenewal(draft, claim) + 100 * MILLI;
                draft.keep(claim, one -> ended(expiring(one, early), early, "expired"));
            })),
    SOMEBODY_WAITS_LESS_THAN_HE_WOULD(
            EndedWithoutCause.class,
            draft -> first(
                    draft.claims.stream().filter(claim -> claim.reason().equals("timed_out")),
                    claim -> draft.keep(claim, one -> ended(one, one.waitsUntil() - 20 * MILLI, "timed_out")))),
    A_HELD_CLAIM_CANNOT_BE_RENEWED(
            EndedWithoutCause.class,
            draft -> answer(
                    draft,
                    renewals(draft).filter(operation -> {
                        FinalState.Claim kept = kept(draft, operation);
                        return kept != null
                                && neverReleased(draft, kept)
                                && renewals(draft, kept).count() == 1
                                && claimBody(draft, kept)
                                        .filter(asked -> asked.ttlSeconds() == 0)
                                        .isPresent()
                                && activeBefore(draft, operation);
                    }),
                    operation -> new Refused(409, "claim_ended"))),
    AN_ENDED_CLAIM_IS_RENEWED(
            RenewedAfterEnd.class,
            draft -> answer(
                    draft,
                    refused(draft, "claim_ended")
                            .filter(operation -> operation.request() instanceof Request.Renew renew
                                    && looks(draft)
                                            .anyMatch(look -> seen(look).claim().equals(renew.claim())
                                                    && seen(look).workspace() != null
                                                    && seen(look).ended()
                                                    && look.received() < operation.sent())),
                    operation -> {
                        UUID claim = ((Request.Renew) operation.request()).claim();
                        Seen ended = looks(draft)
                                .map(PlantedFault::seen)
                                .filter(seen -> seen.claim().equals(claim) && seen.workspace() != null)
                                .findFirst()
                                .orElseThrow();
                        return shown(with(ended, "active", operation.sent() + SECOND));
                    })),
    A_LEASE_IS_RENEWED_AFTER_ITS_TIME(
            RenewedAfterEnd.class,
            draft -> first(
                    acknowledged(draft).filter(claim -> claim.expires() != NEVER && neverRenewed(draft, claim)),
                    claim -> draft.operations.add(new Operation(
                            9,
                            claim.user(),
                            new Request.Renew(claim.id(), 5, null),
                            shown(with(seenFirst(draft, claim), "active", claim.expires() + 6 * SECOND)),
                            claim.expires() + 20 * MILLI,
                            claim.expires() + 30 * MILLI)))),
    ANOTHER_HOLDING_IS_RENEWED(
            RenewedOtherGeneration.class,
            draft -> first(
                    acknowledged(draft),
                    claim -> draft.operations.add(new Operation(
                            9,
                            claim.user(),
                            new Request.Renew(claim.id(), 5, claim.generation() + 1),
                            shown(seenFirst(draft, claim)),
                            claim.granted() + 50 * MILLI,
                            claim.granted() + 60 * MILLI)))),
    SOMEBODY_WAITS_FOR_EVER(
            DeadlineMissed.class,
            draft -> first(draft.claims.stream().filter(claim -> claim.reason().equals("timed_out")), claim -> {
                draft.keep(claim, one -> ended(one, NEVER, ""));
                draft.servedUntil += 60 * SECOND;
            })),
    A_LEASE_NEVER_ENDS(
            DeadlineMissed.class,
            draft -> first(draft.claims.stream().filter(claim -> claim.reason().equals("expired")), claim -> {
                draft.keep(claim, one -> ended(one, NEVER, ""));
                draft.servedUntil += 60 * SECOND;
            })),
    SOMEBODY_WHO_ARRIVES_IS_SERVED_BEFORE_WHO_WAITS(
            WaiterOvertaken.class,
            draft -> first(draft.claims.stream().filter(claim -> waitsAtLeast(draft, claim, 100 * MILLI)), claim -> {
                long waiting = waitingBy(draft, claim);
                FinalState.Claim served = arrived(claim, waiting + 10 * MILLI);
                draft.claims.add(served);
                draft.operations.add(new Operation(
                        9,
                        served.user(),
                        new Request.Claim("arrived", ClaimBody.one("scarce", "fail")),
                        shown(new Seen(served.id(), "active", "warm", served.workspace(), "ready", null, 2, NEVER)),
                        waiting + MILLI,
                        waiting + 20 * MILLI));
            })),
    AN_EXPIRED_ONE_IS_HANDED_OUT(
            HandedOutIneligible.class,
            draft -> first(
                    draft.claims.stream()
                            .filter(claim ->
                                    fromStock(claim) && preset(draft, claim).ttl() != NEVER),
                    claim -> created(
                            draft, claim, claim.granted() - preset(draft, claim).ttl() - 20 * MILLI))),
    AN_INVALIDATED_ONE_IS_HANDED_OUT(
            HandedOutIneligible.class,
            draft -> draft.operations.stream()
                    .filter(operation -> operation.request() instanceof Request.Invalidate
                            && operation.response() instanceof Response.Done)
                    .anyMatch(operation -> first(
                            draft.claims.stream()
                                    .filter(claim -> fromStock(claim)
                                            && operation.request().equals(new Request.Invalidate(claim.preset(), true))
                                            && firstCall(draft, claim) > operation.received()),
                            claim -> created(draft, claim, operation.sent() - 20 * MILLI)))),
    ONE_IS_HANDED_OUT_BEFORE_IT_IS_READY(
            HandedOutIneligible.class,
            draft -> first(
                    granted(draft)
                            .filter(operation -> seen(operation).active()
                                    && !seen(operation).path().equals("cold")),
                    operation -> {
                        draft.built.removeIf(built ->
                                built.workspace().equals(seen(operation).workspace()));
                        // Later than any answer that may have shown it first.
                        long end = draft.operations.stream()
                                .mapToLong(Operation::received)
                                .max()
                                .orElseThrow();
                        draft.built.add(new Built(
                                Objects.requireNonNull(seen(operation).workspace()), end + MILLI, end + 2 * MILLI));
                    })),
    THE_RECONCILER_DELETES_A_CLAIMED_ONE(
            RemovedWhileHeld.class,
            draft -> first(
                    draft.claims.stream().filter(claim -> claim.workspace() != null),
                    claim -> draft.removals.add(
                            new Removal(workspace(claim), true, "expired", claim.granted() + MILLI)))),
    A_HELD_ONE_IS_DELETED_AS_IF_RELEASED(
            RemovedWhileHeld.class,
            draft -> first(
                    held(draft),
                    claim -> draft.removals.add(
                            new Removal(workspace(claim), false, "released", claim.granted() + MILLI)))),
    A_HELD_ONE_IS_SEEN_BEING_DELETED(
            RemovedWhileHeld.class,
            draft -> answer(
                    draft,
                    granted(draft).filter(operation -> seen(operation).active()),
                    operation -> active(operation, "delete_running", null))),
    A_POOL_HOLDS_ONE_TOO_MANY(
            Overfilled.class,
            draft -> first(
                    draft.presets.stream(),
                    preset -> draft.samples.add(new Sample(preset.id(), preset.instances() + 1, 1)))),
    NONE_IN_STOCK_IS_SAID_OF_A_FULL_POOL(
            FalseOutOfStock.class, draft -> draft.operations.add(miss(ClaimBody.one("p0", "fail"), QUIET))),
    FEWER_IN_STOCK_THAN_THERE_ARE_IS_SAID(
            FalseOutOfStock.class,
            draft -> draft.operations.add(miss(new ClaimBody(List.of("p0"), "fail", 30, 30, 0, 0), QUIET))),
    NONE_IN_STOCK_IS_SAID_IN_THE_MIDDLE(
            FalseOutOfStock.class,
            draft -> first(
                    granted(draft)
                            .filter(operation -> claimBody(operation).equals(ClaimBody.one("p0", "fail"))
                                    && isQuietBefore(draft, operation)),
                    // Right before somebody took one that had been ready for long.
                    operation -> draft.operations.add(miss(claimBody(operation), operation.sent() - 2 * MILLI)))),
    A_STRANGER_SEES_A_CLAIM(
            ForeignAccess.class,
            draft -> first(
                    granted(draft),
                    operation -> draft.operations.add(new Operation(
                            9,
                            UUID.randomUUID(),
                            new Request.Read(seen(operation).claim()),
                            shown(seen(operation)),
                            operation.received() + 1,
                            operation.received() + 2)))),
    A_STRANGER_RELEASES_A_CLAIM(
            ForeignAccess.class,
            draft -> first(
                    granted(draft),
                    operation -> draft.operations.add(new Operation(
                            9,
                            UUID.randomUUID(),
                            new Request.Release(seen(operation).claim(), null),
                            new Response.Done(),
                            operation.received() + 1,
                            operation.received() + 2)))),
    A_CALL_FAILS(
            Unexpected.class,
            draft -> answer(draft, draft.operations.stream(), operation -> new Refused(500, "internal_error"))),
    AN_ACKNOWLEDGED_CLAIM_IS_NOT_FOUND(
            Unexpected.class, draft -> answer(draft, looks(draft), operation -> new Refused(404, "claim_not_found")));

    private final Class<? extends Violation> breaks;
    private final Predicate<MutableHistory> planter;

    PlantedFault(Class<? extends Violation> breaks, Predicate<MutableHistory> planter) {
        this.breaks = breaks;
        this.planter = planter;
    }

    /** What has to be found. */
    Class<? extends Violation> breaks() {
        return breaks;
    }

    /** @return false where the history has no place for it */
    boolean plant(MutableHistory draft) {
        return planter.test(draft);
    }

    private static <T> boolean first(Stream<T> of, Consumer<T> planting) {
        Optional<T> first = of.findFirst();
        first.ifPresent(planting);
        return first.isPresent();
    }

    private static boolean answer(MutableHistory draft, Stream<Operation> of, Function<Operation, Response> answer) {
        return first(of, operation -> draft.answer(operation, answer.apply(operation)));
    }

    private static boolean two(MutableHistory draft, BiConsumer<FinalState.Claim, FinalState.Claim> planting) {
        List<FinalState.Claim> two = held(draft).limit(2).toList();
        if (two.size() == 2) {
            planting.accept(two.getFirst(), two.getLast());
        }
        return two.size() == 2;
    }

    /** Another claim under the same key. */
    private static FinalState.Claim again(MutableHistory draft, Operation replayed) {
        FinalState.Claim first = Objects.requireNonNull(kept(draft, replayed));
        return copy(first, UUID.randomUUID(), first.key());
    }

    // Claims.

    /** Shown to be active to whoever made them, and never given back: they are held from then on. */
    private static Stream<FinalState.Claim> held(MutableHistory draft) {
        return acknowledged(draft)
                .filter(claim -> claim.lasts() && claim.expires() == NEVER)
                .filter(claim -> neverReleased(draft, claim) && neverRenewed(draft, claim));
    }

    /** Shown to be active to whoever made them, with a key. */
    private static Stream<FinalState.Claim> acknowledged(MutableHistory draft) {
        return draft.claims.stream()
                .filter(claim -> granted(draft)
                        .anyMatch(operation ->
                                shows(operation, claim) && seen(operation).active()));
    }

    /** Leases that were renewed, which was acknowledged each time, and that have expired in the end. */
    private static Stream<FinalState.Claim> renewedForCertain(MutableHistory draft) {
        return acknowledged(draft)
                .filter(claim -> claim.reason().equals("expired"))
                .filter(claim -> neverReleased(draft, claim) && !neverRenewed(draft, claim))
                .filter(claim ->
                        renewals(draft, claim).allMatch(operation -> operation.response() instanceof Response.Shown));
    }

    private static boolean isActiveWithin(MutableHistory draft, FinalState.Claim claim, FinalState.Claim leased) {
        long active = activeBy(draft, claim);
        return active > activeBy(draft, leased) && active < lastRenewal(draft, leased);
    }

    private static long activeBy(MutableHistory draft, FinalState.Claim claim) {
        return draft.operations.stream()
                .filter(operation ->
                        shows(operation, claim) && seen(operation, claim).active())
                .mapToLong(Operation::received)
                .min()
                .orElse(NEVER);
    }

    private static long waitingBy(MutableHistory draft, FinalState.Claim claim) {
        return draft.operations.stream()
                .filter(operation ->
                        shows(operation, claim) && seen(operation, claim).waits())
                .mapToLong(Operation::received)
                .min()
                .orElse(NEVER);
    }

    private static boolean waitsAtLeast(MutableHistory draft, FinalState.Claim claim, long nanos) {
        long waiting = waitingBy(draft, claim);
        long over = Math.min(claim.waitsUntil(), Math.min(claim.granted(), claim.ended()));
        return waiting != NEVER && waiting + nanos < over;
    }

    private static boolean neverReleased(MutableHistory draft, FinalState.Claim claim) {
        return draft.operations.stream()
                .noneMatch(operation -> operation.request() instanceof Request.Release release
                        && release.claim().equals(claim.id()));
    }

    private static Stream<Operation> renewals(MutableHistory draft, FinalState.Claim claim) {
        return draft.operations.stream()
                .filter(operation -> operation.request() instanceof Request.Renew renew
                        && renew.claim().equals(claim.id()))
                .filter(operation -> !(operation.response() instanceof Refused));
    }

    private static boolean neverRenewed(MutableHistory draft, FinalState.Claim claim) {
        return renewals(draft, claim).findAny().isEmpty();
    }

    private static long lastRenewal(MutableHistory draft, FinalState.Claim claim) {
        return renewals(draft, claim).mapToLong(Operation::sent).max().orElse(-1);
    }

    private static boolean fromStock(FinalState.Claim claim) {
        return claim.workspace() != null && !claim.path().equals("cold");
    }

    private static FinalState.Preset preset(MutableHistory draft, FinalState.Claim claim) {
        return draft.presets.stream()
                .filter(preset -> preset.id().equals(claim.preset()))
                .findFirst()
                .orElseThrow();
    }

    private static long firstCall(MutableHistory draft, FinalState.Claim claim) {
        return draft.operations.stream()
                .filter(operation -> operation.user().equals(claim.user())
                        && operation.request() instanceof Request.Claim(var key, var body)
                        && key != null
                        && key.equals(claim.key()))
                .mapToLong(Operation::sent)
                .min()
                .orElse(-1);
    }

    private static void created(MutableHistory draft, FinalState.Claim claim, long created) {
        draft.workspaces.replaceAll(one -> one.id().equals(claim.workspace())
                ? new FinalState.Workspace(one.id(), one.preset(), one.owner(), one.prebuild(), created, one.stocked())
                : one);
    }

    private static UUID workspace(FinalState.Claim claim) {
        return Objects.requireNonNull(claim.workspace());
    }

    private static FinalState.Claim copy(FinalState.Claim claim, UUID workspace, @Nullable String key) {
        return new FinalState.Claim(
                UUID.randomUUID(),
                claim.user(),
                workspace,
                claim.preset(),
                "cold",
                key,
                claim.created() + 1,
                claim.granted() + 1,
                1,
                NEVER,
                NEVER,
                NEVER,
                "");
    }

    /** Somebody else's, of the same preset. */
    private static FinalState.Claim arrived(FinalState.Claim waiting, long granted) {
        return new FinalState.Claim(
                UUID.randomUUID(),
                UUID.randomUUID(),
                UUID.randomUUID(),
                waiting.preset(),
                "warm",
                "arrived",
                granted,
                granted,
                2,
                NEVER,
                NEVER,
                NEVER,
                "");
    }

    private static FinalState.Claim with(FinalState.Claim claim, UUID workspace) {
        return changed(claim, claim.user(), workspace, claim.expires(), claim.ended(), claim.reason());
    }

    private static FinalState.Claim forAnother(FinalState.Claim claim) {
        return changed(claim, UUID.randomUUID(), claim.workspace(), claim.expires(), claim.ended(), claim.reason());
    }

    private static FinalState.Claim expiring(FinalState.Claim claim, long expires) {
        return changed(claim, claim.user(), claim.workspace(), expires, claim.ended(), claim.reason());
    }

    private static FinalState.Claim ended(FinalState.Claim claim, long ended, String reason) {
        return changed(claim, claim.user(), claim.workspace(), claim.expires(), ended, reason);
    }

    private static FinalState.Claim changed(
            FinalState.Claim claim, UUID user, @Nullable UUID workspace, long expires, long ended, String reason) {
        return new FinalState.Claim(
                claim.id(),
                user,
                workspace,
                claim.preset(),
                claim.path(),
                claim.key(),
                claim.created(),
                claim.granted(),
                claim.generation(),
                claim.waitsUntil(),
                expires,
                ended,
                reason);
    }

    // Events.

    /** Claims with a key that were answered with some. */
    private static Stream<Operation> granted(MutableHistory draft) {
        return draft.operations.stream()
                .filter(operation -> operation.request() instanceof Request.Claim(var key, var body)
                        && key != null
                        && operation.response() instanceof Response.Shown);
    }

    private static Stream<Operation> replayed(MutableHistory draft) {
        return granted(draft)
                .filter(operation -> operation.response() instanceof Response.Shown(var seen, var again) && again);
    }

    private static Stream<Operation> refused(MutableHistory draft, String code) {
        return draft.operations.stream()
                .filter(operation -> operation.response() instanceof Refused refused
                        && refused.code().equals(code));
    }

    private static Stream<Operation> looks(MutableHistory draft) {
        return draft.operations.stream()
                .filter(operation ->
                        operation.request() instanceof Request.Read && operation.response() instanceof Response.Shown);
    }

    private static Stream<Operation> renewals(MutableHistory draft) {
        return draft.operations.stream()
                .filter(operation ->
                        operation.request() instanceof Request.Renew && operation.response() instanceof Response.Shown);
    }

    private static boolean grantedBefore(MutableHistory draft, Operation operation) {
        return granted(draft).anyMatch(other -> sameKey(other, operation) && other.received() < operation.sent());
    }

    private static boolean isAlone(MutableHistory draft, Operation operation) {
        return draft.operations.stream()
                        .filter(other -> sameKey(other, operation))
                        .count()
                == 1;
    }

    private static boolean sameKey(Operation one, Operation other) {
        return one.user().equals(other.user())
                && one.request() instanceof Request.Claim(var key, var body)
                && other.request() instanceof Request.Claim(var otherKey, var otherRequest)
                && key != null
                && key.equals(otherKey);
    }

    private static boolean released(Operation operation, UUID claim) {
        return operation.request() instanceof Request.Release release
                && release.claim().equals(claim)
                && operation.response() instanceof Response.Done;
    }

    private static boolean releasedBefore(MutableHistory draft, Operation look) {
        return draft.operations.stream()
                .anyMatch(operation -> released(operation, seen(look).claim()) && operation.received() < look.sent());
    }

    private static boolean activeBefore(MutableHistory draft, Operation operation) {
        FinalState.Claim kept = kept(draft, operation);
        return kept != null && activeBy(draft, kept) < operation.sent();
    }

    /** Nobody else's call may have been in the way of one right before this one. */
    private static boolean isQuietBefore(MutableHistory draft, Operation operation) {
        return operation.sent() > QUIET + SECOND
                && draft.operations.stream()
                        .filter(other -> !other.equals(operation) && other.request() instanceof Request.Claim)
                        .filter(other -> claimBody(other).presets().contains("p0"))
                        .noneMatch(
                                other -> other.received() + AvailabilityCheck.AFTERLIFE > operation.sent() - 2 * MILLI
                                        && other.response() instanceof Response.Unknown
                                        && other.sent() < operation.sent());
    }

    private static Operation miss(ClaimBody body, long called) {
        return new Operation(
                9,
                UUID.randomUUID(),
                new Request.Claim("missed", body),
                new Refused(409, "no_claimable_workspace"),
                called,
                called + MILLI);
    }

    private static ClaimBody claimBody(Operation operation) {
        return ((Request.Claim) operation.request()).body();
    }

    private static Optional<ClaimBody> claimBody(MutableHistory draft, FinalState.Claim claim) {
        return granted(draft)
                .filter(operation -> shows(operation, claim))
                .map(PlantedFault::claimBody)
                .findFirst();
    }

    private static FinalState.@Nullable Claim kept(MutableHistory draft, Operation operation) {
        return draft.claims.stream()
                .filter(claim -> claim.id().equals(seen(operation).claim()))
                .findFirst()
                .orElse(null);
    }

    private static boolean lastsOrWasServed(FinalState.@Nullable Claim claim) {
        return claim != null && (claim.lasts() || claim.workspace() != null);
    }

    // What was seen.

    private static boolean shows(Operation operation, FinalState.Claim claim) {
        return operation.response() instanceof Response.Shown(var claims, var replayed)
                && claims.stream().anyMatch(seen -> seen.claim().equals(claim.id()));
    }

    private static Seen seen(Operation operation) {
        return ((Response.Shown) operation.response()).claims().getFirst();
    }

    private static Seen seen(Operation operation, FinalState.Claim claim) {
        return ((Response.Shown) operation.response())
                .claims().stream()
                        .filter(seen -> seen.claim().equals(claim.id()))
                        .findFirst()
                        .orElseThrow();
    }

    private static Seen seenFirst(MutableHistory draft, FinalState.Claim claim) {
        return draft.operations.stream()
                .filter(operation -> shows(operation, claim))
                .map(operation -> seen(operation, claim))
                .filter(Seen::active)
                .findFirst()
                .orElseThrow();
    }

    /** The claim as the event shows it, with this said of its workspace. */
    private static Response active(Operation operation, String workspaceStatus, @Nullable UUID opened) {
        Seen seen = seen(operation);
        return shown(new Seen(
                seen.claim(),
                "active",
                seen.path(),
                seen.workspace(),
                workspaceStatus,
                opened,
                seen.generation(),
                seen.expires()));
    }

    private static Response shown(Seen seen) {
        return new Response.Shown(List.of(seen), false);
    }

    private static Seen with(Seen seen, UUID workspace) {
        return new Seen(
                seen.claim(),
                seen.status(),
                seen.path(),
                workspace,
                seen.workspaceStatus(),
                null,
                seen.generation(),
                seen.expires());
    }

    private static Seen with(Seen seen, String status, long expires) {
        return new Seen(seen.claim(), status, seen.path(), seen.workspace(), "ready", null, seen.generation(), expires);
    }
}
