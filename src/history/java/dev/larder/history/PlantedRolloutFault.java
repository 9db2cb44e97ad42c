package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;
import static dev.larder.history.ValidHistories.MILLI;
import static dev.larder.history.ValidHistories.SECOND;
import static dev.larder.history.ValidRollouts.SLACK;

import dev.larder.history.FinalState.Claim;
import dev.larder.history.FinalState.Removal;
import dev.larder.history.FinalState.Rollout;
import dev.larder.history.History.Built;
import dev.larder.history.History.Sample;
import dev.larder.history.Request.ClaimBody;
import dev.larder.history.Response.Refused;
import dev.larder.history.Response.Seen;
import dev.larder.history.Violation.FalseOutOfStock;
import dev.larder.history.Violation.HandedOutIneligible;
import dev.larder.history.Violation.HeldTwice;
import dev.larder.history.Violation.LeftOfRollout;
import dev.larder.history.Violation.Overfilled;
import dev.larder.history.Violation.RemovedWhileHeld;
import dev.larder.history.Violation.RolloutStuck;
import dev.larder.history.Violation.TwoRolloutsOpen;
import dev.larder.history.Violation.Unexpected;
import dev.larder.history.Violation.WaiterOvertaken;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** As {@link PlantedFault}: what a server with broken rollouts might do, planted in {@link ValidRollouts}. */
enum PlantedRolloutFault {
    A_CANARY_IS_HANDED_OUT(
            HandedOutIneligible.class,
            draft -> first(
                    draft.rollouts.stream().filter(one -> step(one, "canary").isPresent()),
                    rollout -> claimed(draft)
                            .filter(claim -> received(draft, claim) < passed(rollout) - SLACK)
                            .findFirst()
                            .ifPresent(claim -> move(draft, claim, rollout.to())))),
    A_REPLACED_VERSION_IS_HANDED_OUT(
            HandedOutIneligible.class,
            draft -> first(
                    promotions(draft, "done"),
                    rollout -> after(draft, rollout.ended())
                            .ifPresent(claim -> move(draft, claim, Objects.requireNonNull(rollout.from()))))),
    A_VERSION_THAT_WAS_TAKEN_BACK_IS_HANDED_OUT(
            HandedOutIneligible.class,
            draft -> first(
                    promotions(draft, "rolled_back"),
                    rollout -> after(draft, rollout.ended()).ifPresent(claim -> move(draft, claim, rollout.to())))),
    ONE_OF_THE_VERSION_BEFORE_IS_HANDED_OUT_THOUGH_INVALIDATED(
            HandedOutIneligible.class,
            draft -> first(
                    draft.operations.stream()
                            .filter(operation -> operation.request() instanceof Request.Invalidate(var preset, var now)
                                    && now
                                    && operation.response() instanceof Response.Done),
                    operation -> claimed(draft)
                            .filter(claim -> sent(draft, claim) > operation.received()
                                    && claim.preset().equals(((Request.Invalidate) operation.request()).preset()))
                            .findFirst()
                            .ifPresent(claim -> create(draft, claim, operation.sent() - SLACK)))),
    THE_VERSION_BEFORE_IS_OVERLOOKED(FalseOutOfStock.class, draft -> miss(draft, "canary", ValidRollouts.LINE)),
    BOTH_VERSIONS_ARE_OVERLOOKED(FalseOutOfStock.class, draft -> miss(draft, "progressing", ValidRollouts.LINE)),
    A_CLAIM_BY_ID_FINDS_NOTHING_OF_ITS_LINE(FalseOutOfStock.class, draft -> miss(draft, "progressing", "")),
    STALE_STOCK_IS_OVERLOOKED(
            FalseOutOfStock.class,
            draft -> draft.rollouts.stream()
                    .filter(one -> !one.promotes() && isServedAtOnce(draft, one.to()))
                    .anyMatch(one -> miss(draft, ValidRollouts.LINE, one.created() + SLACK, one.to()))),
    A_VERSION_THAT_IS_HANDED_OUT_IS_CALLED_INACTIVE(
            Unexpected.class,
            draft -> first(
                    promotions(draft, "done")
                            .filter(rollout -> isSurelyServed(draft, rollout.to(), served(rollout) + SLACK)),
                    rollout -> draft.operations.add(new Operation(
                            9,
                            UUID.randomUUID(),
                            new Request.Claim("x", ClaimBody.one(rollout.to().toString(), "fail")),
                            new Refused(409, "preset_not_active"),
                            served(rollout) + SLACK,
                            served(rollout) + SLACK + MILLI)))),
    A_NAME_IS_CALLED_INACTIVE_WHILE_ITS_VERSION_IS_ROLLED_BACK(
            Unexpected.class,
            draft -> first(
                    promotions(draft, "rolled_back")
                            .filter(rollout -> !Serving.of(draft.done())
                                    .mayHaveEndedTwice(
                                            ValidRollouts.LINE, rollout.ended() - SLACK, rollout.ended() + SLACK)),
                    rollout -> draft.operations.add(new Operation(
                            9,
                            UUID.randomUUID(),
                            new Request.Claim("x", ClaimBody.one(ValidRollouts.LINE, "fail")),
                            new Refused(409, "preset_not_active"),
                            rollout.ended() - SLACK,
                            rollout.ended() + SLACK)))),
    A_ROLLBACK_IS_REFUSED_THOUGH_IT_IS_OPEN(
            Unexpected.class,
            draft -> first(
                    draft.rollouts.stream(),
                    rollout -> draft.operations.add(new Operation(
                            9,
                            UUID.randomUUID(),
                            new Request.RollBack(rollout.id()),
                            new Refused(409, "rollout_ended"),
                            rollout.created() - 2 * SLACK,
                            rollout.created() - SLACK)))),
    ALL_VERSIONS_TOGETHER_ARE_TOO_MANY(
            Overfilled.class,
            draft -> first(
                    draft.rollouts.stream(),
                    rollout -> draft.samples.add(new Sample(
                            rollout.to(),
                            ValidRollouts.WANTED + ValidRollouts.SURGE + ValidRollouts.CANARIES + 1,
                            rollout.created())))),
    A_ROLLOUT_NEVER_ENDS(
            RolloutStuck.class,
            draft -> first(draft.rollouts.stream(), one -> change(draft, one, one.created(), NEVER))),
    A_ROLLOUT_STANDS_STILL_FOR_MINUTES(
            RolloutStuck.class,
            draft -> first(
                    draft.rollouts.stream(), one -> change(draft, one, one.created(), one.created() + 150 * SECOND))),
    TWO_ROLLOUTS_ARE_OPEN(
            TwoRolloutsOpen.class,
            draft -> draft.rollouts.size() > 1
                    && first(
                            draft.rollouts.stream(),
                            one -> change(
                                    draft,
                                    one,
                                    one.created(),
                                    draft.rollouts.get(1).created() + 3 * SECOND))),
    A_PRESET_KEEPS_ITS_ROLE(
            LeftOfRollout.class,
            draft -> first(
                    draft.presets.stream(),
                    preset -> draft.presets.set(
                            0,
                            new FinalState.Preset(
                                    preset.id(),
                                    preset.name(),
                                    preset.instances(),
                                    preset.spare(),
                                    preset.ttl(),
                                    preset.version(),
                                    preset.active(),
                                    "before")))),
    STOCK_OF_A_VERSION_THAT_WAS_TAKEN_BACK_IS_LEFT(
            LeftOfRollout.class,
            draft -> first(
                    promotions(draft, "rolled_back"),
                    rollout -> draft.workspaces.add(new FinalState.Workspace(
                            UUID.randomUUID(), rollout.to(), UUID.randomUUID(), true, rollout.created(), true)))),
    A_CLAIMED_ONE_IS_REPLACED(
            RemovedWhileHeld.class,
            draft -> first(
                    promotions(draft, "done"),
                    rollout -> claimed(draft)
                            .filter(claim -> claim.preset().equals(rollout.from()))
                            .findFirst()
                            .ifPresent(claim -> draft.removals.add(
                                    new Removal(workspace(claim), true, "replaced", rollout.ended()))))),
    CLAIMS_OF_TWO_VERSIONS_HAVE_ONE_WORKSPACE(
            HeldTwice.class,
            draft -> first(
                    claimed(draft),
                    one -> claimed(draft)
                            .filter(other -> !other.preset().equals(one.preset()))
                            .findFirst()
                            .ifPresent(other -> draft.tell(other.id(), seen -> given(seen, workspace(one)))))),
    STOCK_OF_THE_VERSION_BEFORE_PASSES_OVER_A_CLAIM_THAT_WAITS_FOR_THE_NEW_ONE(
            WaiterOvertaken.class,
            draft -> first(
                    promotions(draft, "done")
                            .filter(one -> claimed(draft)
                                    .anyMatch(
                                            claim -> claim.preset().equals(one.from()) && sent(draft, claim) > SECOND)),
                    rollout -> claimed(draft)
                            .filter(claim -> claim.preset().equals(rollout.from()))
                            .findFirst()
                            .ifPresent(claim -> await(draft, rollout.to(), claim))));

