package dev.larder.events;

import dev.larder.events.EventStream.Start;
import dev.larder.http.Access;
import dev.larder.http.CurrentCaller;
import dev.larder.http.FollowSettings;
import dev.larder.http.PageRequest;
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
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.sse.OutboundSseEvent;
import jakarta.ws.rs.sse.Sse;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** What happened to a workspace, claim, preset, state or clean-up: page by page, one by one, and as it happens. */
@Path("/api/v1/events/{partition}")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "events")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class EventResource {

    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,18}");
    private static final Pattern ID = Pattern.compile("(?:(.+)/)?([0-9]{1,18})");

    private final EventReads reads;
    private final Feed feed;
    private final CurrentCaller caller;
    private final Traffic traffic;
    private final Access access;
    private final InstantSource clock;
    private final EventSettings settings;
    private final Shares followers;

    EventResource(
            EventReads reads,
            Feed feed,
            CurrentCaller caller,
            Traffic traffic,
            Access access,
            InstantSource clock,
            EventSettings settings,
            FollowSettings follow) {
        this.reads = reads;
        this.feed = feed;
        this.caller = caller;
        this.traffic = traffic;
        this.access = access;
        this.clock = clock;
        this.settings = settings;
        this.followers = follow.shares("too_many_followers", "followed events", follow.eventsMax());
    }

    @GET
    @Operation(
            operationId = "listEvents",
            summary = "Lists the events of a partition, such as workspace:ID, after a number. Oldest first")
    public Uni<EventPage> list(
            @PathParam("partition") String partition,
            @QueryParam("after") @Nullable String after,
            @QueryParam("limit") @Nullable String limit) {
        Partition of = partition(partition);
        OptionalLong from = number(of, "after", after);
        PageRequest page = PageRequest.of(limit, null);
        return newest(of)
                .chain(newest -> reads.after(of, from.orElse(0), page.rows()))
                .map(events -> EventPage.of(events, page.limit()));
    }

    /** @param next what to send as {@code after} for the following events; null where there are none yet */
    @Schema(name = "EventPage")
    record EventPage(List<EventView> items, @Nullable Long next) {

        static EventPage of(List<Event> events, int limit) {
            List<EventView> items =
                    events.stream().limit(limit).map(EventView::of).toList();
            return new EventPage(items, events.size() > limit ? items.getLast().seq() : null);
        }
    }

    @GET
    @Path("{seq}")
    @Operation(operationId = "getEvent", summary = "Shows one event, by its partition and number")
    public Uni<EventView> get(@PathParam("partition") String partition, @PathParam("seq") String seq) {
        Partition of = partition(partition);
        if (!NUMBER.matcher(seq).matches()) {
            throw Problem.notFound("event");
        }
        return newest(of)
                .chain(newest -> reads.find(of, Long.parseLong(seq)))
                .map(found -> found.map(EventView::of).orElseThrow(() -> Problem.notFound("event")));
    }

    @GET
    @Path("stream")
    @PartitionSeen.Needed
    @Produces(MediaType.SERVER_SENT_EVENTS)
    @Operation(
            operationId = "followEvents",
            summary =
                    "Streams the events of a partition after Last-Event-ID, else after ?after=, else those of the last 300 s and all that follow. An event \"reset\" says that events were removed or the id is unknown")
    public Multi<OutboundSseEvent> follow(
            @PathParam("partition") String partition,
            @HeaderParam("Last-Event-ID") @Nullable String last,
            @QueryParam("after") @Nullable String after,
            @Context Sse sse) {
        Partition of = partition(partition);
        OptionalLong from = last == null ? number(of, "after", after) : number(of, "Last-Event-ID", last);
        Caller asking = caller.get();
        Visibility scope = Visibility.of(asking);
        EventStream stream = new EventStream(new EventMessages(sse, of), traffic, () -> mayFollow(asking, of, scope));
        Shares.Place place = followers.take(asking);
        caller.closeWithAnswer(place);
        Multi<OutboundSseEvent> events = newest(of, scope)
                .onItem()
                .transformToMulti(newest -> start(of, from, newest)
                        .onItem()
                        .transformToMulti(start -> stream.events(feed, reads, start, newest)));
        return StreamGuard.logged("events", events).onTermination().invoke(place::close);
    }

    /** A token may be revoked, a user disabled, and a workspace given to another owner, while it is followed. */
    private Uni<Boolean> mayFollow(Caller asking, Partition partition, Visibility scope) {
        return access.stillOpens(asking)
                .chain(opens -> opens
                        ? reads.newest(partition, scope).map(OptionalLong::isPresent)
                        : Uni.createFrom().item(false));
    }

    private Uni<Start> start(Partition partition, OptionalLong from, long newest) {
        return from.isPresent() && from.getAsLong() <= newest
                ? Uni.createFrom().item(new Start(from.getAsLong(), false))
                : reads.start(partition, clock.instant().minus(settings.replay()), newest)
                        .map(seq -> new Start(seq, from.isPresent()));
    }

    private static Partition partition(String text) {
        return Partition.of(text).orElseThrow(PartitionSeen::notFound);
    }

    private Uni<Long> newest(Partition partition) {
        return newest(partition, Visibility.of(caller.get()));
    }

    private Uni<Long> newest(Partition partition, Visibility scope) {
        return reads.newest(partition, scope).map(PartitionSeen::seen);
    }

    /** Takes an event's number, and its id. */
    private static OptionalLong number(Partition partition, String field, @Nullable String text) {
        if (text == null) {
            return OptionalLong.empty();
        }
        Matcher id = ID.matcher(text);
        if (!id.matches()
                || !Optional.ofNullable(id.group(1))
                        .map(partition.toString()::equals)
                        .orElse(true)) {
            throw Problem.badRequest("invalid_event", field, "must be the id of an event of this partition.");
        }
        return OptionalLong.of(Long.parseLong(id.group(2)));
    }
}
