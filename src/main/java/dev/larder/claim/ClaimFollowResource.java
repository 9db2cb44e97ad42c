package dev.larder.claim;

import dev.larder.events.Feed;
import dev.larder.events.Partition;
import dev.larder.events.Watch;
import dev.larder.http.Access;
import dev.larder.http.CurrentCaller;
import dev.larder.http.FollowSettings;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.http.Shares;
import dev.larder.http.StreamGuard;
import dev.larder.http.Traffic;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestStreamElementType;

/** A claim as it changes, until it is settled (design, section 3.4). */
@Path("/api/v1/claims")
@Tag(name = "claims")
class ClaimFollowResource {

    /** Proxies cut a connection that is silent. */
    private static final Duration SILENCE = Duration.ofSeconds(15);

    private final ClaimAnswers answers;
    private final ClaimReads reads;
    private final Feed feed;
    private final CurrentCaller caller;
    private final Traffic traffic;
    private final Access access;
    private final Shares followers;

    ClaimFollowResource(
            ClaimAnswers answers,
            ClaimReads reads,
            Feed feed,
            CurrentCaller caller,
            Traffic traffic,
            Access access,
            FollowSettings follow) {
        this.answers = answers;
        this.reads = reads;
        this.feed = feed;
        this.caller = caller;
        this.traffic = traffic;
        this.access = access;
        this.followers = follow.shares("too_many_followers", "followed claims", follow.claimsMax());
    }

    @GET
    @Path("{id}/events")
    @ClaimExists.Needed
    @Produces(MediaType.SERVER_SENT_EVENTS)
    @RestStreamElementType(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "followClaim",
            summary =
                    "Streams the claim without outputs while it waits or is built cold. The last event shows the settled claim")
    public Multi<ClaimView> events(@PathParam("id") String id) {
        Caller asking = caller.get();
        UUID claim = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("claim"));
        AtomicBoolean first = new AtomicBoolean(true);
        Watch watch = new Watch(feed);
        Shares.Place place = followers.take(asking);
        caller.closeWithAnswer(place);
        Multi<ClaimView> events = Multi.createBy()
                .repeating()
                .uni(() -> seen(asking, claim, watch, first.getAndSet(false))
                        .map(found -> found.orElseThrow(() -> Problem.notFound("claim")))
                        .chain(this::told))
                .whilst(event -> event.more() && !traffic.isEnding())
                .map(Told::view);
        return StreamGuard.logged("claim events", events)
                .onSubscription()
                .invoke(() -> watch.add(Partition.claim(claim)))
                .onTermination()
                .invoke(() -> {
                    watch.close();
                    place.close();
                });
    }

    /**
     * Empty where the caller's token opens no more: it may be revoked, and its user disabled, while it
     * follows.
     */
    private Uni<Optional<Claim>> seen(Caller asking, UUID claim, Watch watch, boolean first) {
        Visibility scope = Visibility.of(asking);
        return access.stillOpens(asking).chain(opens -> {
            if (!opens) {
                return Uni.createFrom().item(Optional.empty());
            }
            return first ? reads.find(claim, scope) : changed(claim, scope, watch);
        });
    }

    /** The claim once it is settled, something has happened to it, or after a silence. */
    private Uni<Optional<Claim>> changed(UUID claim, Visibility scope, Watch watch) {
        return Uni.combine()
                .any()
                .of(answers.awaited(claim, scope, SILENCE), watch.next().chain(() -> reads.find(claim, scope)));
    }

    /**
     * One event.
     *
     * @param more whether another follows
     */
    private record Told(ClaimView view, boolean more) {}

    private Uni<Told> told(Claim claim) {
        return answers.viewWithoutOutputs(claim).map(view -> new Told(view, claim.isUnsettled()));
    }
}
