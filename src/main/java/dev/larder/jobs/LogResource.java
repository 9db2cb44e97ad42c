package dev.larder.jobs;

import dev.larder.events.Feed;
import dev.larder.events.Watch;
import dev.larder.http.Access;
import dev.larder.http.CurrentCaller;
import dev.larder.http.FollowSettings;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.http.Shares;
import dev.larder.http.StreamGuard;
import dev.larder.http.Traffic;
import dev.larder.jobs.JobReads.Numbered;
import dev.larder.jobs.JobReads.Seen;
import dev.larder.jobs.LogEvents.Line;
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
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestMulti;
import org.jspecify.annotations.Nullable;

/** What jobs said: page by page, as it comes, and as a whole (design, section 4.6). */
@Path("/api/v1/jobs")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "jobs")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class LogResource {

    private static final String NEXT = "must be the \"next\" of an earlier page.";
    private static final String EVENT = "must be the id of an earlier event.";

    private final JobReads reader;
    private final CurrentCaller caller;
    private final Traffic traffic;
    private final Access access;
    private final LogNews news;
    private final Feed feed;
    private final Shares followers;

    LogResource(
            JobReads reader,
            Access access,
            CurrentCaller caller,
            Traffic traffic,
            LogNews news,
            Feed feed,
            FollowSettings settings) {
        this.news = news;
        this.feed = feed;
        this.access = access;
        this.reader = reader;
        this.caller = caller;
        this.traffic = traffic;
        this.followers = settings.shares("too_many_followers", "followed logs", settings.logsMax());
    }

    @GET
    @Path("{id}/logs")
    @Produces(MediaType.APPLICATION_JSON)
    @Operation(operationId = "readJobLog", summary = "Shows up to 1,000 lines of a job's log after the given one")
    public Uni<LogPage> page(@PathParam("id") String id, @QueryParam("after") @Nullable String after) {
        int from = line("after", after, NEXT);
        return found(id)
                .chain(job -> reader.log(job.id(), from, LogTail.LINES_AT_ONCE + 1))
                .map(LogPage::of);
    }

    private static int line(String field, @Nullable String text, String expected) {
        if (text == null) {
            return LogTail.BEFORE_THE_FIRST;
        }
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException notANumber) {
            throw Problem.badRequest("invalid_line", field, expected);
        }
    }

    /** @param next what to send as {@code after} for the following lines; null at the log's present end */
    @Schema(name = "JobLog")
    record LogPage(List<Line> items, @Nullable Integer next) {

        static LogPage of(List<Numbered> rows) {
            boolean more = rows.size() > LogTail.LINES_AT_ONCE;
            List<Line> lines =
                    rows.stream().limit(LogTail.LINES_AT_ONCE).map(Line::of).toList();
            return new LogPage(lines, more ? lines.getLast().seq() : null);
        }
    }

    @GET
    @Path("{id}/logs/events")
    @JobExists.Needed
    @Produces(MediaType.SERVER_SENT_EVENTS)
    @Operation(
            operationId = "followJobLog",
            summary = "Streams the log of a job, then an event \"end\" with its status. Resumes after Last-Event-ID")
    public Multi<OutboundSseEvent> follow(
            @PathParam("id") String id, @HeaderParam("Last-Event-ID") @Nullable String last, @Context Sse sse) {
        int from = line("Last-Event-ID", last, EVENT);
        Caller asking = caller.get();
        LogTail tail = new LogTail(
                reader,
                uuid(id),
                scope(),
                from,
                new LogEvents(sse),
                traffic,
                news,
                new Watch(feed),
                () -> access.stillOpens(asking));
        Shares.Place place = followers.take(asking);
        caller.closeWithAnswer(place);
        return StreamGuard.logged("job log", tail.events()).onTermination().invoke(place::close);
    }

    @GET
    @Path("{id}/logs/text")
    @Produces(MediaType.TEXT_PLAIN)
    @Operation(operationId = "downloadJobLog", summary = "Downloads the log of a job as text")
    public RestMulti<String> download(@PathParam("id") String id) {
        return RestMulti.fromUniResponse(
                found(id), job -> StreamGuard.logged("job log as text", LogTail.text(reader, job.id())));
    }

    private Uni<Seen> found(String id) {
        return reader.look(uuid(id), scope()).map(found -> found.orElseThrow(() -> Problem.notFound("job")));
    }

    private static UUID uuid(String id) {
        return JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("job"));
    }

    private Visibility scope() {
        return Visibility.of(caller.get());
    }
}
