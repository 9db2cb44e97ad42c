package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.Claimers;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The database answers, but what is asked for is locked or the pool is at work. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class DatabaseBusyHttpTest {

    @Inject
    @SuppressWarnings("NullAway.Init")
    Pool pool;

    @Test
    void a_call_on_a_locked_row_is_asked_to_come_again_within_seconds() {
        String name = "busy-" + UUID.randomUUID().toString().substring(0, 8);
        String organization = Api.owner()
                .post("/api/v1/organizations", "{\"name\":\"" + name + "\"}")
                .body()
                .path("id")
                .asText();
        SqlConnection other = pool.getConnectionAndAwait();
        try {
            var begun = other.beginAndAwait();
            var locked = other.preparedQuery("SELECT FROM organizations WHERE id = $1 FOR UPDATE")
                    .executeAndAwait(Tuple.of(UUID.fromString(organization)));
            Instant asked = Instant.now();

            Answer answer = Api.owner().put("/api/v1/organizations/" + name + "/quota", "{\"workspaces\":1}");

            assertThat(answer.status()).as(answer.toString()).isEqualTo(503);
            assertThat(answer.code()).isEqualTo("database_busy");
            assertThat(answer.header("Retry-After")).isEqualTo("2");
            assertThat(Duration.between(asked, Instant.now())).isLessThan(Duration.ofSeconds(8));
            assertThat(Api.owner().get("/api/v1/me").status()).isEqualTo(200);
            begun.rollbackAndAwait();
        } finally {
            other.closeAndAwait();
        }
    }

    @Test
    void readiness_stays_up_while_all_connections_are_at_work() {
        Eventually.see(() -> Api.anonymous().get("/q/health/ready").status(), status -> status == 200);
        SqlConnection other = pool.getConnectionAndAwait();
        try {
            var begun = other.beginAndAwait();
            var locked = other.query("SELECT pg_advisory_xact_lock(1)").executeAndAwait();
            // Different statements, since one alone would leave connections for the others.
            var busy = IntStream.range(0, 20)
                    .mapToObj(number -> Claimers.begin(pool.query("SELECT pg_advisory_xact_lock_shared(1), " + number)
                            .execute()))
                    .toList();
            Instant asked = Instant.now();

            Answer ready = Api.anonymous().get("/q/health/ready");

            assertThat(ready.status()).as(ready.toString()).isEqualTo(200);
            assertThat(Duration.between(asked, Instant.now())).isLessThan(Duration.ofMillis(2_500));
            assertThat(busy).noneMatch(CompletableFuture::isDone);
            begun.rollbackAndAwait();
            busy.forEach(CompletableFuture::join);
        } finally {
            other.closeAndAwait();
        }
    }
}
