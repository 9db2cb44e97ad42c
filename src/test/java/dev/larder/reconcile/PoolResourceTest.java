package dev.larder.reconcile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.http.Problem;
import java.time.Instant;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PoolResourceTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1999-12-31T23:59:59.999999999Z",
                "2201-01-01T00:00:00Z",
                "2200-12-31T23:59:59-01:00",
                "+999999999-12-31T23:59:59Z",
                "-999999999-01-01T00:00:00+18:00",
                "2026-11-20",
                "tomorrow",
                ""
            })
    void an_instant_that_no_plan_can_be_asked_for_is_refused_by_name(String at) {
        assertThatThrownBy(() -> PoolResource.instant(at)).isInstanceOfSatisfying(Problem.class, problem -> {
            assertThat(problem.status()).isEqualTo(400);
            assertThat(problem.code()).isEqualTo("invalid_instant");
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"2000-01-01T00:00:00Z", "2200-12-31T23:59:59Z", "2026-11-20T10:00:00+01:00"})
    void an_instant_within_its_years_is_taken_with_any_offset(String at) {
        assertThat(PoolResource.instant(at)).isBetween(Instant.EPOCH, Instant.parse("2201-01-01T00:00:00Z"));
    }
}
