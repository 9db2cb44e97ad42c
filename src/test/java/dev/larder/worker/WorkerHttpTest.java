package dev.larder.worker;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.net.URI;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a worker elsewhere and a server say to each other. The tags keep the server's own worker from the jobs. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class WorkerHttpTest {

    private static final String DECLARATION = """
            {"backend": "exec", "files": {"start.sh": "#!/bin/sh\\n"}, "tags": {"site": "%s"},
             "presets": [{"name": "one", "prebuilds": {"instances": 1}}]}""";

    private final Api owner = Api.owner();
    private final String site = UUID.randomUUID().toString().substring(0, 8);
    private final String organization = "org-" + site;
    private Api token = owner;
    private String worker = "";

    @BeforeEach
    void a_worker_has_entered() {
        assertThat(owner.post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}")
                        .status())
                .isEqualTo(201);
        token = owner.newUser(organization, "runner", "worker");
        worker = entered(token);
    }

    private void declare() {
        Answer declared =
                owner.put("/api/v1/organizations/" + organization + "/templates/box", DECLARATION.formatted(site));
        assertThat(declared.status()).as(declared.toString()).isEqualTo(201);
    }

    private String entered(Api who) {
        Answer answer = who.post("/api/v1/workers", entry());
        assertThat(answer.status()).as(answer.toString()).isEqualTo(201);
        assertThat(answer.body().path("heartbeat").asText()).isEqualTo("PT5S");
        return URI.create(answer.header("Location")).getPath();
    }

    private String entry() {
        return "{\"name\":\"runner\",\"tags\":{\"site\":\"%s\"},\"backends\":[\"exec\"],\"slots\":2}".formatted(site);
    }

    /** Holds until there is one. */
    private JsonNode job() {
        Answer leased = token.with("Prefer", "wait=20").post(worker + "/acquire", "{\"slots\":1}");
        assertThat(leased.status()).as(leased.toString()).isEqualTo(200);
        assertThat(leased.body().path("items")).hasSize(1);
        return leased.body().at("/items/0");
    }

    private static String report(JsonNode job, String more) {
        return "{\"lease\":\"" + job.path("lease").asText() + "\"" + more + "}";
    }

    private static String path(JsonNode job) {
        return "/api/v1/jobs/" + job.path("job").asText();
    }

    @Test
    void a_job_is_leased_done_and_claimed() {
        declare();
        JsonNode job = job();
        assertThat(job.path("transition").asText()).isEqualTo("start");
        assertThat(job.at("/files/start.sh").asText()).startsWith("#!/bin/sh");

        Answer said = token.post(
                path(job) + "/logs",
                report(
                        job,
                        ",\"seq\":1000000,\"lines\":[{\"at\":\"2026-11-20T09:00:00Z\",\"stream\":\"stdout\",\"line\":\"hello\"}]"));
        Answer done = token.post(path(job) + "/complete", report(job, ",\"outputs\":{\"url\":\"x://1\"}"));

        assertThat(said.status()).as(said.toString()).isEqualTo(204);
        assertThat(done.status()).as(done.toString()).isEqualTo(204);
        assertThat(owner.get(path(job) + "/logs").body().at("/items/0/line").asText())
                .isEqualTo("hello");
        Api anna = owner.newUser(organization, "anna", "member");
        Answer claim = Eventually.see(
                () -> anna.post("/api/v1/claims", "{\"template\":\"box\",\"preset\":\"one\"}"),
                answer -> answer.status() != 409);
        assertThat(claim.body().at("/workspace/outputs/url").asText()).isEqualTo("x://1");
    }

    @Test
    void a_job_whose_place_is_in_trouble_waits_and_job_pool_plan_workers_and_notifications_say_why() {
        declare();
        JsonNode job = job();
        Api admin = owner.newUser(organization, "tess", "template_admin");
        String trouble = ",\"code\":\"backend_unavailable\",\"detail\":\"The disk is gone.\"";

        Answer failed = token.post(path(job) + "/fail", report(job, trouble));

        assertThat(failed.status()).as(failed.toString()).isEqualTo(204);
        JsonNode seen = admin.get(path(job)).body();
        assertThat(seen.path("status").asText()).isEqualTo("pending");
        assertThat(seen.at("/waiting/code").asText()).isEqualTo("place_held");
        assertThat(seen.at("/waiting/detail").asText()).endsWith("backend_unavailable: The disk is gone.");
        String preset = "/api/v1/presets/"
                + admin.get("/api/v1/presets").body().at("/items/0/id").asText();
        assertThat(admin.get(preset + "/pool").body().at("/holds/0/kind").asText())
                .isEqualTo("place_held");
        JsonNode planned = admin.get(preset + "/plan").body();
        assertThat(planned.at("/pool/holds/0/kind").asText()).isEqualTo("place_held");
        assertThat(Instant.parse(planned.at("/pool/holds/0/until").asText()))
                .isAfter(Instant.parse(planned.at("/pool/holds/0/since").asText()));
        assertThat(admin.get("/api/v1/workers").body().at("/items/0/held/0").asText())
                .isEqualTo("exec");
        JsonNode told = Eventually.see(
                () -> admin.get("/api/v1/notifications").body(),
                all -> all.toString().contains("place_held"));
        assertThat(told.path("items")).hasSize(1);
        assertThat(told.at("/items/0/detail/reason").asText()).isEqualTo("The disk is gone.");
    }

    @Test
    void a_job_that_no_worker_takes_says_so_in_job_and_pool() {
        Api admin = owner.newUser(organization, "tess", "template_admin");
        String away = DECLARATION.formatted("away-" + site);
        assertThat(owner.put("/api/v1/organizations/" + organization + "/templates/box", away)
                        .status())
                .isEqualTo(201);
        String why = "no worker with tags site=away-" + site + " offers exec";

        String job = Eventually.see(
                () -> admin.get("/api/v1/jobs").body().at("/items/0/id").asText(), id -> !id.isEmpty());

        JsonNode waiting = admin.get("/api/v1/jobs/" + job).body().path("waiting");
        assertThat(waiting.path("code").asText()).isEqualTo("no_worker");
        assertThat(waiting.path("detail").asText()).isEqualTo(why);
        String preset = admin.get("/api/v1/presets").body().at("/items/0/id").asText();
        JsonNode pool = admin.get("/api/v1/presets/" + preset + "/pool").body();
        assertThat(pool.at("/holds/0/kind").asText()).isEqualTo("no_worker");
        assertThat(pool.at("/holds/0/detail").asText()).isEqualTo(why);
        assertThat(pool.at("/holds/0/since").asText()).isNotEmpty();
    }

    @Test
    void who_waits_for_a_place_is_told_once_there_is_one() {
        String limits = "/api/v1/organizations/" + organization + "/job-limits";
        assertThat(owner.put(limits, "{\"jobs\":1}").status()).isEqualTo(200);
        declare();
        JsonNode first = job();
        assertThat(owner.put("/api/v1/organizations/" + organization + "/templates/second", DECLARATION.formatted(site))
                        .status())
                .isEqualTo(201);
        String ask =
                "{\"slots\":1,\"running\":[\"%s\"]}".formatted(first.path("job").asText());
        Answer none = token.with("Prefer", "wait=0").post(worker + "/acquire", ask);
        assertThat(none.body().path("items")).isEmpty();
        assertThat(owner.get(limits).body())
                .hasToString("{\"jobs\":1,\"deletes\":null,\"jobsInFlight\":1,\"deletesInFlight\":0}");
        assertThat(owner.get("/api/v1/queue").body().path("limits").toString()).contains(organization);
        assertThat(token.get("/api/v1/queue").status()).isEqualTo(403);

        CompletableFuture<Answer> ended = CompletableFuture.supplyAsync(
                () -> token.post(path(first) + "/complete", report(first, ",\"outputs\":{}")),
                Thread.ofVirtual()::start);
        JsonNode second = token.with("Prefer", "wait=20")
                .post(worker + "/acquire", ask)
                .body()
                .at("/items/0");

        assertThat(second.path("job").asText()).isNotEmpty();
        assertThat(second.path("job")).isNotEqualTo(first.path("job"));
        assertThat(ended.join().status()).isEqualTo(204);
        assertThat(owner.put(limits, "{}").body().path("jobs").isNull()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"jobs\":0} | 422 | out_of_range",
                "{\"jobs\":1000001} | 422 | out_of_range",
                "{\"deletes\":-1} | 422 | out_of_range",
                "{\"deletes\":1.5} | 400 | wrong_type",
                "{\"jobs\":\"many\"} | 400 | wrong_type",
                "{\"starts\":1} | 400 | unknown_field",
                "[] | 400 | not_an_object"
            })
    void limits_that_make_no_sense_are_refused(String body, int status, String code) {
        for (String limits :
                List.of("/api/v1/settings/jobs", "/api/v1/organizations/" + organization + "/job-limits")) {
            Answer refused = owner.put(limits, body);

            assertThat(refused.status()).as(refused.toString()).isEqualTo(status);
            assertThat(refused.code()).isEqualTo(code);
            assertThat(owner.get(limits).body().path("jobs").isNull()).isTrue();
        }
    }

    @Test
    void who_asks_is_held_until_there_is_a_job() {
        Answer none = token.with("Prefer", "wait=0").post(worker + "/acquire", "{\"slots\":1}");
        assertThat(none.body().path("items")).isEmpty();

        Thread declaring = Thread.ofVirtual().start(this::declare);

        assertThat(job().path("attempt").asInt()).isEqualTo(1);
        assertThat(Eventually.see(declaring::isAlive, alive -> !alive)).isFalse();
    }

    @Test
    void nothing_is_taken_under_a_lease_that_was_lost() {
        declare();
        JsonNode job = job();
        assertThat(token.post(path(job) + "/hand-back", report(job, "")).status())
                .isEqualTo(204);

        for (String what : new String[] {"complete", "hand-back"}) {
            assertThat(token.post(path(job) + "/" + what, report(job, "")).code())
                    .isEqualTo("lease_lost");
        }
        assertThat(token.post(path(job) + "/fail", report(job, ",\"code\":\"late\",\"detail\":\"late\""))
                        .code())
                .isEqualTo("lease_lost");
        JsonNode again = job();
        assertThat(again.path("job")).isEqualTo(job.path("job"));
        assertThat(again.path("lease")).isNotEqualTo(job.path("lease"));
    }

    @Test
    void done_twice_is_done_once() {
        declare();
        JsonNode job = job();

        assertThat(token.post(path(job) + "/complete", report(job, "")).status())
                .isEqualTo(204);
        assertThat(token.post(path(job) + "/complete", report(job, "")).code()).isEqualTo("lease_lost");
    }

    @Test
    void a_lease_that_its_worker_never_heard_of_is_given_up_when_it_asks_again() {
        declare();
        JsonNode unheard = job();

        JsonNode again = job();

        assertThat(again.path("job")).isEqualTo(unheard.path("job"));
        assertThat(again.path("attempt").asInt()).isEqualTo(2);
        Answer known = token.with("Prefer", "wait=0")
                .post(worker + "/acquire", "{\"slots\":1,\"running\":[" + again.path("job") + "]}");
        assertThat(known.body().path("items")).isEmpty();
    }

    @Test
    void a_question_that_comes_late_leases_nothing_and_gives_nothing_up() {
        declare();
        Api atOnce = token.with("Prefer", "wait=0");
        Answer later = token.with("Prefer", "wait=20").post(worker + "/acquire", "{\"slots\":1,\"ask\":2}");
        JsonNode job = later.body().at("/items/0");

        Answer late = atOnce.post(worker + "/acquire", "{\"slots\":1,\"ask\":1}");

        assertThat(late.code()).as(late.toString()).isEqualTo("ask_superseded");
        assertThat(token.post(path(job) + "/complete", report(job, "")).status())
                .isEqualTo(204);
    }

    @Test
    void a_full_worker_gives_up_what_it_does_not_know_of() {
        declare();
        JsonNode job = job();

        Answer given = token.post(worker + "/give-up", "{\"jobs\":[" + job.path("job") + "]}");

        assertThat(given.status()).as(given.toString()).isEqualTo(204);
        assertThat(token.post(path(job) + "/complete", report(job, "")).code()).isEqualTo("lease_lost");
    }

    @Test
    void a_heartbeat_tells_what_is_held_and_what_to_stop() {
        declare();
        JsonNode job = job();

        Answer before = token.post(worker + "/heartbeat", "{}");
        assertThat(owner.post(path(job) + "/cancel?expect=pending", "{}").code())
                .isEqualTo("job_not_as_expected");
        assertThat(owner.post(path(job) + "/cancel?expect=done", "{}").code()).isEqualTo("unknown_status");
        assertThat(owner.post(path(job) + "/cancel?expect=running", "{}").status())
                .isEqualTo(202);
        Answer after = token.post(worker + "/heartbeat", "{}");

        assertThat(before.body().path("held")).hasSize(1);
        assertThat(before.body().path("canceling")).isEmpty();
        assertThat(after.body().at("/canceling/0")).isEqualTo(job.path("job"));
        assertThat(token.post(path(job) + "/fail", report(job, ",\"canceled\":true"))
                        .status())
                .isEqualTo(204);
        assertThat(owner.get(path(job)).body().path("status").asText()).isEqualTo("canceled");
    }

    private static final String NOW =
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    private static final String LINE = "{\"at\":\"" + NOW + "\",\"stream\":\"stdout\",\"line\":\"%s\"}";

    private void say(JsonNode job, int seq, String line) {
        Answer said = token.post(
                path(job) + "/logs", report(job, ",\"seq\":" + seq + ",\"lines\":[" + LINE.formatted(line) + "]"));
        assertThat(said.status()).as(said.toString()).isEqualTo(204);
    }

    @Test
    void a_follower_hears_every_line_and_how_the_job_ended() throws Exception {
        declare();
        JsonNode job = job();
        say(job, 1_000_000, "before");
        CompletableFuture<Answer> following = following(owner, job);

        say(job, 1_000_001, "while");
        assertThat(token.post(path(job) + "/complete", report(job, "")).status())
                .isEqualTo(204);

        Answer heard = following.get(20, TimeUnit.SECONDS);
        assertThat(heard.status()).as(heard.toString()).isEqualTo(200);
        assertThat(heard.text())
                .containsSubsequence(
                        "id:1000000",
                        "\"line\":\"before\"",
                        "id:1000001",
                        "\"line\":\"while\"",
                        "event:end",
                        "succeeded");
    }

    // A tenth of the 200 logs that may be followed at one server is one user's.
    @Test
    void one_user_follows_no_more_than_its_share_of_logs_and_the_others_theirs() {
        declare();
        JsonNode job = job();
        Api admin = owner.newUser(organization, "admin", "template_admin");
        List<CompletableFuture<Answer>> owners = new ArrayList<>();
        for (int i = 0; i < 25; i++) {
            owners.add(following(owner, job));
        }
        Eventually.see(() -> owners.stream().filter(CompletableFuture::isDone).count(), refused -> refused == 5);

        CompletableFuture<Answer> admins = following(admin, job);
        assertThat(token.post(path(job) + "/complete", report(job, "")).status())
                .isEqualTo(204);

        assertThat(admins.join().status()).isEqualTo(200);
        List<Answer> answers = owners.stream().map(CompletableFuture::join).toList();
        assertThat(answers).filteredOn(answer -> answer.status() == 200).hasSize(20);
        assertThat(answers).filteredOn(answer -> answer.status() == 429).allSatisfy(refused -> {
            assertThat(refused.code()).isEqualTo("too_many_followers");
            assertThat(refused.text()).contains("Your share of followed logs at this server is full: 20 of 20.");
        });
        assertThat(following(owner, job).join().status())
                .as("places are given back")
                .isEqualTo(200);
    }

    private CompletableFuture<Answer> following(Api who, JsonNode job) {
        return CompletableFuture.supplyAsync(
                () -> who.with("Accept", "text/event-stream").get(path(job) + "/logs/events"),
                Thread.ofVirtual()::start);
    }

    @Test
    void a_follower_that_was_cut_off_goes_on_where_it_was() {
        declare();
        JsonNode job = job();
        say(job, 1_000_000, "first");
        say(job, 1_000_001, "second");
        assertThat(token.post(path(job) + "/complete", report(job, "")).status())
                .isEqualTo(204);

        Answer rest = owner.with("Accept", "text/event-stream")
                .with("Last-Event-ID", "1000000")
                .get(path(job) + "/logs/events");

        assertThat(rest.text()).doesNotContain("first").contains("second").contains("event:end");
        Answer wrong = owner.with("Accept", "text/event-stream")
                .with("Last-Event-ID", "x")
                .get(path(job) + "/logs/events");
        assertThat(wrong.code()).as(wrong.toString()).isEqualTo("invalid_line");
    }

    @Test
    void a_log_can_be_had_as_a_text_and_nobody_elses_can() {
        declare();
        JsonNode job = job();
        say(job, 1_000_000, "hello");
        Api anna = owner.newUser(organization, "anna", "member");

        assertThat(owner.get(path(job) + "/logs/text").text()).isEqualTo(NOW + " stdout hello\n");
        for (String way : new String[] {"", "/events", "/text"}) {
            Answer refused = anna.get(path(job) + "/logs" + way);
            assertThat(refused.status()).as(way + refused).isEqualTo(404);
            assertThat(refused.code()).isEqualTo("job_not_found");
        }
    }

    @Test
    void who_has_left_is_given_nothing() {
        assertThat(token.delete(worker).status()).isEqualTo(204);

        assertThat(token.post(worker + "/acquire", "{\"slots\":1}").code()).isEqualTo("worker_not_found");
        assertThat(token.post(worker + "/heartbeat", "{}").code()).isEqualTo("worker_not_found");
        assertThat(token.delete(worker).code()).isEqualTo("worker_not_found");
    }

    @Test
    void nobody_speaks_for_anothers_worker_or_job() {
        declare();
        JsonNode job = job();
        Api colleague = owner.newUser(organization, "colleague", "worker");

        assertThat(colleague.post(worker + "/heartbeat", "{}").code()).isEqualTo("worker_not_found");
        assertThat(colleague.post(worker + "/acquire", "{\"slots\":1}").code()).isEqualTo("worker_not_found");
        assertThat(colleague.post(path(job) + "/complete", report(job, "")).code())
                .isEqualTo("lease_lost");
    }

    @Test
    void two_under_one_name_are_two() {
        assertThat(entered(token)).isNotEqualTo(worker);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{} | 400 | missing_field",
                "{\"name\":\"a\",\"backends\":[\"exec\"],\"slots\":0} | 422 | out_of_range",
                "{\"name\":\"a\",\"backends\":[\"exec\"],\"slots\":100000} | 422 | out_of_range",
                "{\"name\":\"a\",\"backends\":[\"exec\"],\"slots\":2,\"reserved\":2} | 422 | out_of_range",
                "{\"name\":\"a\",\"backends\":\"exec\",\"slots\":1} | 400 | wrong_type",
                "{\"name\":\"a\",\"backends\":[7],\"slots\":1} | 400 | wrong_type",
                "{\"name\":\"a\",\"backends\":[\"exec\"],\"slots\":1,\"tags\":{\"a\":1}} | 400 | wrong_type",
                "{\"name\":\" \",\"backends\":[\"exec\"],\"slots\":1} | 422 | out_of_range",
                "{\"name\":\"a\",\"backends\":[\"exec\"],\"slots\":1,\"more\":1} | 400 | unknown_field",
            })
    void an_entry_that_makes_no_sense_is_refused(String body, int status, String code) {
        Answer answer = token.post("/api/v1/workers", body);

        assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
        assertThat(answer.code()).isEqualTo(code);
    }

    @Test
    void a_report_that_makes_no_sense_is_refused_and_the_job_goes_on() {
        declare();
        JsonNode job = job();
        String line = "{\"at\":\"2026-11-20T09:00:00Z\",\"stream\":\"stdout\",\"line\":\"%s\"}";

        assertThat(token.post(path(job) + "/complete", "{}").code()).isEqualTo("missing_field");
        assertThat(token.post(path(job) + "/complete", "nonsense").code()).isEqualTo("malformed_json");
        assertThat(token.post(path(job) + "/complete", report(job, ",\"outputs\":[1]"))
                        .code())
                .isEqualTo("wrong_type");
        assertThat(token.post(
                                path(job) + "/complete",
                                report(job, ",\"outputs\":{\"a\":\"" + "x".repeat(140_000) + "\"}"))
                        .code())
                .isEqualTo("too_long");
        assertThat(token.post(path(job) + "/fail", report(job, ",\"code\":\"No Code\",\"detail\":\"\""))
                        .code())
                .isEqualTo("invalid_code");
        assertThat(token.post(path(job) + "/logs", report(job, ",\"seq\":0,\"lines\":[" + line + "]"))
                        .code())
                .isEqualTo("out_of_range");
        assertThat(token.post(path(job) + "/logs", report(job, ",\"seq\":1000000,\"lines\":[]"))
                        .code())
                .isEqualTo("wrong_type");
        Answer ancient = token.post(
                path(job) + "/logs",
                report(job, ",\"seq\":1000002,\"lines\":[" + line.formatted("c").replace("2026", "-5000") + "]"));
        assertThat(ancient.status()).as(ancient.toString()).isEqualTo(204);
        Answer odd = token.post(
                path(job) + "/logs",
                report(
                        job,
                        ",\"seq\":1000000,\"lines\":[" + line.formatted("y".repeat(20_000)) + ","
                                + line.formatted("a\\u0000b") + "]"));
        assertThat(odd.status()).as(odd.toString()).isEqualTo(204);
        JsonNode log = owner.get(path(job) + "/logs").body().path("items");
        assertThat(log.at("/0/line").asText()).endsWith("(line cut)");
        assertThat(log.at("/1/line").asText()).isEqualTo("a\uFFFDb");
        assertThat(token.post(path(job) + "/complete", report(job, "")).status())
                .isEqualTo(204);
    }
}
