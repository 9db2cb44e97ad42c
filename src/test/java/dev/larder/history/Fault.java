package dev.larder.history;

import static dev.larder.history.LegalHistories.MILLI;
import static dev.larder.history.LegalHistories.QUIET;
import static dev.larder.history.LegalHistories.SECOND;
import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Answer.Refused;
import dev.larder.history.Answer.Seen;
import dev.larder.history.Call.Request;
import dev.larder.history.History.Built;
import dev.larder.history.History.Sample;
import dev.larder.history.Tables.Removal;
import dev.larder.history.Violation.BatchTorn;
import dev.larder.history.Violation.CameBack;
import dev.larder.history.Violation.EndForgotten;
import dev.larder.history.Violation.EndedUnasked;
import dev.larder.history.Violation.HandedOutUnfit;
import dev.larder.history.Violation.HeldTwice;
import dev.larder.history.Violation.KeyAnsweredTwice;
import dev.larder.history.Violation.KeyForgotten;
import dev.larder.history.Violation.KeyRefusedWrongly;
import dev.larder.history.Violation.KeyServedAnother;
import dev.larder.history.Violation.Leaked;
import dev.larder.history.Violation.LeftBehind;
import dev.larder.history.Violation.Lost;
import dev.larder.history.Violation.MissedWrongly;
import dev.larder.history.Violation.NobodyAsked;
import dev.larder.history.Violation.Overfilled;
import dev.larder.history.Violation.PassedOver;
import dev.larder.history.Violation.RemovedWhileHeld;
import dev.larder.history.Violation.RenewedAfterEnd;
import dev.larder.history.Violation.RenewedAnother;
import dev.larder.history.Violation.TakenThoughRefused;
import dev.larder.history.Violation.ToldOtherwise;
import dev.larder.history.Violation.Unexpected;
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
 * What a broken Larder might do: how a history would look then, and as what the checker has to find it. Each takes the first
 * place it finds in a legal history.
 */
