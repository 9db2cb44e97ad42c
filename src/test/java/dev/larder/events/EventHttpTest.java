package dev.larder.events;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Api;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.inject.Inject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Events over HTTP: pages, one by one, and streams that resume (decision 0035). */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class EventHttpTest {

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    @Inject
    Pool pool;

    private final String organization = "org-" + UUID.randomUUID().toString().substring(0, 13);
    private final List<Following> followings = new CopyOnWriteArrayList<>();
    private final Api owner = Api.owner();
    private final String tokenOfAnna;
    private final Api anna;
    private final Api bob;
    private final String state;
    private final String partition;

    EventHttpTest() {
        Api.Answer made = owner.post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}");
        assertThat(made.status()).isEqualTo(201);
        tokenOfAnna = token("anna");
        anna = Api.as(tokenOfAnna);
        bob = Api.as(token("bob"));
        state = anna.post("/api/v1/states", "{\"organization\":\"%s\",\"name\":\"net\"}".formatted(organization))
                .body()
                .path("id")
                .asText();
        partition = "/api/v1/events/state:" + state;
    }

    private String token(String name) {
        String user = owner.post(
                        "/api/v1/organizations/" + organization + "/users",
                        "{\"name\":\"" + name + "\",\"role\":\"member\"}")
                .body()
                .path("id")
                .asText();
        return owner.post("/api/v1/tokens", "{\"name\":\"t\",\"user\":\"" + user + "\"}")
                .body()
                .path("token")
                .asText();
    }

    @AfterEach
    void stop() {
        followings.forEach(Following::close);
    }

    /** Two events each time: a mutation begins and ends. */
    private void change(int times) {
        for (int i = 0; i < times; i++) {
            String mutation = anna.post("/api/v1/states/" + state + "/mutations", "{\"kind\":\"plan\"}")
                    .body()
                    .path("id")
                    .asText();
            Api.Answer ended = anna.post("/api/v1/state-mutations/" + mutation + "/end", "{\"outcome\":\"succeeded\"}");
            assertThat(ended.status()).as(ended.toString()).isEqualTo(200);
        }
    }

    /** A stream, line by line. */
    private final class Following implements AutoCloseable {

        final HttpResponse<Stream<String>> response;
        final List<String> lines = new CopyOnWriteArrayList<>();

        Following(String query, String... headers) throws Exception {
            String base = ConfigProvider.getConfig().getValue("test.url", String.class);
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + partition + "/stream" + query))
                    .header("Authorization", "Bearer " + tokenOfAnna);
            if (headers.length > 0) {
                request.headers(headers);
            }
            response = CLIENT.send(request.build(), BodyHandlers.ofLines());
            followings.add(this);
            Thread.ofVirtual().start(this::read);
        }

        /** Ends with the connection, on which the reading fails where the test closes it. */
        private void read() {
            try {
                response.body().forEach(lines::add);
                lines.add("over");
            } catch (RuntimeException closed) {
                lines.add("closed");
            }
        }

        List<String> ids() {
            return lines.stream()
                    .filter(line -> line.startsWith("id:"))
                    .map(line -> line.substring(line.indexOf('/') + 1))
                    .toList();
        }

        void sees(String... ids) {
            Eventually.see(this::ids, seen -> seen.size() >= ids.length);
            assertThat(ids()).containsExactly(ids);
        }

        @Override
        public void close() {
            response.body().close();
        }
    }

    @Test
    void events_are_listed_in_pages_and_shown_one_by_one() {
        change(2);

        Api.Answer first = anna.get(partition + "?limit=3");
        Api.Answer second = anna.get(
                partition + "?limit=3&after=" + first.body().path("next").asText());

        assertThat(first.body().path("items").findValuesAsText("seq")).containsExactly("1", "2", "3");
        assertThat(second.body().path("items").findValuesAsText("seq")).containsExactly("4");
        assertThat(second.body().path("next").isNull()).isTrue();
        Api.Answer one =
                anna.get("/api/v1/events/" + first.body().at("/items/1/id").asText());
        assertThat(one.body()).isEqualTo(first.body().at("/items/1"));
        assertThat(one.body().path("type").asText()).isEqualTo("state.mutation_ended");
        assertThat(anna.get(partition + "/5").code()).isEqualTo("event_not_found");
        assertThat(anna.get(partition + "/five").code()).isEqualTo("event_not_found");
    }

    @Test
    void a_follower_is_told_what_happened_lately_and_what_happens_then() throws Exception {
        change(1);
        Following following = new Following("");
        following.sees("1", "2");

        change(1);

        following.sees("1", "2", "3", "4");
        assertThat(following.lines).contains("event:state.mutation_begun");
        assertThat(following.response.headers().firstValue("Content-Type").orElse(""))
                .startsWith("text/event-stream");
    }

    @Test
    void a_follower_of_a_partition_without_events_gets_its_answer_at_once() throws Exception {
        Following following = new Following("");

        Eventually.see(() -> following.lines, lines -> lines.contains(":still there"));
        change(1);

        following.sees("1", "2");
    }

    @Test
    void a_follower_resumes_after_the_event_that_its_header_names() throws Exception {
        change(2);

        new Following("?after=1", "Last-Event-ID", "state:" + state + "/3").sees("4");
        new Following("?after=2").sees("3", "4");
    }

    @Test
    void a_follower_whose_next_event_was_removed_is_told_to_begin_anew() throws Exception {
        change(2);
        pool.preparedQuery("DELETE FROM events WHERE subject = $1 AND seq <= 2")
                .execute(Tuple.of(UUID.fromString(state)))
                .await()
                .indefinitely();

        Following following = new Following("", "Last-Event-ID", "1");

        following.sees("2", "3", "4");
        assertThat(following.lines).contains("event:reset", "data:{\"oldest\":3}");
    }

    @Test
    void a_follower_that_names_an_event_that_is_yet_to_come_is_told_to_begin_anew() throws Exception {
        change(1);

        Following following = new Following("", "Last-Event-ID", "70");

        following.sees("0", "1", "2");
        assertThat(following.lines).contains("event:reset", "data:{\"oldest\":1}");
    }

    @Test
    void a_member_sees_no_events_of_another_member() {
        change(1);
        assertThat(bob.get(partition).code()).isEqualTo("partition_not_found");
        assertThat(bob.get(partition + "/1").code()).isEqualTo("partition_not_found");
        assertThat(bob.get(partition + "/stream").code()).isEqualTo("partition_not_found");
        assertThat(owner.get(partition).status()).isEqualTo(200);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "state",
                "state:",
                "state:x",
                "job:00000000-0000-7000-8000-00000000ffff",
                "a%2Fb",
                "cleanup:00000000-0000-7000-8000-00000000ffff"
            })
    void what_is_no_partition_is_not_found(String text) {
        for (String call : List.of("", "/1", "/stream")) {
            assertThat(anna.get("/api/v1/events/" + text + call).status())
                    .as(text + call)
                    .isEqualTo(404);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"x", "-1", "1.5", "9999999999999999999", "workspace:00000000-0000-7000-8000-00000000ffff/1"})
    void an_id_that_is_none_of_the_partition_is_refused(String id) {
        Api.Answer page = anna.get(partition + "?after=" + id);
        Api.Answer stream = anna.with("Last-Event-ID", id).get(partition + "/stream");

        assertThat(page.status()).isEqualTo(400);
        assertThat(page.code()).isEqualTo("invalid_event");
        assertThat(stream.code()).as(stream.toString()).isEqualTo("invalid_event");
    }
}
