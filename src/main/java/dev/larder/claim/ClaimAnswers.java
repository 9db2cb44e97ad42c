package dev.larder.claim;

import dev.larder.claim.AvailabilityReads.Availability;
import dev.larder.claim.AvailabilityReads.Connections;
import dev.larder.claim.Claim.Failure;
import dev.larder.claim.ClaimOrBatch.ClaimBatch;
import dev.larder.claim.ClaimQuotaStore.Quota;
import dev.larder.claim.ClaimView.StopView;
import dev.larder.claim.ClaimView.WaitingView;
import dev.larder.claim.Outcome.Stages;
import dev.larder.claim.WaitEstimates.WaitEstimate;
import dev.larder.http.Located;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Visibility;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/** Builds the answer to a client from the outcome of its request. */
@ApplicationScoped
class ClaimAnswers {

    private static final Set<String> NEVER_SERVED =
            Set.of("canceled", "timed_out", "preset_not_active", ClaimView.BEFORE_FAILED);
    private static final String UNFIT = "verification_failed";

    private static final Duration DEADLINE_MARGIN = Duration.ofSeconds(2);

    private final ClaimReads reads;
    private final WaitingClaims waiting;
    private final WaitingClaimStore waitingStore;
    private final AvailabilityReads availability;
    private final WaitEstimates estimates;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    ClaimAnswers(
            ClaimReads reads,
            WaitingClaims waiting,
            WaitingClaimStore waitingStore,
            AvailabilityReads availability,
            WaitEstimates estimates,
            WakeUps wakeUps,
            InstantSource clock) {
        this.reads = reads;
        this.waiting = waiting;
        this.waitingStore = waitingStore;
        this.availability = availability;
        this.estimates = estimates;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    /** @param hold how long the call waits for a waiting claim before it answers that the claim waits */
    Uni<RestResponse<Object>> of(Caller asking, ClaimRequest request, Outcome outcome, Duration hold) {
        return switch (outcome) {
            case Outcome.Given(var claims, var stages) -> given(asking, request, claims, stages, hold);
            case Outcome.Begun(var claim, var path) -> recorded(asking, request, List.of(claim), hold, false);
            case Outcome.Replayed(var claims, var path) -> recorded(asking, request, claims, hold, true);
            case Outcome.KeyReused() ->
                refused(Problem.unprocessable(
                        "idempotency_key_reused", "Idempotency-Key", "was used for another request."));
            case Outcome.Unknown(var what, var which) -> refused(unknown(what, which));
            case Outcome.NotActive(var why) -> refused(notActive(why));
            case Outcome.NoneInStock none -> refused(noneInStock(request, none));
            case Outcome.NotThisOne() ->
                refused(Problem.of(
                        412,
                        "workspace_not_claimable",
                        "This workspace is not there, not claimable, or no longer has that version."));
            case Outcome.OrganizationNeeded() ->
                refused(Problem.badRequest("missing_field", "organization", "is required of deployment-wide users."));
            case Outcome.OverQuota(var quota) -> refused(overQuota(quota));
            case Outcome.ConnectionsFull full -> refused(connectionsFull(full));
            case Outcome.TooManyWait tooMany -> refused(tooManyWait(tooMany));
        };
    }

    private Uni<RestResponse<Object>> given(
            Caller asking, ClaimRequest request, List<Claim> claims, Optional<Stages> stages, Duration hold) {
        if (claims.stream().anyMatch(Claim::isVerified)) {
            wakeUps.changed(Change.STEP_WANTED);
        }
        return claims.size() == 1 && claims.getFirst().waits()
                ? recorded(asking, request, List.of(claims.getFirst().id()), hold, false)
                : Uni.createFrom().item(created(asking, request, claims, stages, false));
    }

    private static Problem connectionsFull(Outcome.ConnectionsFull refused) {
        Connections now = refused.connections();
        String whose = now.organizationFull()
                ? "Your organization's share of the database server's connections is full: %d of %d"
                        .formatted(now.ofOrganization(), now.organizationMax())
                : "The database server's connections are given away: %d of %d".formatted(now.inAll(), now.max());
        return Problem.of(409, "connections_full", "%s; a workspace may have %d.".formatted(whose, now.each()));
    }

    private static Problem tooManyWait(Outcome.TooManyWait refused) {
        String whose = refused.ofUser() ? "Your share" : "Your organization's share";
        String detail = "%s of waiting claims is full: %d of %d.".formatted(whose, refused.waiting(), refused.most());
        return retryAfter(Problem.of(429, "too_many_waiting", detail), refused.retryAfter());
    }

    private static Problem unknown(String what, OptionalInt which) {
        return which.isPresent()
                ? Problem.unprocessable(
                        "preset_not_found",
                        "presets[" + which.getAsInt() + "]",
                        "is no preset of the template's active version.")
                : Problem.notFound(what);
    }

    private static Problem notActive(String why) {
        return Problem.of(409, "preset_not_active", "The preset is not active: " + why + ".");
    }

    private static Problem noneInStock(ClaimRequest request, Outcome.NoneInStock none) {
        return noneInStock(none.word(), shortOf(request, none.now()), none.estimate());
    }

    private static Problem noneInStock(String code, String what, WaitEstimate estimate) {
        String stopped = estimate.stops().stream()
                .map(stop -> " None is created: %s (%s).".formatted(stop.why(), stop.detail()))
                .collect(Collectors.joining());
        return retryAfter(Problem.of(409, code, what + stopped), estimate.eta())
                .with("creationStopped", estimate.members());
    }

    /** A time is given only if something is going to happen without a further request. */
    private static Problem retryAfter(Problem problem, Optional<Duration> eta) {
        return eta.map(time -> problem.withHeader("Retry-After", seconds(time))).orElse(problem);
    }

    private static String shortOf(ClaimRequest request, Availability why) {
        String ready = request.count() == 1
                ? "No workspace of this preset is ready at present"
                : "%d of the %d workspaces wanted are ready at present".formatted(why.claimable(), request.atLeast());
        return ready + ": %d starting, %d waiting.".formatted(why.starting().size(), why.waiting());
    }

    private static String seconds(Duration time) {
        return String.valueOf(Math.max(1, time.toSeconds()));
    }

    private static Problem overQuota(Quota quota) {
        String user = quota.maxPerUser() == null
                ? ""
                : " You hold or wait for %d of %d.".formatted(quota.heldByUser(), quota.maxPerUser());
        String all = quota.max() == null
                ? ""
                : " The organization holds or waits for %d of %d.".formatted(quota.held(), quota.max());
        return Problem.of(403, "quota_exceeded", "More than may be claimed at once." + user + all);
    }

    private static Uni<RestResponse<Object>> refused(Problem problem) {
        return Uni.createFrom().failure(problem);
    }

    private Uni<RestResponse<Object>> recorded(
            Caller asking, ClaimRequest request, List<UUID> claims, Duration hold, boolean replayed) {
        return settled(asking, claims, hold)
                .chain(found -> found.size() == 1 && hasNothing(found.getFirst())
                        ? withoutWorkspace(asking, found.getFirst(), replayed)
                        : Uni.createFrom().item(created(asking, request, found, Optional.empty(), replayed)));
    }

    /** A released claim has had a workspace, although the workspace may have another owner now. */
    private static boolean hasNothing(Claim claim) {
        return claim.waits() || NEVER_SERVED.contains(claim.endedReason().orElse("")) || isUnfit(claim);
    }

    private static boolean isUnfit(Claim claim) {
        return claim.endedReason().filter("failed"::equals).isPresent()
                && claim.failure().filter(end -> end.code().equals(UNFIT)).isPresent();
    }

    private Uni<List<Claim>> settled(Caller asking, List<UUID> claims, Duration hold) {
        return reads.findAll(claims, Visibility.of(asking))
                .chain(found -> found.size() == 1 && found.getFirst().waits()
                        ? served(found.getFirst(), hold).chain(() -> reads.findAll(claims, Visibility.of(asking)))
                        : Uni.createFrom().item(found));
    }

    /**
     * A call that is held until the claim's own deadline answers how the claim ended, not that it waits until then.
     */
    private Uni<Void> served(Claim waiting, Duration hold) {
        Instant until = waiting.waitsUntil().orElse(clock.instant());
        Duration left = Duration.between(clock.instant(), until);
        boolean toTheEnd = hold.isPositive() && hold.compareTo(left.minus(DEADLINE_MARGIN)) >= 0;
        return this.waiting.settled(waiting.id(), until, toTheEnd ? left.plus(DEADLINE_MARGIN) : hold);
    }

    /** The claim once it no longer waits and its cold build has ended, or after this time. */
    Uni<Optional<Claim>> awaited(UUID claim, Visibility scope, Duration hold) {
        return reads.find(claim, scope)
                .chain(found -> found.isPresent() && found.get().isUnsettled() && hold.isPositive()
                        ? settled(found.get(), hold).chain(() -> reads.find(claim, scope))
                        : Uni.createFrom().item(found));
    }

    private Uni<Void> settled(Claim unsettled, Duration hold) {
        return unsettled.waits()
                ? served(unsettled, hold)
                : waiting.settled(unsettled.id(), clock.instant().plus(hold), hold);
    }

    private Uni<RestResponse<Object>> withoutWorkspace(Caller asking, Claim claim, boolean replayed) {
        return switch (claim.endedReason().orElse("")) {
            case "" -> view(asking, claim).map(view -> waiting(view, replayed));
            case "preset_not_active" ->
                refused(notActive("it was so while this claim waited").about(path(claim.id())));
            case ClaimView.BEFORE_FAILED, "failed" -> refused(unfit(claim).about(path(claim.id())));
            case "canceled" ->
                refused(Problem.of(409, "claim_ended", "This claim was given up before it was served.")
                        .about(path(claim.id())));
            default -> timedOut(claim).chain(problem -> refused(problem.about(path(claim.id()))));
        };
    }

    /** A claim of exactly one workspace keeps the time at which it was granted. */
    private static Problem unfit(Claim claim) {
        String why = ClaimView.end(claim).map(Failure::detail).orElse("");
        return claim.grantedAt().isPresent()
                ? Problem.of(412, "workspace_not_claimable", why)
                : Problem.of(409, UNFIT, tried(claim, why));
    }

    private static String tried(Claim claim, String why) {
        return "%d workspaces of this preset failed their verification. The last one: %s".formatted(claim.unfit(), why);
    }

    private Uni<Problem> timedOut(Claim claim) {
        String why = ClaimView.end(claim).map(Failure::detail).orElse("");
        if (claim.unfit() > 0) {
            return Uni.createFrom().item(Problem.of(409, UNFIT, tried(claim, why)));
        }
        return availability(claim)
                .chain(found -> found.map(pool -> timedOut(claim, why, pool))
                        .orElseGet(() -> Uni.createFrom().item(Problem.of(409, "no_claimable_workspace", why))));
    }

    private Uni<Problem> timedOut(Claim claim, String why, Availability pool) {
        return estimate(claim, pool.waiting() + 1, pool)
                .map(estimate -> new Outcome.NoneInStock(pool, estimate))
                .map(none -> noneInStock(none.word(), why, none.estimate()));
    }

    private Uni<WaitEstimate> estimate(Claim claim, long position, Availability pool) {
        return estimates.of(Objects.requireNonNull(claim.presetId()), position, pool);
    }

    private static String path(UUID claim) {
        return "/api/v1/claims/" + claim;
    }

    private RestResponse<Object> waiting(ClaimView view, boolean replayed) {
        return Located.accepted(path(view.id()), (Object) view)
                .header(
                        "Retry-After",
                        Optional.ofNullable(view.waiting()).map(this::lookAgain).orElse(null))
                .header("Idempotency-Replayed", replayed ? "true" : null)
                .build();
    }

    /** The expected time until it is served, in seconds, but not after its deadline. */
    private String lookAgain(WaitingView waiting) {
        Duration left = Duration.between(clock.instant(), waiting.until());
        Long eta = waiting.etaSeconds();
        return seconds(eta == null || left.toSeconds() < eta ? left : Duration.ofSeconds(eta));
    }

    private Uni<Optional<Availability>> availability(Claim claim) {
        @Nullable UUID preset = claim.presetId();
        return preset == null
                ? Uni.createFrom().item(Optional.empty())
                : availability.availability(preset, Optional.empty(), clock.instant());
    }

    private RestResponse<Object> created(
            Caller asking, ClaimRequest request, List<Claim> claims, Optional<Stages> stages, boolean replayed) {
        List<ClaimView> views = claims.stream()
                .map(claim -> ClaimView.of(claim, outputs(asking, claim)).shownTo(asking, claim))
                .toList();
        if (claims.stream().flatMap(claim -> claim.workspace().stream()).anyMatch(one -> one.claimStepWanted())) {
            wakeUps.changed(Change.STEP_WANTED);
        }
        ClaimView first = views.getFirst();
        ResponseBuilder<Object> answer = request.count() == 1
                ? Located.created(path(first.id()), (Object) first)
                        .tag(String.valueOf(first.course().generation()))
                : ResponseBuilder.<Object>create(RestResponse.Status.CREATED).entity(new ClaimBatch(views));
        // In headers, because a repeated request gets the same body.
        stages.ifPresent(took -> answer.header("Server-Timing", timing(took, claims.getFirst())));
        claims.getFirst().readyLeft().ifPresent(left -> answer.header("Larder-Pool-Ready", left));
        return answer.header("Idempotency-Replayed", replayed ? "true" : null).build();
    }

    /** The stage {@code picked} ends with the commit, {@code bound} with the answer to the client. */
    private String timing(Stages stages, Claim claim) {
        Duration since = Duration.between(claim.grantedAt().orElse(claim.createdAt()), clock.instant());
        return String.format(
                Locale.ROOT,
                "queued;dur=%.3f, picked;dur=%.3f, bound;dur=%.3f",
                millis(stages.queued()),
                millis(stages.picked()),
                millis(stages.queued().plus(since)));
    }

    private static double millis(Duration time) {
        return time.toNanos() / 1e6;
    }

    /** The claim with its place in the waiting line. */
    Uni<ClaimView> view(Caller asking, Claim claim) {
        Uni<ClaimView> view = claim.waits()
                ? viewWithoutOutputs(claim)
                : Uni.createFrom().item(ClaimView.of(claim, outputs(asking, claim)));
        return view.map(seen -> seen.shownTo(asking, claim));
    }

    /** A stream may last longer than the token of its request. */
    Uni<ClaimView> viewWithoutOutputs(Claim claim) {
        return claim.waits()
                ? standing(claim).map(standing -> ClaimView.of(claim, Map.of(), standing))
                : Uni.createFrom().item(ClaimView.of(claim, Map.of()));
    }

    private Uni<Optional<WaitingView>> standing(Claim claim) {
        if (claim.isVerified()) {
            return Uni.createFrom().item(Optional.of(new WaitingView(0, 1L, until(claim), List.of())));
        }
        return waitingStore
                .position(claim.id())
                .chain(position -> position == 0
                        ? Uni.createFrom().item(Optional.empty())
                        : availability(claim).chain(pool -> standing(claim, position, pool)));
    }

    private Uni<Optional<WaitingView>> standing(Claim claim, long position, Optional<Availability> pool) {
        return pool.isEmpty()
                ? Uni.createFrom().item(Optional.empty())
                : estimate(claim, position, pool.get())
                        .map(estimate -> Optional.of(standing(claim, position, estimate)));
    }

    private WaitingView standing(Claim claim, long position, WaitEstimate estimate) {
        return new WaitingView(
                position,
                estimate.eta().map(Duration::toSeconds).orElse(null),
                until(claim),
                estimate.stops().stream().map(StopView::of).toList());
    }

    private Instant until(Claim claim) {
        return claim.waitsUntil().orElse(clock.instant());
    }

    /** Only the claimer sees the outputs, and only while the claim lasts. */
    private Map<String, String> outputs(Caller asking, Claim claim) {
        boolean over = claim.endedAt().isPresent()
                || claim.expiresAt()
                        .filter(end -> !clock.instant().isBefore(end))
                        .isPresent();
        if (over || claim.waits() || !claim.userId().equals(asking.userId())) {
            return Map.of();
        }
        Map<String, String> outputs = new LinkedHashMap<>();
        claim.workspace()
                .flatMap(reads::open)
                .map(JsonObject::new)
                .ifPresent(
                        json -> json.forEach(entry -> outputs.put(entry.getKey(), String.valueOf(entry.getValue()))));
        return outputs;
    }
}
