package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class EventFollowerTest {

    private final Deque<Supplier<InputStream>> streams = new ArrayDeque<>();
    private final List<Map<String, String>> asked = new ArrayList<>();
    private final List<String> notices = new ArrayList<>();
    private final List<String> taken = new ArrayList<>();
    private final AtomicLong nanos = new AtomicLong();
    private final EventFollower follower = new EventFollower(this::open, notices::add, nanos::get, Duration.ZERO);

    private InputStream open(Map<String, String> headers) {
        asked.add(headers);
        return streams.remove().get();
    }

    private void says(String text) {
        streams.add(() -> bytes(text));
    }

    private static InputStream bytes(String text) {
        return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
    }

    private void fails(Failure failure) {
        streams.add(() -> {
            throw failure;
        });
    }

    private boolean take(EventLines.Event event) {
        taken.add(event.name() + "=" + event.data());
        return !event.name().equals("end");
    }

    @Test
    void reads_events_of_several_lines_with_comments_between_them() {
        says("""
                : still there

                id: 7
                data: {"a":
                data: 1}

                event:none
                id:8

                event:end
                data:succeeded

                data:after the end

                """);

        follower.follow(this::take);

        assertThat(taken).containsExactly("message={\"a\":\n1}", "end=succeeded");
        assertThat(asked).containsExactly(Map.of("Accept", "text/event-stream"));
    }

    @Test
    void goes_on_behind_the_last_whole_event_after_a_cut_connection() {
        says("id:1\ndata:one\n\nid:2\ndata:two\n\nid:3\ndata:thr");
        says("id:3\ndata:three\n\nevent:end\ndata:succeeded\n\n");

        follower.follow(this::take);

        assertThat(taken).containsExactly("message=one", "message=two", "message=three", "end=succeeded");
        assertThat(asked.getLast()).containsEntry("Last-Event-ID", "2");
        assertThat(notices).hasSize(1);
    }

    @Test
    void goes_on_after_a_connection_that_breaks() {
        streams.add(() -> new SequenceInputStream(bytes("id:1\ndata:one\n\n"), new InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("reset");
            }
        }));
        says("event:end\ndata:failed\n\n");

        follower.follow(this::take);

        assertThat(taken).containsExactly("message=one", "end=failed");
        assertThat(asked.getLast()).containsEntry("Last-Event-ID", "1");
    }

    @Test
    void waits_for_a_server_that_restarts_and_for_a_place() {
        says("id:1\ndata:one\n\n");
        fails(Failure.of(ExitCode.UNREACHABLE, "no server"));
        fails(Failure.of(ExitCode.REFUSED, "too_many_followers", "full"));
        says("event:end\ndata:succeeded\n\n");

        follower.follow(this::take);

        assertThat(taken).containsExactly("message=one", "end=succeeded");
        assertThat(asked).hasSize(4);
    }

    @Test
    void a_server_that_is_gone_for_a_minute_ends_it() {
        fails(Failure.of(ExitCode.UNREACHABLE, "no server"));
        streams.add(() -> {
            nanos.addAndGet(Duration.ofSeconds(61).toNanos());
            throw Failure.of(ExitCode.UNREACHABLE, "no server");
        });

        assertThatThrownBy(() -> follower.follow(this::take)).hasMessage("no server");
    }

    @Test
    void a_refusal_ends_it_at_once() {
        says("id:1\ndata:one\n\n");
        fails(Failure.of(ExitCode.NEEDS_LOGIN, "revoked"));

        assertThatThrownBy(() -> follower.follow(this::take)).hasMessage("revoked");
    }
}
