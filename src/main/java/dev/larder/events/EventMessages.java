package dev.larder.events;

import io.quarkus.runtime.annotations.RegisterForReflection;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.sse.OutboundSseEvent;
import jakarta.ws.rs.sse.Sse;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What a follower is told, as messages of a stream. */
record EventMessages(Sse sse, Partition partition) {

    /**
     * The data of a {@code reset}.
     *
     * @param oldest the number of the next event that the follower is told
     */
    @RegisterForReflection
    @Schema(name = "EventsReset")
    record Gone(long oldest) {}

    OutboundSseEvent of(Told told) {
        return switch (told) {
            case Told.Happened(Event event) -> happened(event);
            case Told.Reset(long oldest) -> reset(oldest);
            case Told.Silent() -> stillThere();
        };
    }

    private OutboundSseEvent happened(Event event) {
        return sse.newEventBuilder()
                .id(event.id())
                .name(event.type())
                .mediaType(MediaType.APPLICATION_JSON_TYPE)
                .data(EventView.class, EventView.of(event))
                .build();
    }

    /** Its id is that of the last removed event, so that a client that is cut off here is not told again. */
    private OutboundSseEvent reset(long oldest) {
        return sse.newEventBuilder()
                .id(partition + "/" + (oldest - 1))
                .name("reset")
                .mediaType(MediaType.APPLICATION_JSON_TYPE)
                .data(Gone.class, new Gone(oldest))
                .build();
    }

    /** Proxies cut a connection that is silent. */
    OutboundSseEvent stillThere() {
        return sse.newEventBuilder().comment("still there").build();
    }
}