    private final Class<? extends Violation> breaks;
    private final Predicate<MutableHistory> planting;

    PlantedRolloutFault(Class<? extends Violation> breaks, Predicate<MutableHistory> planting) {
        this.breaks = breaks;
        this.planting = planting;
    }

    Class<? extends Violation> breaks() {
        return breaks;
    }

    /** @return false where the history has no place for it, and was not changed */
    boolean plant(MutableHistory draft) {
        History before = draft.done();
        boolean found = planting.test(draft);
        return found && !draft.done().equals(before);
    }

    private static <T> boolean first(Stream<T> places, Consumer<T> planting) {
        Optional<T> place = places.findFirst();
        place.ifPresent(planting);
        return place.isPresent();
    }

    private static Stream<Rollout> promotions(MutableHistory draft, String state) {
        return draft.rollouts.stream()
                .filter(one -> one.promotes() && one.state().equals(state));
    }

    private static Optional<FinalState.Step> step(Rollout rollout, String state) {
        return rollout.steps().stream()
                .filter(step -> step.state().equals(state))
                .findFirst();
    }

    /** When the canary had passed; {@link FinalState#NEVER} where it did not. */
    private static long passed(Rollout rollout) {
        return step(rollout, "progressing").map(FinalState.Step::at).orElse(NEVER);
    }

