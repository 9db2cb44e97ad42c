package dev.larder.state;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.state.Tf.Answer;
import dev.larder.testing.Api;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Logged;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.inject.Inject;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * States over HTTP: every status that Terraform's http backend acts on (S11), the 404 rule (S12), a failed upload
 * before an unlock (S13), answers that are lost (S9), and the native calls.
 */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class StateHttpTest {

    @Inject
    Pool pool;

    private final String organization = organization();
    private final Person anna = person("anna", "member");
    private final Person bob = person("bob", "member");
    private final Person chief = person("chief", "template_admin");
    private final Person otto = person("otto", "auditor");

    /** A user, whose token both interfaces take. */
    private record Person(String token) {

        Api api() {
            return Api.as(token);
        }

        Tf tf(String state) {
            return new Tf("/tf/v1/states/" + state, "anyone", token);
        }
    }

    private static String organization() {
        String name = "org-" + UUID.randomUUID().toString().substring(0, 13);
        assertThat(Api.owner()
                        .post("/api/v1/organizations", "{\"name\":\"" + name + "\"}")
                        .status())
                .isEqualTo(201);
        return name;
    }

    private Person person(String name, String role) {
        Api.Answer user = Api.owner()
                .post(
                        "/api/v1/organizations/" + organization + "/users",
                        "{\"name\":\"%s\",\"role\":\"%s\"}".formatted(name, role));
        Api.Answer token = Api.owner()
                .post(
                        "/api/v1/tokens",
                        "{\"name\":\"t\",\"user\":\"%s\"}"
                                .formatted(user.body().path("id").asText()));
        return new Person(token.body().path("token").asText());
    }

    private String created(Person owner) {
        Api.Answer made = owner.api()
                .post(
                        "/api/v1/states",
                        "{\"organization\":\"%s\",\"name\":\"s-%s\"}"
                                .formatted(
                                        organization,
                                        UUID.randomUUID().toString().substring(0, 8)));
        assertThat(made.status()).as(made.toString()).isEqualTo(201);
        return made.body().path("id").asText();
    }

    private JsonNode status(String state) {
        return chief.api().get("/api/v1/states/" + state + "/status").body();
    }

    private String trust(String state) {
        JsonNode shown = status(state);
        String reason = shown.at("/trust/reason").asText("null");
        return shown.at("/trust/status").asText() + (reason.equals("null") ? "" : "(" + reason + ")");
    }

    private Row row(String sql, Object... values) {
        return pool.preparedQuery(sql)
                .execute(Tuple.from(List.of(values)))
                .await()
                .indefinitely()
                .iterator()
                .next();
    }

    private void sql(String sql, Object... values) {
        var done = pool.preparedQuery(sql)
                .execute(Tuple.from(List.of(values)))
                .await()
                .indefinitely();
    }

    private long count(String what, String state) {
        return row("SELECT count(*) AS n FROM " + what + " WHERE state_id = $1", UUID.fromString(state))
                .getLong("n");
    }

    private void written(String state, int serial) {
        Tf tf = anna.tf(state);
        String lock = Tf.someId();
        assertThat(tf.lock(Tf.info(lock)).status()).isEqualTo(200);
        assertThat(tf.post(lock, Tf.state(serial)).status()).isEqualTo(200);
        assertThat(tf.unlock(Tf.info(lock)).status()).isEqualTo(200);
    }

    @Test
    void an_apply_locks_reads_writes_and_unlocks() {
        String state = created(anna);
        Tf tf = anna.tf(state);

        assertThat(tf.lock(Tf.info("l1")).status()).isEqualTo(200);
        assertThat(tf.get().status()).isEqualTo(404);
        assertThat(status(state).at("/mutation/holder/user").asText()).isEqualTo("anna");
        assertThat(tf.post("l1", Tf.state(1)).status()).isEqualTo(200);
        Answer read = tf.get();
        assertThat(tf.unlock(Tf.info("l1")).status()).isEqualTo(200);

        assertThat(read.status()).isEqualTo(200);
        assertThat(read.text()).isEqualTo(Tf.state(1));
        assertThat(read.header("Content-MD5")).isEqualTo(md5(Tf.state(1)));
        assertThat(read.header("ETag")).isEqualTo("\"1\"");
        assertThat(read.header("State-Status")).isEqualTo("in_flight");
        assertThat(trust(state)).isEqualTo("reliable");
        assertThat(status(state).path("reliableVersion").asInt()).isEqualTo(1);
    }

    private static String md5(String text) {
        try {
            byte[] md5 = MessageDigest.getInstance("MD5").digest(text.getBytes(StandardCharsets.UTF_8));
            return Base64.getEncoder().encodeToString(md5);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @Test
    void a_lock_keeps_others_out_and_shows_them_whose_it_is() {
        String state = created(anna);
        assertThat(anna.tf(state).lock(Tf.info("l1")).status()).isEqualTo(200);

        for (Answer refused : List.of(
                chief.tf(state).lock(Tf.info("l2")),
                anna.tf(state).lock(Tf.info("l3")),
                chief.tf(state).post("l2", "{}"))) {
            assertThat(refused.status()).as(refused.toString()).isEqualTo(423);
            assertThat(refused.json().path("ID").asText()).isEqualTo("l1");
            assertThat(refused.json().path("Who").asText()).isEqualTo("anna@laptop");
            assertThat(refused.json().path("Created").asText()).matches("\\d{4}-.*Z");
        }
        Answer foreign = chief.tf(state).unlock(Tf.info("l2"));
        assertThat(foreign.status()).isEqualTo(409);
        assertThat(foreign.json().path("ID").asText()).isEqualTo("l1");
        assertThat(chief.tf(state).unlock(Tf.info("l1")).status()).isEqualTo(409);
    }

    @Test
    void every_call_whose_answer_was_lost_succeeds_when_it_is_sent_again_and_has_one_effect() throws IOException {
        String state = created(anna);
        Tf tf = anna.tf(state);
        UUID id = UUID.fromString(state);
        String info = Tf.info("l1");

        try (Socket lost = tf.sendAndLookAway("LOCK", "", info, info.length())) {
            assertThat(lost.isConnected()).isTrue();
            Eventually.see(() -> count("state_mutations", state), n -> n == 1);
        }
        assertThat(tf.lock(info).status()).isEqualTo(200);
        assertThat(tf.lock(info).status()).isEqualTo(200);
        assertThat(count("state_mutations", state)).isEqualTo(1);

        try (Socket lost =
                tf.sendAndLookAway("POST", "?ID=l1", Tf.state(1), Tf.state(1).length())) {
            assertThat(lost.isConnected()).isTrue();
            Eventually.see(() -> count("state_versions", state), n -> n == 1);
        }
        assertThat(tf.post("l1", Tf.state(1)).status()).isEqualTo(200);
        assertThat(count("state_versions", state)).isEqualTo(1);

        try (Socket lost = tf.sendAndLookAway("UNLOCK", "", info, info.length())) {
            assertThat(lost.isConnected()).isTrue();
            Eventually.see(
                    () -> row("SELECT status FROM states WHERE id = $1", id).getString("status"), "reliable"::equals);
        }
        assertThat(tf.unlock(info).status()).isEqualTo(200);
        assertThat(trust(state)).isEqualTo("reliable");
        assertThat(tf.lock(Tf.info("l2")).status()).isEqualTo(200);
        assertThat(tf.unlock(info).status()).isEqualTo(200);
        assertThat(status(state).at("/trust/status").asText()).isEqualTo("in_flight");
    }

    @Test
    void a_native_begin_and_end_that_are_sent_again_are_the_same_mutation() {
        String state = created(anna);
        Api same = anna.api().with("Idempotency-Key", "k1");
        String body = "{\"kind\":\"update\",\"leaseSeconds\":120}";

        Api.Answer first = same.post("/api/v1/states/" + state + "/mutations", body);
        Api.Answer again = same.post("/api/v1/states/" + state + "/mutations", body);
        String mutation = "/api/v1/state-mutations/" + first.body().path("id").asText();

        assertThat(first.status()).as(first.toString()).isEqualTo(201);
        assertThat(again.status()).isEqualTo(201);
        assertThat(again.body()).isEqualTo(first.body());
        assertThat(same.post("/api/v1/states/" + state + "/mutations", "{\"kind\":\"plan\"}")
                        .code())
                .isEqualTo("idempotency_key_reused");
        Api.Answer ended = anna.api().post(mutation + "/end", "{\"outcome\":\"succeeded\"}");
        assertThat(anna.api()
                        .post(mutation + "/end", "{\"outcome\":\"succeeded\"}")
                        .body())
                .isEqualTo(ended.body());
        assertThat(anna.api()
                        .post(mutation + "/end", "{\"outcome\":\"aborted\"}")
                        .code())
                .isEqualTo("mutation_superseded");
        assertThat(anna.api().post(mutation + "/renew", "{}").code()).isEqualTo("mutation_superseded");
        assertThat(anna.api().post(mutation + "/cancel", "").status()).isEqualTo(200);
        assertThat(trust(state)).isEqualTo("reliable");
    }

    @Test
    void after_a_failed_upload_an_unlock_does_not_make_the_state_reliable() {
        String state = created(anna);
        written(state, 5);
        Tf tf = anna.tf(state);
        assertThat(tf.lock(Tf.info("l2")).status()).isEqualTo(200);

        assertThat(tf.post("l2", Tf.state(4)).status()).isEqualTo(409);
        assertThat(tf.unlock(Tf.info("l2")).status()).isEqualTo(200);

        assertThat(trust(state)).isEqualTo("unreliable(write_failed)");
        Answer refused = tf.lock(Tf.info("l3"));
        assertThat(refused.status()).isEqualTo(423);
        assertThat(refused.json().path("ID").asText()).contains("unreliable (write_failed)", "acknowledge");
        assertThat(refused.json().path("Info").asText()).contains("unreliable (write_failed)", "?force=true");
        assertThat(tf.at(tf.address() + "?force=true").lock(Tf.info("l3")).status())
                .isEqualTo(200);
    }

    @Test
    void an_upload_that_breaks_off_counts_as_failed() throws IOException {
        String state = created(anna);
        Tf tf = anna.tf(state);
        assertThat(tf.lock(Tf.info("l1")).status()).isEqualTo(200);
        try (Socket broken = tf.sendAndLookAway("POST", "?ID=l1", "{", 1_000)) {
            assertThat(broken.isConnected()).isTrue();
            Eventually.see(
                    () -> row(
                                    "SELECT failed_writes AS n FROM state_mutations WHERE state_id = $1",
                                    UUID.fromString(state))
                            .getInteger("n"),
                    n -> n == 1);
        }

        assertThat(tf.unlock(Tf.info("l1")).status()).isEqualTo(200);

        assertThat(trust(state)).isEqualTo("unreliable(write_failed)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"})
    void an_upload_by_the_api_that_breaks_off_counts_as_failed_too(String rest) throws IOException {
        String state = created(anna);
        String path = "/api/v1/states/" + state;
        String mutation = anna.api()
                .post(path + "/mutations", "{\"kind\":\"create\"}")
                .body()
                .path("id")
                .asText();
        try (Socket broken = Tf.sendRaw("PUT " + path + " HTTP/1.1\r\nHost: larder\r\nAuthorization: Bearer "
                + anna.token() + "\r\nMutation-Id: " + mutation + "\r\n" + rest)) {
            assertThat(broken.isConnected()).isTrue();
            Eventually.see(
                    () -> row(
                                    "SELECT failed_writes AS n FROM state_mutations WHERE state_id = $1",
                                    UUID.fromString(state))
                            .getInteger("n"),
                    n -> n == 1);
        }

        assertThat(anna.api()
                        .post("/api/v1/state-mutations/" + mutation + "/end", "{\"outcome\":\"succeeded\"}")
                        .status())
                .isEqualTo(200);

        assertThat(trust(state)).isEqualTo("unreliable(write_failed)");
    }

    @Test
    void an_upload_beyond_every_limit_counts_as_failed_and_is_not_read() {
        String state = created(anna);
        Tf tf = anna.tf(state);
        assertThat(tf.lock(Tf.info("l1")).status()).isEqualTo(200);

        Answer huge = tf.post("l1", "{\"a\":\"" + "x".repeat(9 << 20) + "\"}");

        assertThat(huge.status()).as(huge.toString()).isEqualTo(413);
        assertThat(tf.unlock(Tf.info("l1")).status()).isEqualTo(200);
        assertThat(trust(state)).isEqualTo("unreliable(write_failed)");
    }

    @Test
    void an_upload_over_the_limit_of_versions_is_refused_and_kept() {
        String state = created(anna);
        Tf tf = anna.tf(state);
        assertThat(tf.lock(Tf.info("l1")).status()).isEqualTo(200);

        Answer large = tf.post("l1", Tf.state(1).replace("test://x", "x".repeat(5 << 20)));

        assertThat(large.status()).as(large.code()).isEqualTo(413);
        assertThat(large.code()).isEqualTo("state_too_large");
        assertThat(count("state_rejects", state)).isEqualTo(1);
    }

    @Test
    void an_upload_between_the_old_limit_and_the_new_one_is_taken_on_both_ways() {
        String state = created(anna);
        String body = Tf.state(1).replace("test://x", "x".repeat(3 << 20));
        Tf tf = anna.tf(state);
        assertThat(tf.lock(Tf.info("l1")).status()).isEqualTo(200);

        assertThat(tf.post("l1", body).status()).isEqualTo(200);

        assertThat(tf.unlock(Tf.info("l1")).status()).isEqualTo(200);
        Api.Answer begun = anna.api().post("/api/v1/states/" + state + "/mutations", "{\"kind\":\"update\"}");
        Api writer = anna.api().with("Mutation-Id", begun.body().path("id").asText());
        Api.Answer put = writer.put("/api/v1/states/" + state, body.replace("\"serial\":1", "\"serial\":2"));
        assertThat(put.status()).as(put.toString()).isEqualTo(200);
        assertThat(put.header("ETag")).isEqualTo("\"2\"");
        assertThat(anna.api().post("/api/v1/claims", "x".repeat(3 << 20)).status())
                .isEqualTo(413);
    }

    /** Uploads after serial 5, with what is answered; a refused one is kept. */
    @ParameterizedTest
    @CsvSource({
        "6, same, 200, ''",
        "5, same, 409, serial_conflict",
        "4, same, 409, serial_regression",
        "6, other, 409, lineage_mismatch",
    })
    void serial_and_lineage_decide_and_force_overrides_them(int serial, String lineage, int status, String code) {
        String state = created(anna);
        written(state, 5);
        Tf tf = anna.tf(state);
        assertThat(tf.lock(Tf.info("l2")).status()).isEqualTo(200);
        String body =
                (lineage.equals("same") ? Tf.state(serial) : Tf.state(serial, Tf.someId())).replace("hush", "quiet");

        Answer answer = tf.post("l2", body);

        assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
        assertThat(answer.code()).isEqualTo(code);
        assertThat(count("state_rejects", state)).isEqualTo(status == 200 ? 0 : 1);
        Answer forced = tf.send("POST", "?force=true&ID=l2", body.replace("quiet", "loud"), Map.of());
        assertThat(forced.status()).as(forced.toString()).isEqualTo(200);
    }

    @Test
    void the_same_bytes_again_are_no_new_version() {
        String state = created(anna);
        written(state, 5);
        Tf tf = anna.tf(state);
        assertThat(tf.lock(Tf.info("l2")).status()).isEqualTo(200);

        assertThat(tf.post("l2", Tf.state(5)).status()).isEqualTo(200);

        assertThat(status(state).path("version").asInt()).isEqualTo(1);
        assertThat(tf.unlock(Tf.info("l2")).status()).isEqualTo(200);
        assertThat(trust(state)).isEqualTo("reliable");
    }

    /** What is sent under the lock l1, and what is answered. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "POST | ?ID=l1 | not json | 422 | malformed_state",
                "POST | ?ID=l1 | [] | 422 | malformed_state",
                "POST | ?ID=other | STATE | 423 | ''",
                "POST | '' | STATE | 423 | ''",
                "PUT | ?ID=l1 | STATE | 200 | ''",
                "POST | ?ID=l1&x=1 | STATE | 400 | unknown_parameter",
                "POST | ?ID=l1&ID=l2 | STATE | 400 | repeated_parameter",
                "POST | ?ID=l1&force=maybe | STATE | 400 | invalid_value",
                "LOCK | '' | not json | 400 | invalid_lock_info",
                "LOCK | '' | {} | 400 | invalid_lock_info",
                "LOCK | '' | '{\"ID\":\"\"}' | 400 | invalid_lock_info",
                "UNLOCK | '' | nonsense | 400 | invalid_lock_info",
                "PATCH | '' | x | 405 | method_not_allowed",
                "GET | /lock | '' | 405 | method_not_allowed",
                "DELETE | '' | '' | 423 | ''",
                "HEAD | '' | '' | 404 | ''",
                "LOCK | /lock | INFO | 200 | ''",
                "POST | /lock | INFO | 200 | ''",
                "PUT | /lock | INFO | 200 | ''",
                "DELETE | /lock | INFO | 200 | ''",
                "UNLOCK | /lock | INFO | 200 | ''",
            })
    void each_call_has_its_status(String method, String suffix, String body, int status, String code) {
        String state = created(anna);
        Tf tf = anna.tf(state);
        assertThat(tf.lock(Tf.info("l1")).status()).isEqualTo(200);

        Answer answer =
                tf.send(method, suffix, body.replace("STATE", Tf.state(1)).replace("INFO", Tf.info("l1")), Map.of());

        assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
        assertThat(answer.code()).isEqualTo(code);
    }

    @Test
    void a_wrong_md5_is_refused_and_the_upload_is_kept() {
        String state = created(anna);
        Tf tf = anna.tf(state);
        assertThat(tf.lock(Tf.info("l1")).status()).isEqualTo(200);

        Answer wrong = tf.send("POST", "?ID=l1", Tf.state(1), Map.of("Content-MD5", md5("other")));
        Answer unreadable = tf.send("POST", "?ID=l1", Tf.state(1), Map.of("Content-MD5", "?"));
        Answer right = tf.send("POST", "?ID=l1", Tf.state(1), Map.of("Content-MD5", md5(Tf.state(1))));

        assertThat(wrong.status()).isEqualTo(400);
        assertThat(wrong.code()).isEqualTo("md5_mismatch");
        assertThat(unreadable.code()).isEqualTo("invalid_content_md5");
        assertThat(right.status()).isEqualTo(200);
        assertThat(count("state_rejects", state)).isEqualTo(1);
    }

    @Test
    void an_upload_without_a_lock_is_refused_and_kept() {
        String state = created(anna);
        written(state, 1);

        Answer refused = anna.tf(state).post("", Tf.state(2));

        assertThat(refused.status()).isEqualTo(423);
        assertThat(refused.json().path("ID").asText()).isNotEmpty();
        assertThat(count("state_rejects", state)).isEqualTo(1);
        assertThat(status(state).path("version").asInt()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{\"ID\":\"l1\"}"})
    void a_forced_unlock_takes_the_lock_away_and_the_trust(String body) {
        String state = created(anna);
        assertThat(anna.tf(state).lock(Tf.info("l1")).status()).isEqualTo(200);

        assertThat(bob.tf(state).unlock(body).status()).isEqualTo(403);
        assertThat(chief.tf(state).unlock("{\"ID\":\"other\"}").status()).isEqualTo(409);
        assertThat(chief.tf(state).unlock(body).status()).isEqualTo(200);

        assertThat(trust(state)).isEqualTo("unreliable(forced)");
        assertThat(chief.tf(state).unlock(body).status()).isEqualTo(200);
        assertThat(anna.tf(state).unlock(Tf.info("l1")).status()).isEqualTo(409);
        Answer late = anna.tf(state).post("l1", Tf.state(1));
        assertThat(late.status()).isEqualTo(423);
        assertThat(count("state_rejects", state)).isEqualTo(1);
    }

    @Test
    void a_forced_unlock_of_a_plan_leaves_the_state_as_it_was() {
        String state = created(anna);
        assertThat(anna.tf(state).lock(Tf.plan("l1")).status()).isEqualTo(200);

        assertThat(anna.tf(state).unlock("").status()).isEqualTo(200);

        assertThat(trust(state)).isEqualTo("new");
    }

    @Test
    void to_unlock_what_is_not_locked_is_a_conflict() {
        String state = created(anna);

        Answer never = anna.tf(state).unlock(Tf.info("l1"));

        assertThat(never.status()).isEqualTo(409);
        assertThat(never.code()).isEqualTo("not_locked");
    }

    /** Each is an address that Terraform would plan everything anew for if it answered 404. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "/tf",
                "/tf/",
                "/tf/v1/states",
                "/tf/v1/states/x",
                "/tf/v1/workspaces/x/state",
                "/tf/v1/workspaces/00000000-0000-7000-8000-00000000ffff",
                "/tf/v1/workspaces/00000000-0000-7000-8000-00000000ffff/stat",
                "/tf/v1/workspaces/00000000-0000-7000-8000-00000000ffff/state",
                "/tf/v1/states/00000000-0000-7000-8000-00000000ffff",
                "/tf/v1/states/00000000-0000-7000-8000-00000000ffff/state",
                "/tf/v2/states/00000000-0000-7000-8000-00000000ffff",
            })
    void an_unknown_address_is_never_an_empty_state(String address) {
        assertThat(new Tf(address, "anyone", anna.token()).get().status()).isIn(400, 403);
        assertThat(new Tf(address, "", "").get().status()).isIn(400, 401);
    }

    @Test
    void only_a_state_that_exists_and_was_never_written_answers_404() {
        String empty = created(anna);
        String missing = created(anna);
        written(missing, 1);
        sql("DELETE FROM state_versions WHERE state_id = $1", UUID.fromString(missing));
        String sealed = created(anna);
        written(sealed, 1);
        sql("UPDATE state_versions SET key_id = 'gone' WHERE state_id = $1", UUID.fromString(sealed));
        String damaged = created(anna);
        written(damaged, 1);
        sql("UPDATE state_versions SET body = '\\x00' WHERE state_id = $1", UUID.fromString(damaged));
        String deleted = created(anna);
        assertThat(anna.tf(deleted).send("DELETE", "", "", Map.of()).status()).isEqualTo(200);

        assertThat(anna.tf(empty).get().code()).isEqualTo("state_empty");
        assertThat(anna.tf(missing).get().status()).isEqualTo(500);
        assertThat(anna.tf(missing).get().code()).isEqualTo("state_body_missing");
        assertThat(anna.tf(sealed).get().status()).isEqualTo(503);
        assertThat(anna.tf(damaged).get().status()).isEqualTo(500);
        assertThat(anna.tf(deleted).get().status()).isEqualTo(410);
        assertThat(anna.tf(deleted).lock(Tf.info("l1")).status()).isEqualTo(410);
        assertThat(bob.tf(empty).get().status()).isEqualTo(403);
        assertThat(otto.tf(empty).get().status()).isEqualTo(403);
        assertThat(anna.tf(empty).as("anyone", "larder_unknown").get().status()).isEqualTo(401);
        assertThat(trust(missing)).isEqualTo("corrupt(state_body_missing)");
    }

    @Test
    void a_state_that_lists_resources_is_deleted_only_by_force() {
        String state = created(anna);
        written(state, 1);

        Answer refused = anna.tf(state).send("DELETE", "", "", Map.of());
        Answer forced = chief.tf(state).send("DELETE", "?force=true", "", Map.of());

        assertThat(refused.status()).isEqualTo(409);
        assertThat(refused.code()).isEqualTo("state_lists_resources");
        assertThat(forced.status()).isEqualTo(200);
        assertThat(chief.tf(state).send("DELETE", "", "", Map.of()).status()).isEqualTo(200);
    }

    @Test
    void a_state_without_resources_is_deleted() {
        String state = created(anna);
        Tf tf = anna.tf(state);
        assertThat(tf.lock(Tf.info("l1")).status()).isEqualTo(200);
        assertThat(tf.post("l1", Tf.emptyState(1)).status()).isEqualTo(200);
        assertThat(tf.unlock(Tf.info("l1")).status()).isEqualTo(200);

        assertThat(anna.api().delete("/api/v1/states/" + state).status()).isEqualTo(204);

        assertThat(tf.get().status()).isEqualTo(410);
    }

    /** A workspace whose job holds a mutation, and the token that the job's worker was given. */
    private record OfJob(String workspace, UUID mutation, String token, UUID state) {

        Tf tf() {
            return new Tf("/tf/v1/workspaces/" + workspace + "/state", mutation.toString(), token);
        }
    }

    private OfJob ofJob() {
        Api.Answer applied = chief.api()
                .put(
                        "/api/v1/organizations/" + organization + "/templates/t"
                                + UUID.randomUUID().toString().substring(0, 8),
                        """
                {"backend": "exec", "files": {"start.sh": "true"}, "tags": {"site": "nowhere"},
                 "presets": [{"name": "one", "prebuilds": {"instances": 1}}]}""");
        assertThat(applied.status()).as(applied.toString()).isBetween(200, 201);
        JsonNode job = Eventually.see(
                        () -> chief.api().get("/api/v1/jobs").body().path("items"), items -> !items.isEmpty())
                .path(0);
        UUID id = UUID.fromString(job.path("id").asText());
        UUID workspace = row("SELECT workspace_id FROM jobs WHERE id = $1", id).getUUID("workspace_id");
        UUID state = UUID.randomUUID();
        UUID mutation = UUID.randomUUID();
        String token = UUID.randomUUID().toString();
        sql("""
                INSERT INTO states (id, organization_id, workspace_id, created_at, status, status_since, fence)
                SELECT $1, organization_id, id, now(), 'in_flight', now(), 1 FROM workspaces WHERE id = $2""", state, workspace);
        sql("""
                INSERT INTO state_mutations (id, state_id, fence, kind, job_id, attempt, token_hash, base_version, previous_status,
                                             previous_since, opened_at)
                VALUES ($1, $2, 1, 'create', $3, 1, sha256(convert_to($4::text, 'UTF8')), 0, 'new', now(), now())""", mutation, state, id, token);
        return new OfJob(workspace.toString(), mutation, token, state);
    }

    @Test
    void inside_a_jobs_mutation_locks_are_nested_and_the_token_is_for_its_state_alone() {
        OfJob job = ofJob();
        Tf tf = job.tf();

        assertThat(tf.get().status()).isEqualTo(404);
        for (String lock : List.of("l1", "l1", "l2")) {
            assertThat(tf.lock(Tf.info(lock)).status()).as(lock).isEqualTo(lock.equals("l2") ? 423 : 200);
        }
        assertThat(tf.unlock(Tf.info("l1")).status()).isEqualTo(200);
        assertThat(tf.unlock(Tf.info("l1")).status()).isEqualTo(200);
        assertThat(tf.lock(Tf.info("l2")).status()).isEqualTo(200);
        assertThat(tf.post("l1", Tf.state(1)).status()).isEqualTo(423);
        assertThat(tf.post("l2", Tf.state(1)).status()).isEqualTo(200);
        assertThat(tf.get().text()).isEqualTo(Tf.state(1));
        assertThat(tf.unlock(Tf.info("l2")).status()).isEqualTo(200);
        assertThat(tf.post("", Tf.state(2)).status()).isEqualTo(200);

        assertThat(trust(job.state().toString())).isEqualTo("in_flight");
        assertThat(tf.at("/tf/v1/states/" + job.state()).get().status()).isEqualTo(200);
        assertThat(tf.at("/tf/v1/states/" + created(anna)).get().status()).isEqualTo(403);
        assertThat(tf.as(job.mutation().toString(), Tf.someId()).get().status()).isEqualTo(401);
        assertThat(tf.send("DELETE", "", "", Map.of()).status()).isEqualTo(403);
        Answer refused = chief.tf("x").at(tf.address()).lock(Tf.info("l9"));
        assertThat(refused.status()).isEqualTo(423);
        assertThat(refused.json().path("Info").asText()).contains("create of job");
    }

    /** Both ways to upload, and both families of addresses. */
    @Test
    void an_upload_to_a_workspaces_state_that_was_never_used_is_refused_and_kept() {
        OfJob job = ofJob();
        sql("DELETE FROM state_mutations WHERE state_id = $1", job.state());
        sql("DELETE FROM states WHERE id = $1", job.state());
        sql(
                "UPDATE template_versions SET backend = 'terraform'"
                        + " WHERE id = (SELECT version_id FROM workspaces WHERE id = $1)",
                UUID.fromString(job.workspace()));
        String path = "/api/v1/workspaces/" + job.workspace() + "/state";

        assertThat(chief.tf("x").at(job.tf().address()).post("", Tf.state(1)).status())
                .isEqualTo(423);
        assertThat(chief.api().put(path, Tf.state(2)).code()).isEqualTo("mutation_required");

        JsonNode rejects = chief.api().get(path + "/rejects").body().path("items");
        assertThat(rejects).hasSize(2);
        assertThat(chief.api()
                        .get(path + "/rejects/" + rejects.at("/1/id").asText())
                        .text())
                .isEqualTo(Tf.state(1));
        assertThat(chief.api().get(path + "/outputs").status()).isEqualTo(200);
        assertThat(chief.api().delete(path).status()).isEqualTo(204);
    }

    @Test
    void a_job_that_lost_its_mutation_opens_nothing_and_its_late_upload_is_kept() {
        OfJob job = ofJob();
        assertThat(chief.tf("x").at(job.tf().address()).unlock("").status()).isEqualTo(200);

        assertThat(job.tf().get().status()).isEqualTo(401);
        assertThat(job.tf().lock(Tf.info("l1")).status()).isEqualTo(401);
        Answer late = job.tf().post("", Tf.state(1));

        assertThat(late.status()).as(late.toString()).isEqualTo(409);
        assertThat(late.code()).isEqualTo("mutation_superseded");
        assertThat(count("state_rejects", job.state().toString())).isEqualTo(1);
        assertThat(trust(job.state().toString())).isEqualTo("unreliable(forced)");
    }

    @Test
    void a_rejected_upload_is_listed_and_can_be_made_the_current_version() {
        String state = created(anna);
        written(state, 5);
        assertThat(anna.tf(state).post("", Tf.state(6)).status()).isEqualTo(423);
        String rejects = "/api/v1/states/" + state + "/rejects";
        JsonNode reject = otto.api().get(rejects).body().at("/items/0");

        assertThat(reject.path("reason").asText()).isEqualTo("mutation_required");
        String promote = rejects + "/" + reject.path("id").asText() + "/promote";
        Api.Answer kept = anna.api().get(promote.replace("/promote", ""));
        assertThat(kept.text()).isEqualTo(Tf.state(6));
        assertThat(kept.header("State-Digest")).hasSize(64);
        assertThat(kept.header("State-Content-Type")).isEqualTo("application/json");
        assertThat(otto.api().get(promote.replace("/promote", "")).status()).isEqualTo(403);
        assertThat(bob.api().get(promote.replace("/promote", "")).status()).isEqualTo(404);
        assertThat(otto.api().post(promote, "").status()).isEqualTo(403);
        assertThat(bob.api().post(promote, "").status()).isEqualTo(404);
        Api.Answer promoted = anna.api().post(promote, "");
        assertThat(promoted.status()).as(promoted.toString()).isEqualTo(200);
        assertThat(anna.tf(state).get().text()).isEqualTo(Tf.state(6));
    }

    @Test
    void an_earlier_version_is_restored_as_a_new_one_and_an_unreliable_state_is_acknowledged() {
        String state = created(anna);
        written(state, 1);
        written(state, 2);
        String path = "/api/v1/states/" + state;

        Api.Answer restored = anna.api().post(path + "/versions/1/restore", "{\"reason\":\"wrong network\"}");
        assertThat(restored.body().path("version").asInt())
                .as(restored.toString())
                .isEqualTo(3);
        assertThat(anna.api().get(path).text()).isEqualTo(Tf.state(1));
        assertThat(anna.api().with("If-None-Match", "\"3\"").get(path).status()).isEqualTo(304);
        assertThat(anna.api().get(path + "/versions/2").text()).isEqualTo(Tf.state(2));
        assertThat(anna.api().get(path + "/versions/9").status()).isEqualTo(404);
        assertThat(otto.api().get(path + "/versions").body().path("items")).hasSize(3);
        assertThat(otto.api().get(path).status()).isEqualTo(403);
        assertThat(otto.api().get(path + "/versions/1").status()).isEqualTo(403);

        assertThat(anna.tf(state).lock(Tf.info("l9")).status()).isEqualTo(200);
        assertThat(anna.tf(state).unlock("").status()).isEqualTo(200);
        assertThat(trust(state)).isEqualTo("unreliable(forced)");
        Api stale = anna.api().with("If-Match", "\"1\"");
        assertThat(stale.post(path + "/acknowledge", "{\"reason\":\"checked\"}").status())
                .isEqualTo(412);
        assertThat(anna.api()
                        .post(path + "/acknowledge", "{\"reason\":\"checked\"}")
                        .status())
                .isEqualTo(200);
        assertThat(trust(state)).isEqualTo("reliable");
    }

    @Test
    void sensitive_outputs_are_for_the_owner_alone() {
        String state = created(anna);
        written(state, 1);
        String path = "/api/v1/states/" + state + "/outputs";

        JsonNode mine = anna.api().get(path).body().path("outputs");
        JsonNode theirs = otto.api().get(path).body().path("outputs");

        assertThat(mine.at("/password/value").asText()).isEqualTo("hush");
        assertThat(theirs.at("/password/value").isNull()).isTrue();
        assertThat(theirs.at("/url/value").asText()).isEqualTo("test://x");
        assertThat(chief.api().get(path).text()).doesNotContain("hush");
    }

    @Test
    void a_put_needs_a_mutation_of_its_sender_and_the_version_that_it_names() {
        String state = created(anna);
        String path = "/api/v1/states/" + state;
        Api.Answer none = anna.api().put(path, Tf.state(1));
        Api.Answer begun = chief.api().post(path + "/mutations", "{\"kind\":\"create\"}");
        String mutation = begun.body().path("id").asText();
        Api.Answer foreign = anna.api().with("Mutation-Id", mutation).put(path, Tf.state(1));
        Api writer = chief.api().with("Mutation-Id", mutation);

        assertThat(none.code()).isEqualTo("mutation_required");
        assertThat(foreign.code()).isEqualTo("mutation_required");
        assertThat(writer.with("If-None-Match", "*").put(path, Tf.state(1)).status())
                .isEqualTo(200);
        assertThat(writer.with("If-None-Match", "*").put(path, Tf.state(2)).status())
                .isEqualTo(412);
        Api.Answer stale = writer.with("If-Match", "\"7\"").put(path, Tf.state(2));
        assertThat(stale.status()).isEqualTo(412);
        assertThat(stale.header("ETag")).isEqualTo("\"1\"");
        assertThat(stale.body().at("/reject/0/id").asText()).isNotEmpty();
        assertThat(writer.with("If-Match", "\"1\"")
                        .with("If-None-Match", "*")
                        .put(path, Tf.state(2))
                        .code())
                .isEqualTo("invalid_if_none_match");
        assertThat(writer.with("If-Match", "\"1\"").put(path, Tf.state(2)).status())
                .isEqualTo(200);
        Api.Answer held = anna.api().post(path + "/mutations", "{\"kind\":\"update\"}");
        assertThat(held.code()).isEqualTo("mutation_in_progress");
        assertThat(held.body().at("/holder/0/user").asText()).isEqualTo("chief");
        assertThat(held.body().at("/holder/0/leaseExpiresAt").asText()).isNotEmpty();
        assertThat(anna.api()
                        .post("/api/v1/state-mutations/" + mutation + "/end", "{\"outcome\":\"succeeded\"}")
                        .status())
                .isEqualTo(403);
        assertThat(anna.api()
                        .post("/api/v1/state-mutations/" + mutation + "/cancel", "")
                        .status())
                .isEqualTo(200);
        assertThat(trust(state)).isEqualTo("unreliable(canceled)");
        assertThat(anna.api().post(path + "/mutations", "{\"kind\":\"update\"}").code())
                .isEqualTo("state_unreliable");
    }

    @Test
    void names_of_states_are_unique_in_an_organization_and_only_its_people_see_them() {
        String body = "{\"organization\":\"" + organization + "\",\"name\":\"network\"}";
        Api.Answer made = anna.api().post("/api/v1/states", body);
        Person stranger = new Person("none");
        String path = "/api/v1/states/" + made.body().path("id").asText();

        assertThat(made.status()).isEqualTo(201);
        assertThat(made.header("Location")).isEqualTo(path);
        assertThat(anna.api().post("/api/v1/states", body).code()).isEqualTo("state_exists");
        assertThat(anna.api()
                        .post("/api/v1/states", body.replace("network", "No Name"))
                        .code())
                .isEqualTo("invalid_name");
        assertThat(anna.api()
                        .post("/api/v1/states", body.replace(organization, "nothing"))
                        .status())
                .isEqualTo(404);
        assertThat(bob.api().get("/api/v1/states").body().path("items")).isEmpty();
        assertThat(otto.api().get("/api/v1/states").body().path("items")).isNotEmpty();
        assertThat(bob.api().get(path + "/status").status()).isEqualTo(404);
        assertThat(Api.as(stranger.token()).get(path + "/status").status()).isEqualTo(401);
        Api other = Api.owner().newUser(organization(), "eve", "template_admin");
        assertThat(other.get(path + "/status").status()).isEqualTo(404);
        assertThat(other.get(path + "/versions").status()).isEqualTo(404);
    }

    @Test
    void an_organization_has_a_quota_of_states_with_a_name() {
        Api.Answer last = anna.api().get("/api/v1/states");
        for (int i = 0; i < 61 && !last.code().equals("quota_exceeded"); i++) {
            last = anna.api()
                    .post("/api/v1/states", "{\"organization\":\"%s\",\"name\":\"q-%d\"}".formatted(organization, i));
        }

        assertThat(last.status()).isEqualTo(409);
        assertThat(last.code()).isEqualTo("quota_exceeded");
    }

    @Test
    void no_refused_call_is_logged_as_an_error() {
        String state = created(anna);
        try (Logged errors = Logged.errors()) {
            assertThat(anna.tf(state).post("l1", "nonsense").status()).isEqualTo(423);
            assertThat(anna.tf(state).as("x", "y").get().status()).isEqualTo(401);
            assertThat(anna.tf(state).at("/tf/nothing").get().status()).isEqualTo(400);
            assertThat(errors.messages()).isEmpty();
        }
    }
}
