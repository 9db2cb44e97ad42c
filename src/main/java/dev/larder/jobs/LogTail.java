package dev.larder.jobs;

import dev.larder.events.Partition;
import dev.larder.events.Watch;
import dev.larder.http.Traffic;
import dev.larder.jobs.JobReads.Numbered;
import dev.larder.jobs.JobReads.Seen;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.sse.OutboundSseEvent;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One follower of one log. It reads the log from the database, a page at a time and only when the follower takes
 * it, so the lines may arrive at any process. It reads when it is told of new lines or of an event of the job's
 * workspace, and every 15 s where it is told nothing.
 */
final class LogTail {

    static final int LINES_AT_ONCE = 1_000;
    static final int BEFORE_THE_FIRST = -1;

    private static final Duration SILENCE = Duration.ofSeconds(15);

    private final JobReads reader;
    private final UUID job;
    private final Visibility scope;
    private final LogEvents events;
    private final Traffic traffic;
    private final LogNews news;
    private final Watch watch;
    private final Supplier<Uni<Boolean>> allowed;
    private int seen;
    private long askedAt;
    private boolean begun;
    private boolean silent;
    private boolean waits;

    /** @param allowed whether the caller may still follow */
    LogTail(
            JobReads reader,
            UUID job,
            Visibility scope,
            int after,
            LogEvents events,
            Traffic traffic,
            LogNews news,
            Watch watch,
            Supplier<Uni<Boolean>> allowed) {
        this.reader = reader;
        this.job = job;
        this.scope = scope;
        this.seen = after;
        this.events = events;
        this.traffic = traffic;
        this.news = news;
        this.watch = watch;
        this.allowed = allowed;
    }

    private record Batch(List<OutboundSseEvent> events, boolean last) {}

    /**
     * Sends lines until the job has ended and its log is complete, or the caller may no longer see it. Ends without
     * the event {@code end} when this process stops: the follower continues at another server.
     */
    Multi<OutboundSseEvent> events() {
        return Multi.createBy()
                .repeating()
                .uni(this::next)
                .whilst(batch -> !batch.last())
                .onItem()
                .transformToIterable(Batch::events)
                .onSubscription()
                .invoke(() -> news.join(job, watch))
                .onTermination()
                .invoke(this::leave);
    }

    private void leave() {
        news.leave(job, watch);
        watch.close();
    }

    private Uni<Batch> next() {
        return (waits ? changed() : Uni.createFrom().item(true))
                .chain(this::mayGoOn)
                .chain(may -> may ? reader.look(job, scope) : Uni.createFrom().item(Optional.<Seen>empty()))
                .chain(this::read);
    }

    /** Whether something has happened; false after a silence, and when this process stops. */
    private Uni<Boolean> changed() {
        return Uni.combine()
                .any()
                .of(watch.next().replaceWith(true), traffic.pause(SILENCE).replaceWith(false));
    }

    /** A token may be revoked, or a user disabled, while it follows: checked every 15 s. */
    private Uni<Boolean> mayGoOn(boolean changed) {
        silent = !changed;
        long now = System.nanoTime();
        if (begun && changed && now - askedAt < SILENCE.toNanos()) {
            return Uni.createFrom().item(true);
        }
        askedAt = now;
        return allowed.get();
    }

    /** The job is read before its log, so the log of an ended job is complete. */
    private Uni<Batch> read(Optional<Seen> found) {
        found.ifPresent(one -> watch.add(Partition.workspace(one.workspaceId())));
        return found.isEmpty()
                ? Uni.createFrom().item(new Batch(List.of(), true))
                : reader.log(job, seen, LINES_AT_ONCE).map(lines -> batch(found.get(), lines));
    }

    private Batch batch(Seen found, List<Numbered> lines) {
        boolean last = found.progress().completedAt() != null && lines.size() < LINES_AT_ONCE;
        waits = lines.size() < LINES_AT_ONCE;
        seen = last(lines, seen);
        Stream<OutboundSseEvent> said = lines.stream().map(events::line);
        if (last) {
            return new Batch(
                    Stream.concat(said, Stream.of(events.end(found.progress().status())))
                            .toList(),
                    true);
        }
        // The first event sends the head of the answer, so that the client knows that it follows.
        boolean says = lines.isEmpty() && (silent || !begun);
        begun = true;
        return says
                ? new Batch(List.of(events.stillThere()), traffic.isEnding())
                : new Batch(said.toList(), traffic.isEnding());
    }

    /** The lines so far, a page at a time. */
    static Multi<String> text(JobReads reader, UUID job) {
        int[] seen = {BEFORE_THE_FIRST};
        return Multi.createBy()
                .repeating()
                .uni(() -> reader.log(job, seen[0], LINES_AT_ONCE).invoke(lines -> seen[0] = last(lines, seen[0])))
                .whilst(lines -> lines.size() == LINES_AT_ONCE)
                .filter(lines -> !lines.isEmpty())
                .map(LogTail::page);
    }

    private static int last(List<Numbered> lines, int before) {
        return lines.isEmpty() ? before : lines.getLast().seq();
    }

    private static String page(List<Numbered> lines) {
        return lines.stream()
                .map(row -> row.line().at() + " " + row.line().stream() + " "
                        + row.line().line() + "\n")
                .collect(Collectors.joining());
    }
}
