package dev.larder.inventory;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.HeartbeatAnswer;
import dev.larder.model.Inventory;
import dev.larder.model.Inventory.Item;
import dev.larder.model.Inventory.Part;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.worker.InventoryReporter;
import dev.larder.worker.remote.HttpJobSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import jakarta.inject.Inject;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What workers elsewhere say of what exists, and what people do about it. Nothing here has a grace. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class InventoryHttpTest {

    private static final String DECLARATION = """
            {"backend": "exec", "files": {"start.sh": "#!/bin/sh\\n"}, "tags": {"site": "%s"},
             "presets": [{"name": "one", "prebuilds": {"instances": %d}}]}""";

    @Inject
    Vertx vertx;

    private final Api owner = Api.owner();
    private final String site = UUID.randomUUID().toString().substring(0, 8);
    private final String organization = "org-" + site;
    private Api token = owner;
    private Api admin = owner;
    private String worker = "";

    @BeforeEach
    void a_worker_has_entered() {
        assertThat(owner.post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}")
                        .status())
                .isEqualTo(201);
        token = owner.newUser(organization, "runner", "worker");
        admin = owner.newUser(organization, "chief", "template_admin");
        worker = URI.create(token.post(
                                "/api/v1/workers",
                                "{\"name\":\"runner\",\"tags\":{\"site\":\"%s\"},\"backends\":[\"exec\"],\"slots\":4}"
                                        .formatted(site))
                        .header("Location"))
                .getPath();
    }

    private List<String> built(int instances) {
        Answer declared = owner.put(
                "/api/v1/organizations/" + organization + "/templates/box", DECLARATION.formatted(site, instances));
        assertThat(declared.status()).as(declared.toString()).isEqualTo(201);
        List<String> workspaces = new ArrayList<>();
        while (workspaces.size() < instances) {
            workspaces.addAll(done());
        }
        return workspaces;
    }

    /** Holds until there is a job, and does all it gets. */
    private List<String> done() {
        JsonNode items = token.with("Prefer", "wait=20")
                .post(worker + "/acquire", "{\"slots\":4}")
                .body()
                .path("items");
        List<String> workspaces = new ArrayList<>();
        for (JsonNode job : items) {
            Answer done = token.post(
                    "/api/v1/jobs/" + job.path("job").asText() + "/complete", "{\"lease\":" + job.path("lease") + "}");
            assertThat(done.status()).as(done.toString()).isEqualTo(204);
            workspaces.add(job.path("workspaceId").asText());
        }
        return workspaces;
    }

    private String beat() {
        return token.post(worker + "/heartbeat", "{}").body().path("at").asText();
    }

    private String listing(String began, boolean last, String... workspaces) {
        String things = Arrays.stream(workspaces)
                .map(one -> "{\"workspace\":\"%s\",\"name\":\"box\",\"whole\":true}".formatted(one))
                .collect(Collectors.joining(","));
        return "{\"backend\":\"exec\",\"location\":\"lab-%s\",\"began\":\"%s\",\"things\":[%s],\"last\":%s}"
                .formatted(site, began, things, last);
    }

    @CanIgnoreReturnValue
    private JsonNode listed(String... workspaces) {
        Answer answer = token.post(worker + "/inventory", listing(beat(), true, workspaces));
        assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
        return answer.body();
    }

    private JsonNode things(Api who, String state) {
        Answer answer = who.get("/api/v1/inventory?limit=200&state=" + state);
        assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
        return answer.body().path("items");
    }

    @Test
    void what_is_gone_is_missing_until_it_is_back() {
        String workspace = built(1).getFirst();
        Api anna = owner.newUser(organization, "anna", "member");
        Eventually.see(
                () -> anna.post("/api/v1/claims", "{\"template\":\"box\",\"preset\":\"one\"}")
                        .status(),
                status -> status == 201);
        assertThat(listed(workspace).path("marked").asInt()).isZero();
        assertThat(things(admin, "owned").at("/0/workspaceId").asText()).isEqualTo(workspace);

        assertThat(listed().path("marked").asInt()).isEqualTo(1);

        assertThat(anna.get("/api/v1/workspaces/" + workspace)
                        .body()
                        .path("missingSince")
                        .isTextual())
                .isTrue();
        assertThat(things(admin, "missing")).hasSize(1);
        assertThat(admin.get("/api/v1/notifications").body().at("/items/0/kind").asText())
                .isEqualTo("workspace_missing");
        assertThat(admin.post(
                                "/api/v1/inventory/"
                                        + things(admin, "missing").at("/0/id").asText() + "/remove",
                                "")
                        .code())
                .isEqualTo("already_gone");
        listed(workspace);
        assertThat(anna.get("/api/v1/workspaces/" + workspace)
                        .body()
                        .path("missingSince")
                        .isNull())
                .isTrue();
    }

    @Test
    void what_is_left_is_removed_when_it_is_asked_for() {
        String workspace = built(1).getFirst();
        listed(workspace);
        String id = things(admin, "owned").at("/0/id").asText();
        assertThat(admin.post("/api/v1/inventory/" + id + "/remove", "").code()).isEqualTo("workspace_lives");
        assertThat(owner.delete("/api/v1/organizations/" + organization + "/templates/box")
                        .status())
                .isBetween(200, 204);
        assertThat(done()).containsExactly(workspace);
        Eventually.see(
                () -> listed(workspace).size() > 0 && !things(admin, "leaked").isEmpty(), leaked -> leaked);

        Answer asked = admin.post("/api/v1/inventory/" + id + "/remove", "");

        assertThat(asked.status()).as(asked.toString()).isEqualTo(202);
        assertThat(token.post(worker + "/heartbeat", "{}")
                        .body()
                        .path("sweepWantedAt")
                        .isTextual())
                .isTrue();
        assertThat(listed(workspace).at("/remove/0").asText()).isEqualTo(workspace);
        assertThat(things(admin, "leaked").at("/0/removalRequestedBy").asText()).isEqualTo("chief");
        assertThat(listed().path("remove")).isEmpty();
        assertThat(things(admin, "leaked")).isEmpty();
        assertThat(admin.post("/api/v1/inventory/" + id + "/remove", "").code()).isEqualTo("thing_not_found");
        assertThat(admin.get("/api/v1/audit").text()).contains("inventory.remove");
    }

    @Test
    void a_listing_that_misses_too_much_is_believed_when_an_owner_says_so() {
        List<String> workspaces = built(4);
        listed(workspaces.toArray(String[]::new));

        assertThat(listed().path("suspicious").asBoolean()).isTrue();

        JsonNode place = admin.get("/api/v1/inventory/locations").body().at("/items/0");
        assertThat(place.path("lost").asInt()).isEqualTo(4);
        assertThat(place.path("suspiciousSince").isTextual()).isTrue();
        String accept = "/api/v1/inventory/locations/" + place.path("id").asText() + "/accept";
        assertThat(admin.post(accept, "").status()).isEqualTo(403);
        assertThat(owner.post(accept, "").status()).isEqualTo(202);
        assertThat(listed().path("marked").asInt()).isEqualTo(4);
        assertThat(owner.post(accept, "").code()).isEqualTo("not_suspicious");
    }

    @Test
    void what_is_unknown_is_shown_to_those_who_see_everything() {
        String foreign = UUID.randomUUID().toString();
        listed(foreign);
        Api auditor = owner.newUser(null, "auditor-" + site, "auditor");

        assertThat(unknown(owner, "workspaceId", foreign)).isPresent();
        assertThat(unknown(auditor, "workspaceId", foreign)).isPresent();
        assertThat(things(admin, "unknown")).isEmpty();
    }

    @Test
    void everybody_lists_when_somebody_asks_for_it() {
        assertThat(admin.post("/api/v1/inventory/sweep", "").status()).isEqualTo(202);

        JsonNode wanted = token.post(worker + "/heartbeat", "{}").body().path("sweepWantedAt");

        assertThat(wanted.isTextual()).isTrue();
        Instant asked = Instant.parse(wanted.asText());
        // The server's own worker among them.
        Eventually.see(
                () -> owner.get("/api/v1/inventory/locations?limit=200").body().path("items"),
                places -> Stream.iterate(0, i -> i < places.size(), i -> i + 1)
                        .map(places::get)
                        .anyMatch(place -> place.path("organization").isNull()
                                && place.path("listedAt").isTextual()
                                && !Instant.parse(place.path("listedAt").asText())
                                        .isBefore(asked)));
    }

    @Test
    void nobody_lists_for_anothers_worker() {
        Api colleague = owner.newUser(organization, "colleague", "worker");

        assertThat(colleague.post(worker + "/inventory", listing(beat(), true)).code())
                .isEqualTo("worker_not_found");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "nonsense | 400 | malformed_json",
                "{} | 400 | missing_field",
                "{'backend':'ships'} | 422 | unknown_backend",
                "{'backend':'exec'} | 400 | missing_field",
                "{'backend':'exec','location':' '} | 422 | out_of_range",
                "{'backend':'exec','location':'a'} | 400 | missing_field",
                "{'backend':'exec','location':'a','began':'noon'} | 400 | invalid_instant",
                "{'backend':'exec','location':'a','began':'2026-01-01T00:00:00Z'} | 422 | listing_too_old",
                "{'backend':'exec','location':'a','began':'+999999999-12-31T00:00:00Z'} | 422 | out_of_range",
                "{'backend':'exec','location':'a','began':'NOW'} | 400 | missing_field",
                "{'backend':'exec','location':'a','began':'NOW','things':7} | 400 | wrong_type",
                "{'backend':'exec','location':'a','began':'NOW','things':[7]} | 400 | wrong_type",
                "{'backend':'exec','location':'a','began':'NOW','things':[{'workspace':'x','name':'x','whole':true}]} | 400 | invalid_id",
                "{'backend':'exec','location':'a','began':'NOW','things':[]} | 400 | missing_field",
                "{'backend':'exec','location':'a','began':'NOW','things':[],'last':1} | 400 | wrong_type",
                "{'backend':'exec','location':'a','began':'NOW','things':[],'last':true,'more':1} | 400 | unknown_field",
                "{'backend':'postgres','location':'a','began':'NOW','things':[],'last':true} | 404 | worker_not_found",
            })
    void a_listing_that_makes_no_sense_is_refused(String body, int status, String code) {
        Answer answer =
                token.post(worker + "/inventory", body.replace('\'', '"').replace("NOW", beat()));

        assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
        assertThat(answer.code()).isEqualTo(code);
    }

    @Test
    void a_part_that_is_too_long_is_refused() {
        String[] many = Stream.generate(() -> UUID.randomUUID().toString())
                .limit(Part.THINGS_MAX + 1)
                .toArray(String[]::new);

        Answer answer = token.post(worker + "/inventory", listing(beat(), false, many));

        assertThat(answer.status()).as(answer.toString()).isEqualTo(422);
        assertThat(answer.code()).isEqualTo("out_of_range");
    }

    @Test
    void a_question_that_makes_no_sense_is_refused() {
        assertThat(owner.get("/api/v1/inventory?state=lost").code()).isEqualTo("invalid_state");
        assertThat(owner.get("/api/v1/inventory?after=x").code()).isEqualTo("invalid_cursor");
        assertThat(owner.post("/api/v1/inventory/x/remove", "").code()).isEqualTo("thing_not_found");
        assertThat(owner.post("/api/v1/inventory/locations/x/accept", "").code())
                .isEqualTo("location_not_found");
    }

    // A real worker's side of it

    private static final class Shelf implements Backend {

        final Collection<UUID> things = new ConcurrentLinkedQueue<>();
        final String location = "shelf-" + UUID.randomUUID();

        @Override
        public String kind() {
            return "exec";
        }

        @Override
        public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Optional<Inventory>> inventory() {
            return Uni.createFrom()
                    .item(() -> Optional.of(new Inventory(
                            location,
                            things.stream()
                                    .map(one -> new Item(one, "on the shelf", true, Instant.EPOCH))
                                    .toList())));
        }

        @Override
        public Uni<Void> remove(UUID workspace) {
            return Uni.createFrom().item(() -> things.remove(workspace)).replaceWithVoid();
        }
    }

    @Test
    void a_worker_elsewhere_lists_in_parts_and_removes_what_it_is_told() {
        Api runner = owner.newUser(organization, "real", "worker");
        Answer issued = runner.post("/api/v1/tokens", "{\"name\":\"real\"}");
        String secret = issued.status() == 201
                ? issued.body().path("token").asText()
                : owner.post(
                                "/api/v1/tokens",
                                "{\"name\":\"real\",\"user\":\"real\",\"organization\":\"" + organization + "\"}")
                        .body()
                        .path("token")
                        .asText();
        InstantSource clock = InstantSource.system();
        HttpJobSource desk = new HttpJobSource(
                new dev.larder.worker.remote.Api(
                        vertx, URI.create(ConfigProvider.getConfig().getValue("test.url", String.class)), secret),
                clock);
        Shelf shelf = new Shelf();
        Stream.generate(UUID::randomUUID).limit(Part.THINGS_MAX + 3).forEach(shelf.things::add);
        UUID mine = await(desk.register(new WorkerEntry("real", Map.of("site", site + "x"), List.of("exec"), 1)))
                .worker();
        InventoryReporter lister = new InventoryReporter(desk::report, List.of(shelf), clock, Duration.ofHours(1));
        HeartbeatAnswer pulse = await(desk.heartbeat(mine)).orElseThrow();
        lister.heard(mine, new HeartbeatAnswer(pulse.held(), pulse.canceling(), pulse.at(), null));
        await(lister.list());

        JsonNode thing = unknown(owner, "location", shelf.location).orElseThrow();
        assertThat(owner.post("/api/v1/inventory/" + thing.path("id").asText() + "/remove", "")
                        .status())
                .isEqualTo(202);
        HeartbeatAnswer later = await(desk.heartbeat(mine)).orElseThrow();
        assertThat(later.sweepWantedAt()).isNotNull();
        lister.heard(mine, new HeartbeatAnswer(later.held(), later.canceling(), later.at(), null));
        await(lister.list());

        assertThat(shelf.things)
                .hasSize(Part.THINGS_MAX + 2)
                .doesNotContain(UUID.fromString(thing.path("workspaceId").asText()));
    }

    /** The first one that is so; the other tests have theirs before it. */
    private static Optional<JsonNode> unknown(Api who, String field, String value) {
        String after = "";
        do {
            JsonNode page =
                    who.get("/api/v1/inventory?limit=200&state=unknown" + after).body();
            for (JsonNode one : page.path("items")) {
                if (one.path(field).asText().equals(value)) {
                    return Optional.of(one);
                }
            }
            after = page.path("next").isTextual()
                    ? "&after=" + page.path("next").asText()
                    : "";
        } while (!after.isEmpty());
        return Optional.empty();
    }
}
