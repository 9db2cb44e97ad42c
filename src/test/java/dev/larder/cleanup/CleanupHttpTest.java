package dev.larder.cleanup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** S19 over HTTP: an operation is begun, seen to its end and canceled; what cannot be is refused by a code. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class CleanupHttpTest {

    private static final String OPERATIONS = "/api/v1/cleanup-operations";

    private final Api owner = Api.owner();

    @Inject
    OperationStore store;

    private Answer begin(String type) {
        return owner.post(OPERATIONS, "{\"type\":\"" + type + "\"}");
    }

    @Test
    void an_operation_is_begun_in_the_background_and_is_the_latest_of_its_type() {
        Answer begun = begin("audit");

        assertThat(begun.status()).as(begun.toString()).isEqualTo(202);
        assertThat(begun.body().path("status").asText()).isEqualTo("running");
        String id = begun.body().path("id").asText();
        assertThat(begun.header("Location")).contains(OPERATIONS + "/" + id);
        Answer ended = Eventually.see(
                () -> owner.get(OPERATIONS + "/" + id),
                seen -> seen.body().path("status").asText().equals("completed"));
        assertThat(ended.body().path("deleted").asLong()).isZero();
        assertThat(ended.body().path("endedAt").isTextual()).isTrue();
        assertThat(owner.get(OPERATIONS + "?type=audit&limit=1")
                        .body()
                        .path("items")
                        .path(0)
                        .path("id")
                        .asText())
                .isEqualTo(id);
    }

    @Test
    void a_second_one_of_a_type_is_refused_with_the_id_of_the_one_that_runs_until_that_is_canceled() {
        String running = store.begin("tokens", Instant.now())
                .await()
                .atMost(Duration.ofSeconds(10))
                .map(Operation::id)
                .map(UUID::toString)
                .orElseThrow();

        Answer second = begin("tokens");

        assertThat(second.status()).isEqualTo(409);
        assertThat(second.code()).isEqualTo("cleanup_in_progress");
        assertThat(second.body().path("running").path(0).path("id").asText()).isEqualTo(running);
        Answer canceled = owner.post(OPERATIONS + "/" + running + "/cancel", "");
        assertThat(canceled.status()).isEqualTo(200);
        assertThat(canceled.body().path("errorCode").asText()).isEqualTo("canceled");
        assertThat(owner.post(OPERATIONS + "/" + running + "/cancel", "").body())
                .isEqualTo(canceled.body());
        assertThat(begin("tokens").status()).isEqualTo(202);
    }

    @Test
    void a_type_that_there_is_not_is_refused_by_the_name_of_its_field() {
        Answer begun = begin("presets");
        assertThat(begun.status()).isEqualTo(400);
        assertThat(begun.code()).isEqualTo("unknown_cleanup_type");
        assertThat(begun.body().path("errors").path(0).path("field").asText()).isEqualTo("type");
        assertThat(begun.body().path("detail").asText()).contains("claims").contains("workspaces");

        assertThat(owner.get(OPERATIONS + "?type=presets").code()).isEqualTo("unknown_cleanup_type");
        assertThat(owner.post(OPERATIONS, "{}").status()).isEqualTo(400);
        assertThat(owner.get(OPERATIONS + "/" + UUID.randomUUID()).code()).isEqualTo("cleanup_not_found");
        assertThat(owner.get(OPERATIONS + "/none").code()).isEqualTo("cleanup_not_found");
        assertThat(owner.post(OPERATIONS + "/" + UUID.randomUUID() + "/cancel", "")
                        .status())
                .isEqualTo(404);
    }
}
