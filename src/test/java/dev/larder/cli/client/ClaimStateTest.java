package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClaimStateTest {

    private static ClaimState of(String json) {
        try {
            return ClaimState.of(Json.read(json));
        } catch (JsonProcessingException malformed) {
            throw new AssertionError(malformed);
        }
    }

    @Test
    void a_waiting_claim_says_its_place_and_when_it_may_be_served() {
        assertThat(of("{\"status\":\"waiting\",\"waiting\":{\"position\":3,\"etaSeconds\":90}}"))
                .isEqualTo(new ClaimState.Waits("waiting, number 3 in line, about 2m"));
    }

    @Test
    void a_waiting_claim_says_why_nothing_is_created() {
        assertThat(of("""
                        {"status":"waiting","waiting":{"position":1,"etaSeconds":null,
                         "creationStopped":[{"why":"paused","until":null,"detail":"by\\u001b[2Jann"}]}}"""))
                .isEqualTo(new ClaimState.Waits("waiting, number 1 in line; none is created: paused (by?[2Jann)"));
    }

    @Test
    void a_claim_whose_workspace_is_verified_holds_nothing_yet() {
        assertThat(of("{\"status\":\"waiting\",\"waiting\":{\"position\":0,\"etaSeconds\":1}}"))
                .isEqualTo(new ClaimState.Waits("verifying a workspace, about 10s"));
    }

    @ParameterizedTest
    @CsvSource({
        "ready, Usable",
        "start_pending, Prepared",
        "start_running, Prepared",
        "start_canceling, Prepared",
        "start_failed, Broken",
        "start_canceled, Broken",
        "quarantined, Broken",
        "delete_running, Broken",
        "deleted, Broken"
    })
    void an_active_claim_is_as_its_workspace(String workspace, String state) {
        assertThat(of("{\"status\":\"active\",\"workspace\":{\"status\":\"" + workspace + "\"}}"))
                .extracting(found -> found.getClass().getSimpleName())
                .isEqualTo(state);
    }

    @Test
    void a_failed_claim_step_gives_its_code() {
        assertThat(of("""
                        {"status":"active","workspace":{"status":"start_failed"},
                         "step":{"status":"failed","errorCode":"script_failed","error":"claim.sh ended with exit code 1"}}""")).isEqualTo(new ClaimState.Broken("script_failed", "claim.sh ended with exit code 1"));
    }

    @Test
    void an_ended_claim_gives_its_code_and_reason_or_its_status() {
        assertThat(of("{\"status\":\"failed\",\"code\":\"build_canceled\",\"reason\":\"canceled\"}"))
                .isEqualTo(new ClaimState.Over("build_canceled", "canceled"));
        assertThat(of("{\"status\":\"released\",\"code\":null,\"reason\":null}"))
                .isEqualTo(new ClaimState.Over("released", "The claim has ended: released."));
    }
}