    private static boolean isServedAtOnce(MutableHistory draft, UUID preset) {
        return draft.rollouts.stream()
                .noneMatch(one -> one.to().equals(preset) && step(one, "canary").isPresent());
    }

    private static long served(Rollout rollout) {
        return step(rollout, "progressing").orElseThrow().at();
    }

    /** Told to their users. */
    private static Stream<Claim> claimed(MutableHistory draft) {
        return draft.claims.stream()
                .filter(claim -> draft.operations.stream().anyMatch(operation -> tells(operation, claim)));
    }

    private static boolean tells(Operation operation, Claim claim) {
        return operation.response() instanceof Response.Shown(var seen, var replayed)
                && seen.getFirst().claim().equals(claim.id());
    }

    private static long sent(MutableHistory draft, Claim claim) {
        return told(draft, claim).sent();
    }

    private static long received(MutableHistory draft, Claim claim) {
        return told(draft, claim).received();
    }

    private static Operation told(MutableHistory draft, Claim claim) {
        return draft.operations.stream()
                .filter(operation -> tells(operation, claim))
                .findFirst()
                .orElseThrow();
    }

    private static Optional<Claim> after(MutableHistory draft, long instant) {
        return claimed(draft)
                .filter(claim -> sent(draft, claim) > instant + AvailabilityCheck.AFTERLIFE + SLACK)
                .findFirst();
    }

    private static UUID workspace(Claim claim) {
        return Objects.requireNonNull(claim.workspace());
    }

    private static void replace(MutableHistory draft, Claim claim, UnaryOperator<FinalState.Workspace> otherwise) {
        draft.workspaces.replaceAll(one -> one.id().equals(claim.workspace()) ? otherwise.apply(one) : one);
    }

    /** The claim got one of this preset. */
    private static void move(MutableHistory draft, Claim claim, UUID preset) {
        replace(
                draft,
                claim,
                one -> new FinalState.Workspace(one.id(), preset, one.owner(), true, one.created(), false));
    }

