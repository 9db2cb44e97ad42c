package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Ids;
import dev.larder.objects.ObjectStoreException;
import dev.larder.objects.ObjectStoreException.Reason;
import java.time.InstantSource;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** S14: what a caller is told of a store's failure, by its reason. */
class StoreProblemsTest {

    private final Faults faults = new Faults(new Ids(InstantSource.system()));

    @ParameterizedTest
    @CsvSource({
        "OBJECT_NOT_FOUND,      500, object_missing,              ''",
        "OBJECT_DAMAGED,        500, object_damaged,              ''",
        "PRECONDITION_FAILED,   412, precondition_failed,         ''",
        "AUTHENTICATION_FAILED, 502, store_authentication_failed, ''",
        "STORE_MISCONFIGURED,   503, store_misconfigured,         ''",
        "RATE_LIMITED,          503, store_rate_limited,          5",
        "STORE_UNAVAILABLE,     503, store_unavailable,           2",
        "OBJECT_TOO_LARGE,      413, object_too_large,            ''"
    })
    void every_reason_has_a_status_a_code_and_a_time_to_come_again(
            Reason reason, int status, String code, String retryAfter) {
        Problem problem = faults.problem(new ObjectStoreException(reason, "GET key: words of the store"));

        assertThat(problem.status()).isEqualTo(status);
        assertThat(problem.code()).isEqualTo(code);
        assertThat(problem.headers().getOrDefault("Retry-After", "")).isEqualTo(retryAfter);
        assertThat(problem.detail()).doesNotContain("words of the store");
    }
}
