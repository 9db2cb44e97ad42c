package dev.larder.reconcile;

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
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestStreamElementType;

/** A rollout as it changes, until it has ended. */
@Path("/api/v1/rollouts")
@Tag(name = "rollouts")
class RolloutFollowResource {

    /** Proxies cut a connection that is silent, and counts change without an event of the preset. */
    private static final Duration SILENCE = Duration.ofSeconds(15);

    private final RolloutReads reads;
    private final Feed feed;
    private final CurrentCaller caller;
    private final Traffic traffic;
    private final Access access;
    private final InstantSource clock;
    private final Shares followers;

    RolloutFollowResource(
            RolloutReads reads,
            Feed feed,
            CurrentCaller caller,
            Traffic traffic,
            Access access,
            InstantSource clock,
            FollowSettings follow) {
        this.reads = reads;
        this.feed = feed;
        this.caller = caller;
        this.traffic = traffic;
        this.access = access;
        this.clock = clock;
        this.followers = follow.shares("too_many_followers", "followed rollouts", follow.rolloutsMax());
    }

    @GET
    @Path("{id}/events")
    @RolloutExists.Needed
    @Produces(MediaType.SERVER_SENT_EVENTS)
    @RestStreamElementType(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "followRollout",
            summary =
                    "Streams the rollout now, at each change, and at least every 15 s. The last event shows how it ended")
    public Multi<RolloutView> events(@PathParam("id") String id) {
        Caller asking = caller.get();
        UUID rollout = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("rollout"));
        LastTold told = new LastTold(SILENCE);
        Watch watch = new Watch(feed);
        Shares.Place place = followers.take(asking);
        caller.closeWithAnswer(place);
        Multi<RolloutView> events = Multi.createBy()
                .repeating()
                .uni(() -> seen(asking, rollout, watch, told).invoke(view -> watch(watch, view)))
                .whilst(view -> view.times().endedAt() == null && !traffic.isEnding())
                .select()
                .where(view -> told.isDue(view, clock.instant()));
        return StreamGuard.logged("rollout events", events).onTermination().invoke(() -> {
            watch.close();
            place.close();
        });
    }

    /** What happened before the watch began ends its first wait, so nothing is missed. */
    private static void watch(Watch watch, RolloutView view) {
        watch.add(Partition.preset(view.change().to().presetId()));
    }

    /** Fails with a 404 where the caller's token opens no more: it may be revoked while it follows. */
    private Uni<RolloutView> seen(Caller asking, UUID rollout, Watch watch, LastTold told) {
        return wait(watch, told)
                .chain(() -> access.stillOpens(asking))
                .chain(opens -> opens
                        ? reads.find(rollout, asking.organization(), clock.instant())
                        : Uni.createFrom().item(Optional.<RolloutView>empty()))
                .map(found -> found.orElseThrow(() -> Problem.notFound("rollout")));
    }

    private Uni<Void> wait(Watch watch, LastTold told) {
        return told.isNothing()
                ? Uni.createFrom().voidItem()
                : Uni.combine().any().of(watch.next(), traffic.pause(told.untilAgain(clock.instant())));
    }
}