enum Fault {
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
    AN_ACKNOWLEDGED_CLAIM_IS_LOST(Lost.class, draft -> first(acknowledged(draft), draft.claims::remove)),
    A_CLAIM_IS_KEPT_FOR_ANOTHER_USER(
            ToldOtherwise.class, draft -> first(acknowledged(draft), claim -> draft.keep(claim, Fault::forAnother))),
    A_CLAIM_IS_KEPT_WITH_ANOTHER_WORKSPACE(
            ToldOtherwise.class,
            draft -> first(acknowledged(draft), claim -> draft.keep(claim, one -> with(one, UUID.randomUUID())))),
    A_CLAIM_IS_KEPT_WITH_ANOTHER_GENERATION(
            ToldOtherwise.class,
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
            ToldOtherwise.class,
            draft -> first(
                    acknowledged(draft).filter(claim -> claim.expires() != NEVER && neverRenewed(draft, claim)),
                    claim -> draft.tell(claim.id(), seen -> with(seen, seen.status(), seen.expires() + SECOND)))),
    THE_OUTPUTS_OPEN_ANOTHERS_WORKSPACE(
            ToldOtherwise.class,
            draft -> answer(
                    draft,
                    granted(draft).filter(event -> seen(event).active()),
                    event -> active(event, "ready", UUID.randomUUID()))),
    A_REPEATED_KEY_GETS_A_SECOND_CLAIM(
            KeyAnsweredTwice.class,
            draft -> answer(
                    draft,
                    replayed(draft).filter(event -> seen(event).workspace() != null && kept(draft, event) != null),
                    event -> {
                        Tables.Claim second = again(draft, event);
                        draft.claims.add(second);
                        draft.workspaces.add(new Tables.Workspace(
                                workspace(second), second.preset(), second.user(), false, event.called()));
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
            KeyAnsweredTwice.class,
            draft ->
                    first(acknowledged(draft), claim -> draft.claims.add(copy(claim, UUID.randomUUID(), claim.key())))),
    ANOTHER_REQUEST_UNDER_THE_KEY_IS_SERVED(
            KeyServedAnother.class,
            draft -> answer(
                    draft,
                    refused(draft, "idempotency_key_reused")
                            .filter(event -> granted(draft).anyMatch(other -> sameKey(other, event))),
                    event -> granted(draft)
                            .filter(other -> sameKey(other, event))
                            .findFirst()
                            .orElseThrow()
                            .answer())),
    A_KEY_IS_FORGOTTEN(
            KeyForgotten.class,
            draft -> answer(
                    draft,
                    replayed(draft).filter(event -> !request(event).waits() && grantedBefore(draft, event)),
                    event -> new Refused(409, "no_claimable_workspace"))),
    A_WAITING_CLAIM_IS_FORGOTTEN(
            KeyForgotten.class,
            draft -> answer(
                    draft,
                    replayed(draft).filter(event -> request(event).waits() && lastsOrWasServed(kept(draft, event))),
                    event -> new Refused(409, "no_claimable_workspace"))),
    ANOTHER_REQUEST_UNDER_A_KEY_IS_JUDGED_BY_THE_STOCK(
            KeyForgotten.class,
            draft -> answer(
                    draft,
                    refused(draft, "idempotency_key_reused")
                            .filter(event -> !request(event).waits() && grantedBefore(draft, event)),
                    event -> new Refused(409, "no_claimable_workspace"))),
    A_NEW_KEY_IS_REFUSED_AS_REUSED(
            KeyRefusedWrongly.class,
            draft -> answer(
                    draft,
                    granted(draft).filter(event -> isAlone(draft, event)),
                    event -> new Refused(422, "idempotency_key_reused"))),
    A_REFUSED_CLAIM_IS_TAKEN(
            TakenThoughRefused.class,
            draft -> answer(
                    draft,
                    granted(draft)
                            .filter(event ->
                                    isAlone(draft, event) && seen(event).workspace() != null),
                    event -> new Refused(409, "no_claimable_workspace"))),
    PART_OF_A_BATCH_IS_GONE(
            BatchTorn.class,
            draft -> first(
                    granted(draft)
                            .filter(event ->
                                    isAlone(draft, event) && request(event).atLeast() > 1),
                    event -> {
                        List<Seen> some = ((Answer.Shown) event.answer()).claims();
                        List<UUID> gone = some.subList(request(event).atLeast() - 1, some.size()).stream()
                                .map(Seen::claim)
                                .toList();
                        draft.claims.removeIf(claim -> gone.contains(claim.id()));
                    })),
    A_BATCH_IS_ANSWERED_WITH_FEWER_THAN_IT_WOULD_TAKE(
            Unexpected.class,
            draft -> answer(
                    draft, granted(draft).filter(event -> request(event).atLeast() > 1), event -> shown(seen(event)))),
    A_CLAIM_APPEARS_UNDER_A_KEY_THAT_NOBODY_USED(
            NobodyAsked.class,
            draft -> first(held(draft), claim -> draft.claims.add(copy(claim, UUID.randomUUID(), "unused")))),
    CLAIMS_APPEAR_THAT_NO_LOST_CALL_EXPLAINS(
            NobodyAsked.class,
            draft -> first(held(draft), claim -> {
                long lost = draft.events.stream()
                        .filter(event -> event.answer() instanceof Answer.Unknown)
                        .count();
                for (int one = 0; one <= lost; one++) {
                    draft.claims.add(copy(claim, UUID.randomUUID(), null));
                }
            })),
    A_RELEASED_CLAIM_IS_ACTIVE_AGAIN(
            CameBack.class,
            draft -> answer(
                    draft,
                    looks(draft)
                            .filter(event -> seen(event).status().equals("released") && releasedBefore(draft, event)),
                    event -> shown(with(seen(event), "active", seen(event).expires())))),
    A_SERVED_CLAIM_WAITS_AGAIN(
            CameBack.class,
            draft -> answer(
                    draft,
                    looks(draft).filter(event -> seen(event).active() && activeBefore(draft, event)),
                    event -> shown(new Seen(seen(event).claim(), "waiting", "waited", null, "", null, null, NEVER)))),
    AN_ACKNOWLEDGED_RELEASE_IS_LOST(
            EndForgotten.class,
            draft -> first(
                    draft.claims.stream()
                            .filter(claim -> claim.reason().equals("released"))
                            .filter(claim -> draft.events.stream().anyMatch(event -> released(event, claim.id())))
                            .filter(claim -> granted(draft).anyMatch(event -> shows(event, claim))),
                    claim -> draft.keep(claim, one -> ended(one, NEVER, "")))),
    A_CLAIM_ENDS_BY_ITSELF(
            EndedUnasked.class,
            draft -> first(
                    held(draft).filter(claim -> neverReleased(draft, claim)),
                    claim -> draft.keep(claim, one -> ended(one, one.granted() + 100 * MILLI, "released")))),
    A_CLAIM_FAILS_THOUGH_ITS_BUILD_DID_NOT(
            EndedUnasked.class,
            draft -> first(
                    held(draft).filter(claim -> neverReleased(draft, claim)),
                    claim -> draft.keep(claim, one -> ended(one, one.granted() + 100 * MILLI, "failed")))),
    A_CLAIM_FROM_STOCK_FAILS_LIKE_A_COLD_ONE(
            EndedUnasked.class,
            draft -> first(
                    held(draft).filter(claim -> claim.path().equals("warm") && neverReleased(draft, claim)),
                    claim -> draft.keep(claim, one -> ended(one, one.granted() + 100 * MILLI, "build_failed")))),
    A_LEASE_EXPIRES_EARLY(
            EndedUnasked.class,
            draft -> first(
                    draft.claims.stream()
                            .filter(claim -> claim.reason().equals("expired") && neverRenewed(draft, claim)),
                    claim -> draft.keep(claim, one -> ended(one, one.expires() - 20 * MILLI, "expired")))),
    AN_ACKNOWLEDGED_RENEWAL_IS_LOST(
            EndedUnasked.class,
            draft -> first(renewedForCertain(draft), claim -> {
                long early = lastRenewal(draft, claim) + 100 * MILLI;
                draft.keep(claim, one -> ended(expiring(one, early), early, "expired"));
            })),
    SOMEBODY_WAITS_LESS_THAN_HE_WOULD(
            EndedUnasked.class,
            draft -> first(
                    draft.claims.stream().filter(claim -> claim.reason().equals("timed_out")),
                    claim -> draft.keep(claim, one -> ended(one, one.waitsUntil() - 20 * MILLI, "timed_out")))),
    A_HELD_CLAIM_CANNOT_BE_RENEWED(
            EndedUnasked.class,
            draft -> answer(
                    draft,
                    renewals(draft).filter(event -> {
                        Tables.Claim kept = kept(draft, event);
                        return kept != null
                                && neverReleased(draft, kept)
                                && renewals(draft, kept).count() == 1
                                && request(draft, kept)
                                        .filter(asked -> asked.ttlSeconds() == 0)
                                        .isPresent()
                                && activeBefore(draft, event);
                    }),
                    event -> new Refused(409, "claim_ended"))),
    AN_ENDED_CLAIM_IS_RENEWED(
            RenewedAfterEnd.class,
            draft -> answer(
                    draft,
                    refused(draft, "claim_ended")
                            .filter(event -> event.call() instanceof Call.Renew renew
                                    && looks(draft)
                                            .anyMatch(look -> seen(look).claim().equals(renew.claim())
                                                    && seen(look).workspace() != null
                                                    && seen(look).ended()
                                                    && look.answered() < event.called())),
                    event -> {
                        UUID claim = ((Call.Renew) event.call()).claim();
                        Seen ended = looks(draft)
                                .map(Fault::seen)
                                .filter(seen -> seen.claim().equals(claim) && seen.workspace() != null)
                                .findFirst()
                                .orElseThrow();
                        return shown(with(ended, "active", event.called() + SECOND));
                    })),
    A_LEASE_IS_RENEWED_AFTER_ITS_TIME(
            RenewedAfterEnd.class,
            draft -> first(
                    acknowledged(draft).filter(claim -> claim.expires() != NEVER && neverRenewed(draft, claim)),
                    claim -> draft.events.add(new Event(
                            9,
                            claim.user(),
                            new Call.Renew(claim.id(), 5, null),
                            shown(with(seenFirst(draft, claim), "active", claim.expires() + 6 * SECOND)),
                            claim.expires() + 20 * MILLI,
                            claim.expires() + 30 * MILLI)))),
    ANOTHER_HOLDING_IS_RENEWED(
            RenewedAnother.class,
            draft -> first(
                    acknowledged(draft),
                    claim -> draft.events.add(new Event(
                            9,
                            claim.user(),
                            new Call.Renew(claim.id(), 5, claim.generation() + 1),
                            shown(seenFirst(draft, claim)),
                            claim.granted() + 50 * MILLI,
                            claim.granted() + 60 * MILLI)))),
    SOMEBODY_WAITS_FOR_EVER(
            LeftBehind.class,
            draft -> first(draft.claims.stream().filter(claim -> claim.reason().equals("timed_out")), claim -> {
                draft.keep(claim, one -> ended(one, NEVER, ""));
                draft.servedUntil += 60 * SECOND;
            })),
    A_LEASE_NEVER_ENDS(
            LeftBehind.class,
            draft -> first(draft.claims.stream().filter(claim -> claim.reason().equals("expired")), claim -> {
                draft.keep(claim, one -> ended(one, NEVER, ""));
                draft.servedUntil += 60 * SECOND;
            })),
    SOMEBODY_WHO_ARRIVES_IS_SERVED_BEFORE_WHO_WAITS(
            PassedOver.class,
            draft -> first(draft.claims.stream().filter(claim -> waitsAtLeast(draft, claim, 100 * MILLI)), claim -> {
                long waiting = waitingBy(draft, claim);
                Tables.Claim served = arrived(claim, waiting + 10 * MILLI);
                draft.claims.add(served);
                draft.events.add(new Event(
                        9,
                        served.user(),
                        new Call.Claim("arrived", Request.one("scarce", "fail")),
                        shown(new Seen(served.id(), "active", "warm", served.workspace(), "ready", null, 2, NEVER)),
                        waiting + MILLI,
                        waiting + 20 * MILLI));
            })),
    AN_EXPIRED_ONE_IS_HANDED_OUT(
            HandedOutUnfit.class,
            draft -> first(
                    draft.claims.stream()
                            .filter(claim ->
                                    fromStock(claim) && preset(draft, claim).ttl() != NEVER),
                    claim -> created(
                            draft, claim, claim.granted() - preset(draft, claim).ttl() - 20 * MILLI))),
    AN_INVALIDATED_ONE_IS_HANDED_OUT(
            HandedOutUnfit.class,
            draft -> draft.events.stream()
                    .filter(event -> event.call() instanceof Call.Invalidate && event.answer() instanceof Answer.Done)
                    .anyMatch(event -> first(
                            draft.claims.stream()
                                    .filter(claim -> fromStock(claim)
                                            && event.call().equals(new Call.Invalidate(claim.preset()))
                                            && firstCall(draft, claim) > event.answered()),
                            claim -> created(draft, claim, event.called() - 20 * MILLI)))),
    ONE_IS_HANDED_OUT_BEFORE_IT_IS_READY(
            HandedOutUnfit.class,
            draft -> first(
                    granted(draft)
                            .filter(event ->
                                    seen(event).active() && !seen(event).path().equals("cold")),
                    event -> {
                        draft.built.removeIf(
                                built -> built.workspace().equals(seen(event).workspace()));
                        // Later than any answer that may have shown it first.
                        long end = draft.events.stream()
                                .mapToLong(Event::answered)
                                .max()
                                .orElseThrow();
                        draft.built.add(new Built(
                                Objects.requireNonNull(seen(event).workspace()), end + MILLI, end + 2 * MILLI));
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
                    granted(draft).filter(event -> seen(event).active()),
                    event -> active(event, "delete_running", null))),
    A_POOL_HOLDS_ONE_TOO_MANY(
            Overfilled.class,
            draft -> first(
                    draft.presets.stream(),
                    preset -> draft.samples.add(new Sample(preset.id(), preset.instances() + 1, 1)))),
    NONE_IN_STOCK_IS_SAID_OF_A_FULL_POOL(
            MissedWrongly.class, draft -> draft.events.add(miss(Request.one("p0", "fail"), QUIET))),
    FEWER_IN_STOCK_THAN_THERE_ARE_IS_SAID(
            MissedWrongly.class,
            draft -> draft.events.add(miss(new Request(List.of("p0"), "fail", 30, 30, 0, 0), QUIET))),
    NONE_IN_STOCK_IS_SAID_IN_THE_MIDDLE(
            MissedWrongly.class,
            draft -> first(
                    granted(draft)
                            .filter(event ->
                                    request(event).equals(Request.one("p0", "fail")) && isQuietBefore(draft, event)),
                    // Right before somebody took one that had been ready for long.
                    event -> draft.events.add(miss(request(event), event.called() - 2 * MILLI)))),
    A_STRANGER_SEES_A_CLAIM(
            Leaked.class,
            draft -> first(
                    granted(draft),
                    event -> draft.events.add(new Event(
                            9,
                            UUID.randomUUID(),
                            new Call.Look(seen(event).claim()),
                            shown(seen(event)),
                            event.answered() + 1,
                            event.answered() + 2)))),
    A_STRANGER_RELEASES_A_CLAIM(
            Leaked.class,
            draft -> first(
                    granted(draft),
                    event -> draft.events.add(new Event(
                            9,
                            UUID.randomUUID(),
                            new Call.Release(seen(event).claim(), null),
                            new Answer.Done(),
                            event.answered() + 1,
                            event.answered() + 2)))),
    A_CALL_FAILS(
            Unexpected.class,
            draft -> answer(draft, draft.events.stream(), event -> new Refused(500, "internal_error"))),
    AN_ACKNOWLEDGED_CLAIM_IS_NOT_FOUND(
            Unexpected.class, draft -> answer(draft, looks(draft), event -> new Refused(404, "claim_not_found")));

    private final Class<? extends Violation> breaks;
    private final Predicate<Draft> planter;

    Fault(Class<? extends Violation> breaks, Predicate<Draft> planter) {
        this.breaks = breaks;
        this.planter = planter;
    }

    /** What has to be found. */
    Class<? extends Violation> breaks() {
        return breaks;
    }

    /** @return false where the history has no place for it */
    boolean plant(Draft draft) {
        return planter.test(draft);
    }

    private static <T> boolean first(Stream<T> of, Consumer<T> planting) {
        Optional<T> first = of.findFirst();
        first.ifPresent(planting);
        return first.isPresent();
    }

    private static boolean answer(Draft draft, Stream<Event> of, Function<Event, Answer> answer) {
        return first(of, event -> draft.answer(event, answer.apply(event)));
    }

    private static boolean two(Draft draft, BiConsumer<Tables.Claim, Tables.Claim> planting) {
        List<Tables.Claim> two = held(draft).limit(2).toList();
        if (two.size() == 2) {
            planting.accept(two.getFirst(), two.getLast());
        }
        return two.size() == 2;
    }

    /** Another claim under the same key. */
    private static Tables.Claim again(Draft draft, Event replayed) {
        Tables.Claim first = Objects.requireNonNull(kept(draft, replayed));
        return copy(first, UUID.randomUUID(), first.key());
    }

    // Claims.

    /** Shown to be active to whoever made them, and never given back: they are held from then on. */
    private static Stream<Tables.Claim> held(Draft draft) {
        return acknowledged(draft)
                .filter(claim -> claim.lasts() && claim.expires() == NEVER)
                .filter(claim -> neverReleased(draft, claim) && neverRenewed(draft, claim));
    }

    /** Shown to be active to whoever made them, with a key. */
    private static Stream<Tables.Claim> acknowledged(Draft draft) {
        return draft.claims.stream()
                .filter(claim -> granted(draft)
                        .anyMatch(event -> shows(event, claim) && seen(event).active()));
    }

    /** Leases that were renewed, which was acknowledged each time, and that have expired in the end. */
    private static Stream<Tables.Claim> renewedForCertain(Draft draft) {
        return acknowledged(draft)
                .filter(claim -> claim.reason().equals("expired"))
                .filter(claim -> neverReleased(draft, claim) && !neverRenewed(draft, claim))
                .filter(claim -> renewals(draft, claim).allMatch(event -> event.answer() instanceof Answer.Shown));
    }

    private static boolean isActiveWithin(Draft draft, Tables.Claim claim, Tables.Claim leased) {
        long active = activeBy(draft, claim);
        return active > activeBy(draft, leased) && active < lastRenewal(draft, leased);
    }

    private static long activeBy(Draft draft, Tables.Claim claim) {
        return draft.events.stream()
                .filter(event -> shows(event, claim) && seen(event, claim).active())
                .mapToLong(Event::answered)
                .min()
                .orElse(NEVER);
    }

    private static long waitingBy(Draft draft, Tables.Claim claim) {
        return draft.events.stream()
                .filter(event -> shows(event, claim) && seen(event, claim).waits())
                .mapToLong(Event::answered)
                .min()
                .orElse(NEVER);
    }

    private static boolean waitsAtLeast(Draft draft, Tables.Claim claim, long nanos) {
        long waiting = waitingBy(draft, claim);
        long over = Math.min(claim.waitsUntil(), Math.min(claim.granted(), claim.ended()));
        return waiting != NEVER && waiting + nanos < over;
    }

    private static boolean neverReleased(Draft draft, Tables.Claim claim) {
        return draft.events.stream()
                .noneMatch(event -> event.call() instanceof Call.Release release
                        && release.claim().equals(claim.id()));
    }

    private static Stream<Event> renewals(Draft draft, Tables.Claim claim) {
        return draft.events.stream()
                .filter(event -> event.call() instanceof Call.Renew renew
                        && renew.claim().equals(claim.id()))
                .filter(event -> !(event.answer() instanceof Refused));
    }

    private static boolean neverRenewed(Draft draft, Tables.Claim claim) {
        return renewals(draft, claim).findAny().isEmpty();
    }

    private static long lastRenewal(Draft draft, Tables.Claim claim) {
        return renewals(draft, claim).mapToLong(Event::called).max().orElse(-1);
    }

    private static boolean fromStock(Tables.Claim claim) {
        return claim.workspace() != null && !claim.path().equals("cold");
    }

    private static Tables.Preset preset(Draft draft, Tables.Claim claim) {
        return draft.presets.stream()
                .filter(preset -> preset.id().equals(claim.preset()))
                .findFirst()
                .orElseThrow();
    }

    private static long firstCall(Draft draft, Tables.Claim claim) {
        return draft.events.stream()
                .filter(event -> event.user().equals(claim.user())
                        && event.call() instanceof Call.Claim(var key, var request)
                        && key != null
                        && key.equals(claim.key()))
                .mapToLong(Event::called)
                .min()
                .orElse(-1);
    }

    private static void created(Draft draft, Tables.Claim claim, long created) {
        draft.workspaces.replaceAll(one -> one.id().equals(claim.workspace())
                ? new Tables.Workspace(one.id(), one.preset(), one.owner(), one.prebuild(), created)
                : one);
    }

    private static UUID workspace(Tables.Claim claim) {
        return Objects.requireNonNull(claim.workspace());
    }

    private static Tables.Claim copy(Tables.Claim claim, UUID workspace, @Nullable String key) {
        return new Tables.Claim(
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
    private static Tables.Claim arrived(Tables.Claim waiting, long granted) {
        return new Tables.Claim(
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

    private static Tables.Claim with(Tables.Claim claim, UUID workspace) {
        return changed(claim, claim.user(), workspace, claim.expires(), claim.ended(), claim.reason());
    }

    private static Tables.Claim forAnother(Tables.Claim claim) {
        return changed(claim, UUID.randomUUID(), claim.workspace(), claim.expires(), claim.ended(), claim.reason());
    }

    private static Tables.Claim expiring(Tables.Claim claim, long expires) {
        return changed(claim, claim.user(), claim.workspace(), expires, claim.ended(), claim.reason());
    }

    private static Tables.Claim ended(Tables.Claim claim, long ended, String reason) {
        return changed(claim, claim.user(), claim.workspace(), claim.expires(), ended, reason);
    }

    private static Tables.Claim changed(
            Tables.Claim claim, UUID user, @Nullable UUID workspace, long expires, long ended, String reason) {
        return new Tables.Claim(
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
    private static Stream<Event> granted(Draft draft) {
        return draft.events.stream()
                .filter(event -> event.call() instanceof Call.Claim(var key, var request)
                        && key != null
                        && event.answer() instanceof Answer.Shown);
    }

    private static Stream<Event> replayed(Draft draft) {
        return granted(draft).filter(event -> event.answer() instanceof Answer.Shown(var seen, var again) && again);
    }

    private static Stream<Event> refused(Draft draft, String code) {
        return draft.events.stream()
                .filter(event -> event.answer() instanceof Refused refused
                        && refused.code().equals(code));
    }

    private static Stream<Event> looks(Draft draft) {
        return draft.events.stream()
                .filter(event -> event.call() instanceof Call.Look && event.answer() instanceof Answer.Shown);
    }

    private static Stream<Event> renewals(Draft draft) {
        return draft.events.stream()
                .filter(event -> event.call() instanceof Call.Renew && event.answer() instanceof Answer.Shown);
    }

    private static boolean grantedBefore(Draft draft, Event event) {
        return granted(draft).anyMatch(other -> sameKey(other, event) && other.answered() < event.called());
    }

    private static boolean isAlone(Draft draft, Event event) {
        return draft.events.stream().filter(other -> sameKey(other, event)).count() == 1;
    }

    private static boolean sameKey(Event one, Event other) {
        return one.user().equals(other.user())
                && one.call() instanceof Call.Claim(var key, var request)
                && other.call() instanceof Call.Claim(var otherKey, var otherRequest)
                && key != null
                && key.equals(otherKey);
    }

    private static boolean released(Event event, UUID claim) {
        return event.call() instanceof Call.Release release
                && release.claim().equals(claim)
                && event.answer() instanceof Answer.Done;
    }

    private static boolean releasedBefore(Draft draft, Event look) {
        return draft.events.stream()
                .anyMatch(event -> released(event, seen(look).claim()) && event.answered() < look.called());
    }

    private static boolean activeBefore(Draft draft, Event event) {
        Tables.Claim kept = kept(draft, event);
        return kept != null && activeBy(draft, kept) < event.called();
    }

    /** Nobody else's call may have been in the way of one right before this one. */
    private static boolean isQuietBefore(Draft draft, Event event) {
        return event.called() > QUIET + SECOND
                && draft.events.stream()
                        .filter(other -> !other.equals(event) && other.call() instanceof Call.Claim)
                        .filter(other -> request(other).presets().contains("p0"))
                        .noneMatch(other -> other.answered() + Misses.AFTERLIFE > event.called() - 2 * MILLI
                                && other.answer() instanceof Answer.Unknown
                                && other.called() < event.called());
    }

    private static Event miss(Request request, long called) {
        return new Event(
                9,
                UUID.randomUUID(),
                new Call.Claim("missed", request),
                new Refused(409, "no_claimable_workspace"),
                called,
                called + MILLI);
    }

    private static Request request(Event event) {
        return ((Call.Claim) event.call()).request();
    }

    private static Optional<Request> request(Draft draft, Tables.Claim claim) {
        return granted(draft)
                .filter(event -> shows(event, claim))
                .map(Fault::request)
                .findFirst();
    }

    private static Tables.@Nullable Claim kept(Draft draft, Event event) {
        return draft.claims.stream()
                .filter(claim -> claim.id().equals(seen(event).claim()))
                .findFirst()
                .orElse(null);
    }

    private static boolean lastsOrWasServed(Tables.@Nullable Claim claim) {
        return claim != null && (claim.lasts() || claim.workspace() != null);
    }

    // What was seen.

    private static boolean shows(Event event, Tables.Claim claim) {
        return event.answer() instanceof Answer.Shown(var claims, var replayed)
                && claims.stream().anyMatch(seen -> seen.claim().equals(claim.id()));
    }

    private static Seen seen(Event event) {
        return ((Answer.Shown) event.answer()).claims().getFirst();
    }

    private static Seen seen(Event event, Tables.Claim claim) {
        return ((Answer.Shown) event.answer())
                .claims().stream()
                        .filter(seen -> seen.claim().equals(claim.id()))
                        .findFirst()
                        .orElseThrow();
    }

    private static Seen seenFirst(Draft draft, Tables.Claim claim) {
        return draft.events.stream()
                .filter(event -> shows(event, claim))
                .map(event -> seen(event, claim))
                .filter(Seen::active)
                .findFirst()
                .orElseThrow();
    }

    /** The claim as the event shows it, with this said of its workspace. */
    private static Answer active(Event event, String workspaceStatus, @Nullable UUID opened) {
        Seen seen = seen(event);
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

    private static Answer shown(Seen seen) {
        return new Answer.Shown(List.of(seen), false);
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
