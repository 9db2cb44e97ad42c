package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Wire;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(LarderTestResource.class)
class DatabaseAwayHttpTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @SuppressWarnings("NullAway.Init")
    Wire wire;

    private boolean cut;

    @BeforeEach
    void cut() {
        assertThat(Api.owner().get("/api/v1/me").status()).isEqualTo(200);
        wire.cut();
        cut = true;
    }

    @AfterEach
    void mend() {
        if (cut) {
            mendAndWait();
        }
    }

    private void mendAndWait() {
        wire.mend();
        cut = false;
        assertThat(eventually(() -> Api.owner().get("/api/v1/me"), 200).status())
                .isEqualTo(200);
        assertThat(eventually(() -> Api.anonymous().get("/q/health/ready"), 200).status())
                .isEqualTo(200);
    }

    @Test
    void a_call_is_asked_to_come_again() {
        Answer read = Api.owner().get("/api/v1/organizations");
        Answer change = Api.owner().post("/api/v1/organizations", "{\"name\":\"never\"}");

        for (Answer answer : new Answer[] {read, change}) {
            assertThat(answer.status()).as(answer.toString()).isEqualTo(503);
            assertThat(answer.code()).isEqualTo("database_unavailable");
            assertThat(answer.header("Retry-After")).isEqualTo("2");
            assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
        }
        assertThat(Api.anonymous().get("/api/v1/organizations").code()).isEqualTo("missing_token");
    }

    @Test
    void readiness_goes_down_within_two_seconds_and_liveness_stays_up() {
        Instant asked = Instant.now();
        Answer ready = eventually(() -> Api.anonymous().get("/q/health/ready"), 503);
        Answer live = Api.anonymous().get("/q/health/live");

        assertThat(ready.status()).as(ready.toString()).isEqualTo(503);
        assertThat(Duration.between(asked, Instant.now())).isLessThan(Duration.ofSeconds(2));
        assertThat(live.status()).isEqualTo(200);
    }

    @Test
    void everything_goes_on_by_itself_once_the_database_is_back() {
        assertThat(Api.owner().get("/api/v1/me").status()).isEqualTo(503);

        mendAndWait();

        assertThat(Api.owner().get("/api/v1/organizations").status()).isEqualTo(200);
    }

    private static Answer eventually(Supplier<Answer> call, int status) {
        Instant deadline = Instant.now().plus(PATIENCE);
        Answer answer = call.get();
        while (answer.status() != status && Instant.now().isBefore(deadline)) {
            answer = call.get();
        }
        return answer;
    }
}
