package dev.larder.events;

import dev.larder.http.Traffic;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.sse.OutboundSseEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Supplier;

/**
 * The stream of one follower of one partition. It ends when the process stops, so that the follower resumes at another
 * server, and when the caller may no longer see the subject: asked every 15 s, and before events that give a workspace
 * to another owner are told.
 */
final class EventStream {

    private static final Duration SILENCE = Duration.ofSeconds(15);
    private static final Set<String> ANOTHER_OWNER = Set.of("workspace.released", "workspace.claimed");

    private final EventMessages messages;
    private final Traffic traffic;
    private final Supplier<Uni<Boolean>> allowed;
    private boolean begun;
    private long askedAt = System.nanoTime();

    /** @param allowed whether the caller may still follow */
    EventStream(EventMessages messages, Traffic traffic, Supplier<Uni<Boolean>> allowed) {
        this.messages = messages;
        this.traffic = traffic;
        this.allowed = allowed;
    }

    private record Batch(List<OutboundSseEvent> messages, boolean last) {}

    /**
     * Events from the start on.
     *
     * @param newest the number of the partition's newest event when the start was chosen
     */
    Multi<OutboundSseEvent> events(Feed feed, EventReads reads, Start start, long newest) {
        Follower follower = new Follower(feed, reads, messages.partition(), start.after(), this::atMostSilence);
        Multi<OutboundSseEvent> events = follower.follow(OptionalLong.of(newest), this::answer, batch -> !batch.last())
                .onItem()
                .transformToIterable(Batch::messages);
        return start.unknown()
                ? Multi.createBy()
                        .concatenating()
                        .streams(Multi.createFrom().item(messages.of(new Told.Reset(start.after() + 1))), events)
                : events;
    }

    private Uni<Void> atMostSilence(Uni<Void> next) {
        return Uni.combine().any().of(next, traffic.pause(SILENCE));
    }

    private Uni<Batch> answer(List<Told> told) {
        return isToBeAsked(told)
                ? allowed.get().map(may -> may ? batch(told) : new Batch(List.of(), true))
                : Uni.createFrom().item(batch(told));
    }

    private boolean isToBeAsked(List<Told> told) {
        long now = System.nanoTime();
        boolean asks = now - askedAt > SILENCE.toNanos() || told.stream().anyMatch(EventStream::givesToAnother);
        askedAt = asks ? now : askedAt;
        return asks;
    }

    private static boolean givesToAnother(Told told) {
        return told instanceof Told.Happened(Event event) && ANOTHER_OWNER.contains(event.type());
    }

    private Batch batch(List<Told> told) {
        List<OutboundSseEvent> batch = new ArrayList<>();
        told.forEach(one -> batch.add(messages.of(one)));
        // The first message sends the head of the answer, so that the client knows that it follows.
        if (batch.isEmpty() && !begun) {
            batch.add(messages.stillThere());
        }
        begun = true;
        return new Batch(batch, traffic.isEnding());
    }

    /**
     * Where a stream begins.
     *
     * @param after the number of the event before its first one
     * @param unknown whether the client named an event that the partition does not have yet, so that it must start anew
     */
    record Start(long after, boolean unknown) {}
}
