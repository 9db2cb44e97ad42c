package dev.larder.jobs;

import dev.larder.jobs.JobReads.Numbered;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.sse.OutboundSseEvent;
import jakarta.ws.rs.sse.Sse;
import java.time.Instant;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A log as events: each line under its number, by which a follower that was cut off goes on. */
record LogEvents(Sse sse) {

    /** A line with its place in the log. */
    @Schema(name = "JobLogLine")
    record Line(int seq, Instant at, String stream, String line) {

        static Line of(Numbered row) {
            return new Line(
                    row.seq(), row.line().at(), row.line().stream(), row.line().line());
        }
    }

    OutboundSseEvent line(Numbered row) {
        return sse.newEventBuilder()
                .id(String.valueOf(row.seq()))
                .mediaType(MediaType.APPLICATION_JSON_TYPE)
                .data(Line.class, Line.of(row))
                .build();
    }

    OutboundSseEvent end(String status) {
        return sse.newEventBuilder().name("end").data(status).build();
    }

    /** Proxies cut a connection that is silent. */
    OutboundSseEvent stillThere() {
        return sse.newEventBuilder().comment("still there").build();
    }
}