    private static void create(MutableHistory draft, Claim claim, long created) {
        replace(
                draft,
                claim,
                one -> new FinalState.Workspace(one.id(), one.preset(), one.owner(), true, created, false));
    }

    private static void change(MutableHistory draft, Rollout rollout, long created, long ended) {
        draft.rollouts.set(
                draft.rollouts.indexOf(rollout),
                new Rollout(
                        rollout.id(),
                        rollout.line(),
                        rollout.cause(),
                        rollout.from(),
                        rollout.to(),
                        created,
                        ended,
                        rollout.steps()));
    }

    private static Seen given(Seen seen, UUID workspace) {
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

    /**
     * A client finds nothing while a rollout is in this state.
     *
     * @param asked empty for the id of its new version
     */
    private static boolean miss(MutableHistory draft, String state, String asked) {
        return draft.rollouts.stream().filter(Rollout::promotes).anyMatch(rollout -> {
            long at = step(rollout, state).map(FinalState.Step::at).orElse(NEVER);
            String name = asked.isEmpty() ? rollout.to().toString() : asked;
            return at != NEVER
                    && rollout.ended() > at + 4 * SLACK
                    && miss(draft, name, at + 2 * SLACK, Objects.requireNonNull(rollout.from()));
        });
    }

    /** The same, where one of the preset for certain could be claimed then. */
    private static boolean miss(MutableHistory draft, String asked, long at, UUID preset) {
        boolean there = draft.built.stream()
                .filter(one -> one.received() < at && isUntouched(draft, one, at + SLACK))
                .anyMatch(one -> draft.workspaces.stream()
                        .anyMatch(workspace -> workspace.id().equals(one.workspace())
                                && workspace.preset().equals(preset)));
        boolean quiet = draft.operations.stream()
                .noneMatch(other -> other.response() instanceof Response.Unknown
                        && other.request() instanceof Request.Claim
                        && other.sent() < at + MILLI
                        && other.received() + AvailabilityCheck.AFTERLIFE >= at);
        boolean place = there && quiet && isSurelyServed(draft, preset, at);
        if (place) {
            draft.operations.add(new Operation(
                    9,
                    UUID.randomUUID(),
                    new Request.Claim("missed", ClaimBody.one(asked, "fail")),
                    new Refused(409, "no_claimable_workspace"),
                    at,
                    at + MILLI));
        }
        return place;
    }

    private static boolean isSurelyServed(MutableHistory draft, UUID preset, long at) {
        return Serving.of(draft.done()).surelyServed(preset, at, at + SLACK);
    }

    private static boolean isUntouched(MutableHistory draft, Built built, long until) {
        boolean claimed = draft.claims.stream()
                .anyMatch(claim -> built.workspace().equals(claim.workspace()) && claim.granted() < until + SLACK);
        boolean removed = draft.removals.stream()
                .anyMatch(removal -> removal.workspace().equals(built.workspace()) && removal.created() < until);
        boolean invalidated = draft.operations.stream()
                .anyMatch(operation -> operation.request() instanceof Request.Invalidate(var preset, var now)
                        && now
                        && operation.sent() < until
                        && (operation.response() instanceof Response.Unknown
                                || operation.received() > built.sent() - SECOND));
        return !claimed && !removed && !invalidated;
    }

    /** Another client waits for the preset before this claim is made and until long after. */
    private static void await(MutableHistory draft, UUID preset, Claim served) {
        long sent = sent(draft, served);
        UUID waiting = UUID.randomUUID();
        UUID user = UUID.randomUUID();
        draft.claims.add(new Claim(
                waiting,
                user,
                null,
                preset,
                "waited",
                "waits",
                sent - 30 * MILLI,
                NEVER,
                0,
                sent + SECOND,
                NEVER,
                NEVER,
                ""));
        draft.operations.add(new Operation(
                9,
                user,
                new Request.Claim("waits", new ClaimBody(List.of(ValidRollouts.LINE), "wait", 1, 1, 0, 2)),
                new Response.Shown(List.of(new Seen(waiting, "waiting", "waited", null, "", null, null, NEVER)), false),
                sent - 40 * MILLI,
                sent - 20 * MILLI));
    }
}
