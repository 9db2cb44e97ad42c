package dev.larder.claim;

import dev.larder.claim.WorkspaceStore.Seen;
import dev.larder.events.Feed;
import dev.larder.events.Partition;
import dev.larder.events.Watch;
import dev.larder.http.FollowSettings;
import dev.larder.http.Shares;
import dev.larder.http.Traffic;
import dev.larder.lifecycle.BuildProgress;
import dev.larder.model.Caller;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;

/**
 * Calls that are held until a workspace is settled: ready, failed, or gone. The feed of events tells them when to look,
 * so the database is not asked while nothing happens.
 */
@ApplicationScoped
class WorkspaceWaits {

    private final WorkspaceStore store;
    private final Feed feed;
    private final Traffic traffic;
    private final InstantSource clock;
    private final Shares places;

    WorkspaceWaits(WorkspaceStore store, Feed feed, Traffic traffic, InstantSource clock, FollowSettings follow) {
        this.store = store;
        this.feed = feed;
        this.traffic = traffic;
        this.clock = clock;
        this.places = follow.shares("too_many_followers", "followed workspaces", follow.claimsMax());
    }

    /** The workspace once it is settled, or as it is after this time, or when the server stops. */
    Uni<Optional<Seen>> settled(Caller asking, UUID workspace, Duration atMost) {
        Visibility scope = Visibility.of(asking);
        return store.find(workspace, scope)
                .chain(found -> underWay(found) && atMost.isPositive()
                        ? held(asking, workspace, scope, atMost)
                        : Uni.createFrom().item(found));
    }

    private static boolean underWay(Optional<Seen> found) {
        return found.filter(seen -> BuildProgress.underWay(seen.build().status()))
                .isPresent();
    }

    private Uni<Optional<Seen>> held(Caller asking, UUID workspace, Visibility scope, Duration atMost) {
        Instant until = clock.instant().plus(atMost);
        Watch watch = new Watch(feed);
        Shares.Place place = places.take(asking);
        watch.add(Partition.workspace(workspace));
        return next(workspace, scope, watch, until).onTermination().invoke(() -> {
            watch.close();
            place.close();
        });
    }

    /** Each round ends with an event of the workspace, or is the last one. */
    private Uni<Optional<Seen>> next(UUID workspace, Visibility scope, Watch watch, Instant until) {
        Duration left = Duration.between(clock.instant(), until);
        if (!left.isPositive() || traffic.isEnding()) {
            return store.find(workspace, scope);
        }
        return Uni.combine()
                .any()
                .of(watch.next(), traffic.pause(left))
                .chain(() -> store.find(workspace, scope))
                .chain(found -> underWay(found)
                        ? next(workspace, scope, watch, until)
                        : Uni.createFrom().item(found));
    }
}
