package dev.larder.claim;

import dev.larder.database.Encryption;
import dev.larder.http.CurrentCaller;
import dev.larder.http.ETags;
import dev.larder.http.JsonBody;
import dev.larder.http.Labels;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.PreferWait;
import dev.larder.http.Problem;
import dev.larder.lifecycle.EndClaimStore;
import dev.larder.lifecycle.StartBuildStore;
import dev.larder.model.Caller;
import dev.larder.model.LabelSelector;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.ExampleObject;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/** The HTTP API of claims: create, read, renew, release. */
@Path("/api/v1/claims")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "claims")
class ClaimResource {

    private static final Logger LOG = Logger.getLogger(ClaimResource.class);
    private static final int KEY_MAX = 255;

    private final Claims claims;
    private final ClaimAnswers answers;
    private final ClaimReads reads;
    private final EndClaimStore leases;
    private final StartBuildStore builds;
    private final WakeUps wakeUps;
    private final CurrentCaller caller;
    private final InstantSource clock;
    private final ClaimObserver observer;
    private final ClaimSettings settings;

    ClaimResource(
            Claims claims,
            ClaimAnswers answers,
            ClaimReads reads,
            EndClaimStore leases,
            StartBuildStore builds,
            WakeUps wakeUps,
            CurrentCaller caller,
            InstantSource clock,
            ClaimObserver observer,
            ClaimSettings settings) {
        this.claims = claims;
        this.answers = answers;
        this.reads = reads;
        this.leases = leases;
        this.builds = builds;
        this.wakeUps = wakeUps;
        this.caller = caller;
        this.clock = clock;
        this.observer = observer;
        this.settings = settings;
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @Produces(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(
            description = "The preset or workspace, and the policy where none is in stock",
            required = true,
            content =
                    @Content(
                            schema = @Schema(implementation = ClaimBody.class),
                            examples =
                                    @ExampleObject(
                                            name = "wait",
                                            value =
                                                    "{\"template\":\"shop\",\"preset\":\"small\",\"policy\":\"wait\",\"timeout\":\"30s\"}")))
    @APIResponse(
            responseCode = "201",
            description = "Claimed. Where count is above 1: {\"items\": [claim, ...]}",
            content = @Content(schema = @Schema(implementation = ClaimView.class)))
    @APIResponse(
            responseCode = "202",
            description = "The claim waits. Get it, or repeat the request with the same key (with Retry-After)",
            content = @Content(schema = @Schema(implementation = ClaimView.class)))
    @APIResponse(responseCode = "403", description = "quota_exceeded")
    @APIResponse(responseCode = "404", description = "organization_not_found, template_not_found, preset_not_found")
    @APIResponse(
            responseCode = "409",
            description =
                    "no_claimable_workspace, creation_stopped (with Retry-After where one may be ready by itself); connections_full; verification_failed; preset_not_active; claim_ended")
    @APIResponse(responseCode = "412", description = "workspace_not_claimable")
    @APIResponse(
            responseCode = "422",
            description =
                    "idempotency_key_reused; preset_not_found (one of several names); a field that is not acceptable")
    @APIResponse(responseCode = "429", description = "too_many_waiting (with Retry-After)")
    @Operation(operationId = "createClaim", summary = "Hands out ready workspaces, one or several")
    public Uni<RestResponse<Object>> claim(
            byte[] body,
            @HeaderParam("Idempotency-Key") @Nullable String key,
            @HeaderParam("If-Match") @Nullable String ifMatch,
            @HeaderParam("Prefer") @Nullable String prefer) {
        ClaimRequest request = ClaimRequest.of(body, ETags.ifMatch(ifMatch));
        Duration hold = PreferWait.of(prefer).orElse(settings.hold());
        Caller asking = caller.get();
        request.refuseUnlessAllowed(asking);
        Instant asked = clock.instant();
        return claims.claim(asking, request, key(key))
                .invoke(outcome -> observe(outcome, asked))
                .chain(outcome -> answer(asking, request, outcome, hold));
    }

    private Uni<RestResponse<Object>> answer(Caller asking, ClaimRequest request, Outcome outcome, Duration hold) {
        return Uni.createFrom()
                .deferred(() -> answers.of(asking, request, outcome, hold))
                .onFailure(Encryption.UnreadableException.class)
                .recoverWithUni(unreadable -> takeBack(outcome, unreadable));
    }

    /**
     * A claim is granted where its answer can be given: with a damaged secret it is ended, and the
     * workspace goes.
     */
    private Uni<RestResponse<Object>> takeBack(Outcome outcome, Throwable unreadable) {
        LOG.errorf("a claim was taken back, its workspace cannot be opened cause=%s", unreadable.getMessage());
        List<UUID> claims = outcome instanceof Outcome.Given(var given, var unused)
                ? given.stream().map(Claim::id).toList()
                : List.of();
        return Multi.createFrom()
                .iterable(claims)
                .onItem()
                .transformToUniAndConcatenate(claim -> giveBack(claim, OptionalInt.empty()))
                .collect()
                .asList()
                .chain(back -> Uni.createFrom().failure(unreadable()));
    }

    private static Problem unreadable() {
        return Problem.of(
                        503,
                        "workspace_unreadable",
                        "The outputs of the workspace cannot be opened, and it was taken back; ask for another one, under another key.")
                .withHeader("Retry-After", "1");
    }

    private void observe(Outcome outcome, Instant asked) {
        observer.answered(outcome.path(), outcome.word(), Duration.between(asked, clock.instant()));
        if (outcome instanceof Outcome.Given(var unused, var stages)) {
            stages.ifPresent(took -> observer.took(took.queued(), took.picked()));
        }
    }

    static Optional<String> key(@Nullable String header) {
        if (header != null && (header.isBlank() || header.length() > KEY_MAX)) {
            throw Problem.badRequest(
                    "invalid_idempotency_key", "Idempotency-Key", "must have 1 to " + KEY_MAX + " characters.");
        }
        return Optional.ofNullable(header);
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listClaims",
            summary =
                    "Lists claims without outputs, with label=team=a,tier those with these labels. Members see their own, others those of their organization")
    public Uni<Page<ClaimView>> list(
            @QueryParam("label") @Nullable String label,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        Optional<LabelSelector> labels = Labels.selector(label);
        Caller asking = caller.get();
        return reads.list(Visibility.of(asking), labels, page.after(), page.rows())
                .map(rows -> rows.stream()
                        .map(claim -> ClaimView.of(claim, Map.of()))
                        .toList())
                .map(views -> Page.of(page, views, ClaimView::id));
    }

    @GET
    @Path("{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getClaim",
            summary =
                    "Shows a claim with its workspace. Only the claimer sees outputs. Prefer: wait=20 waits while the claim waits or is built cold")
    public Uni<RestResponse<ClaimView>> get(
            @PathParam("id") String id, @HeaderParam("Prefer") @Nullable String prefer) {
        Caller asking = caller.get();
        return answers.awaited(
                        uuid(id), Visibility.of(asking), PreferWait.of(prefer).orElse(Duration.ZERO))
                .map(found -> found.orElseThrow(() -> Problem.notFound("claim")))
                .chain(claim -> answers.view(asking, claim))
                .map(ClaimResource::shown);
    }

    private static RestResponse<ClaimView> shown(ClaimView view) {
        Integer generation = view.course().generation();
        ResponseBuilder<ClaimView> answer = ResponseBuilder.ok(view);
        return generation == null
                ? answer.build()
                : answer.tag(String.valueOf(generation)).build();
    }

    @POST
    @Path("{id}/renew")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Renewal.class)))
    @Operation(
            operationId = "renewClaim",
            summary = "Renews the lease of a claim, counted from now. If-Match may name its generation")
    public Uni<RestResponse<ClaimView>> renew(
            @PathParam("id") String id, byte[] body, @HeaderParam("If-Match") @Nullable String ifMatch) {
        JsonBody json = JsonBody.of(body, Renewal.class);
        Duration ttl = ClaimRequest.bounded(json, "ttl", ClaimRequest.ttlMax())
                .orElseThrow(() -> Problem.badRequest("missing_field", "ttl", "is required."));
        OptionalInt generation = ETags.ifMatch(ifMatch);
        Caller asking = caller.get();
        return found(asking, uuid(id))
                .invoke(claim -> refuseOther(claim, generation))
                .chain(claim -> leases.renew(claim.id(), ttl, generation, clock.instant()))
                .invoke(ClaimResource::refuseEnded)
                .chain(renewed -> found(asking, uuid(id)))
                .chain(claim -> answers.view(asking, claim))
                .map(ClaimResource::shown);
    }

    /** The body that prolongs a claim. */
    @RegisterForReflection
    record Renewal(
            @Schema(examples = "8h") String ttl) {}

    private static void refuseOther(Claim claim, OptionalInt generation) {
        Integer its = claim.generation();
        if (generation.isPresent() && (its == null || its != generation.getAsInt())) {
            throw Problem.of(412, "generation_mismatch", "The claim has another generation.");
        }
    }

    private static void refuseEnded(boolean renewed) {
        if (!renewed) {
            throw Problem.of(409, "claim_ended", "The claim has ended, its time is over, or it still waits.");
        }
    }

    @DELETE
    @Path("{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "releaseClaim",
            summary =
                    "Releases the claim, or cancels it while it waits. Its workspace is destroyed, or reset for the next user. Idempotent")
    public Uni<Void> release(@PathParam("id") String id, @HeaderParam("If-Match") @Nullable String ifMatch) {
        OptionalInt generation = ETags.ifMatch(ifMatch);
        return found(caller.get(), uuid(id))
                .invoke(claim -> refuseOther(claim, generation))
                .chain(claim -> leases.cancel(claim.id(), clock.instant())
                        .chain(canceled -> canceled ? gaveUp() : giveBack(claim.id(), generation)));
    }

    private Uni<Void> gaveUp() {
        wakeUps.changed(Change.WAITING_CLAIM);
        return Uni.createFrom().voidItem();
    }

    private Uni<Void> giveBack(UUID claim, OptionalInt generation) {
        return leases.release(claim, generation, clock.instant())
                .chain(given -> goOn(claim, given))
                .invoke(() -> wakeUps.changed(Change.JOB_QUEUED))
                .replaceWithVoid();
    }

    private Uni<?> goOn(UUID claim, EndClaimStore.Return given) {
        Instant now = clock.instant();
        return switch (given) {
            // What it was given may have proved unfit in this moment, and then it waits again.
            case NONE -> leases.cancel(claim, now).chain(() -> builds.deleteUsedUp(now));
            case TO_DELETE -> builds.deleteUsedUp(now);
            case TO_RESET -> builds.recycle(now).chain(() -> builds.deleteWanted(now));
        };
    }

    private Uni<Claim> found(Caller asking, UUID claim) {
        return reads.find(claim, Visibility.of(asking))
                .map(found -> found.orElseThrow(() -> Problem.notFound("claim")));
    }

    private static UUID uuid(String id) {
        return JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("claim"));
    }
}
