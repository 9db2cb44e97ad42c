package dev.larder.observe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.ClaimObserver;
import dev.larder.jobs.JobObserver;
import dev.larder.model.JobStatus;
import dev.larder.model.Transition;
import dev.larder.reconcile.CycleObserver;
import dev.larder.reconcile.PoolObserver;
import dev.larder.reconcile.PoolState;
import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(LarderTestResource.class)
class ObserveHttpTest {

    @Inject
    PoolObserver pools;

    @Inject
    ClaimObserver claims;

    @Inject
    JobObserver jobs;

    @Inject
    CycleObserver cycles;

    @Test
    void the_names_of_metrics_stay_what_they_are() {
        claims.answered("warm", "claimed", Duration.ofMillis(3));
        claims.took(Duration.ofMillis(1), Duration.ofMillis(2));
        jobs.leased(Transition.START, Duration.ofMillis(3));
        jobs.finished(Transition.START, JobStatus.SUCCEEDED, Duration.ofMillis(3));
        cycles.ended(CycleObserver.Outcome.DONE, Duration.ofMillis(3));
        cycles.acted("create", 2);

        Answer metrics = metricsWithAPreset();

        String names = metrics.text()
                .lines()
                .filter(line -> line.startsWith("# TYPE larder_"))
                .map(line -> line.substring("# TYPE ".length()))
                .sorted()
                .collect(Collectors.joining("\n", "", "\n"));
        assertThat(metrics.status()).isEqualTo(200);
        assertThat(names).isEqualTo(golden());
        assertThat(metrics.text())
                .contains(
                        "larder_preset_desired{organization=\"acme\",preset=\"metrics-test\",template=\"db\"",
                        "larder_claims_total{outcome=\"claimed\",path=\"warm\"",
                        "larder_build_seconds_bucket{status=\"succeeded\",transition=\"start\",le=\"0.01\"");
    }

    /** The application's own cycles know of no such preset and take its gauges away, perhaps before they are read. */
    private Answer metricsWithAPreset() {
        Answer metrics;
        int tries = 0;
        do {
            pools.observedSome(List.of(new PoolObserver.Reading(
                    UUID.randomUUID(),
                    new PoolObserver.Name("acme", "db", "metrics-test"),
                    new PoolState(3, 2, 0, 2, 0, 1, 0, 0),
                    false,
                    false)));
            metrics = Api.anonymous().with("Accept", "text/plain").get("/q/metrics");
        } while (!metrics.text().contains("metrics-test") && ++tries < 20);
        return metrics;
    }

    private static String golden() {
        try (InputStream in = ObserveHttpTest.class.getResourceAsStream("/golden/metrics.txt")) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new java.io.UncheckedIOException(unreadable);
        }
    }

    @Test
    void health_is_told_to_everybody_and_names_its_parts() {
        Answer live = Api.anonymous().get("/q/health/live");
        Answer ready = Api.anonymous().get("/q/health/ready");
        Answer started = Api.anonymous().get("/q/health/started");

        assertThat(live.status()).as(live.toString()).isEqualTo(200);
        assertThat(ready.status()).as(ready.toString()).isIn(200, 503);
        assertThat(ready.body().path("checks").findValuesAsText("name")).contains("database", "parts");
        assertThat(ready.text()).contains("\"database\"").doesNotContain("postgres");
        assertThat(started.body().path("checks").findValuesAsText("name")).contains("start");
    }

    @Test
    void the_api_describes_itself_with_its_tokens() {
        Answer openApi = Api.anonymous().with("Accept", "application/json").get("/q/openapi?format=json");
        Answer page = Api.anonymous().get("/q/swagger-ui/");

        assertThat(openApi.body().path("info").path("title").asText()).isEqualTo("Larder");
        assertThat(openApi.body()
                        .path("components")
                        .path("securitySchemes")
                        .path("token")
                        .path("scheme")
                        .asText())
                .isEqualTo("bearer");
        assertThat(openApi.body()
                        .path("paths")
                        .path("/api/v1/me")
                        .path("get")
                        .path("security")
                        .toString())
                .contains("token");
        assertThat(page.status()).isEqualTo(200);
    }

    @Test
    void notifications_are_for_those_who_declare_and_those_who_audit() {
        assertThat(Api.owner().get("/api/v1/notifications").status()).isEqualTo(200);
        assertThat(Api.anonymous().get("/api/v1/notifications").code()).isEqualTo("missing_token");
    }
}
