package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.cli.client.Condition.For;
import dev.larder.cli.client.Condition.Met;
import dev.larder.cli.client.Condition.Never;
import dev.larder.cli.client.Condition.NotYet;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class ConditionTest {

    private static Condition of(Kind kind, For wanted, String json) throws IOException {
        return Condition.of(kind, wanted, Json.read(json));
    }

    @Test
    void a_pool_is_ready_when_as_many_as_wanted_are_eligible() throws IOException {
        assertThat(of(Kind.pools, For.ready, "{\"counts\":{\"desired\":2,\"eligible\":1}}"))
                .isEqualTo(new NotYet("1 of 2 ready"));
        assertThat(of(Kind.pools, For.ready, "{\"counts\":{\"desired\":2,\"eligible\":2}}"))
                .isEqualTo(new Met());
    }

    @Test
    void a_pool_says_what_holds_it_up_while_it_is_waited_for() throws IOException {
        assertThat(of(
                        Kind.pools,
                        For.ready,
                        "{\"counts\":{\"desired\":1},\"holds\":[{\"kind\":\"paused\",\"detail\":\"preset, create\"}]}"))
                .isEqualTo(new NotYet("0 of 1 ready; paused: preset, create"));
    }

    @Test
    void a_pool_that_has_reached_its_hard_limit_does_not_get_ready_by_waiting() throws IOException {
        assertThat(of(
                        Kind.pools,
                        For.ready,
                        "{\"counts\":{\"desired\":1},\"holds\":[{\"kind\":\"hard_limited\",\"detail\":\"3 failed\"}]}"))
                .isEqualTo(new Never(ExitCode.FAILED, "hard_limited: 3 failed"));
    }

    @Test
    void a_full_pool_is_ready_whatever_its_rollout_waits_for() throws IOException {
        String held = ",\"holds\":[{\"kind\":\"rollout_held\",\"detail\":\"held\"}],\"rollout\":{\"state\":\"held\","
                + "\"pools\":[{\"role\":\"canary\",\"counts\":{\"desired\":1,\"eligible\":0},"
                + "\"holds\":[{\"kind\":\"hard_limited\",\"detail\":\"3 failed\"}]}]}}";

        assertThat(of(Kind.pools, For.ready, "{\"counts\":{\"desired\":3,\"eligible\":3}" + held))
                .isEqualTo(new Met());
        // The version before is refilled, so it may be waited for.
        assertThat(of(Kind.pools, For.ready, "{\"counts\":{\"desired\":3,\"eligible\":2}" + held))
                .isEqualTo(new NotYet("2 of 3 ready; rollout_held: held"));
    }

    @Test
    void a_row_of_a_pool_says_how_far_the_rollout_of_its_line_is() throws IOException {
        assertThat(Kinds.openRollout(Json.read("{\"rollout\":null}"))).isEmpty();
        assertThat(Kinds.openRollout(Json.read("{\"rollout\":{\"state\":\"canary\",\"paused\":false}}")))
                .isEqualTo("canary");
        assertThat(Kinds.openRollout(Json.read("{\"rollout\":{\"state\":\"progressing\",\"paused\":true}}")))
                .isEqualTo("progressing,paused");
    }

    @Test
    void a_claim_is_ready_when_its_workspace_is() throws IOException {
        assertThat(of(Kind.claims, For.ready, "{\"status\":\"active\",\"workspace\":{\"status\":\"start_running\"}}"))
                .isEqualTo(new NotYet("start_running"));
        assertThat(of(Kind.claims, For.ready, "{\"status\":\"active\",\"workspace\":{\"status\":\"ready\"}}"))
                .isEqualTo(new Met());
    }

    @Test
    void a_claim_that_waits_says_its_position_and_when_it_may_be_served() throws IOException {
        assertThat(of(
                        Kind.claims,
                        For.ready,
                        "{\"status\":\"waiting\",\"waiting\":{\"position\":3,\"etaSeconds\":40}}"))
                .isEqualTo(new NotYet("waiting, position 3, about 40s"));
    }

    @Test
    void a_claim_that_timed_out_and_one_that_failed_have_different_exit_codes() throws IOException {
        assertThat(of(Kind.claims, For.ready, "{\"status\":\"timed_out\",\"endedAt\":\"x\",\"reason\":\"late\"}"))
                .isEqualTo(new Never(ExitCode.TIMED_OUT, "timed_out: late"));
        assertThat(of(Kind.claims, For.ready, "{\"status\":\"failed\",\"endedAt\":\"x\",\"reason\":\"bad\"}"))
                .isEqualTo(new Never(ExitCode.FAILED, "failed: bad"));
    }

    @Test
    void a_workspace_whose_build_failed_does_not_get_ready_by_waiting() throws IOException {
        assertThat(of(Kind.workspaces, For.ready, "{\"status\":\"start_failed\"}"))
                .isEqualTo(new Never(ExitCode.FAILED, "start_failed"));
        assertThat(of(Kind.workspaces, For.ready, "{\"status\":\"delete_running\"}"))
                .isEqualTo(new Never(ExitCode.FAILED, "delete_running"));
        assertThat(of(Kind.workspaces, For.ended, "{\"status\":\"deleted\"}")).isEqualTo(new Met());
    }

    @Test
    void a_failed_job_has_ended_and_is_not_ready() throws IOException {
        String failed = "{\"status\":\"failed\",\"completedAt\":\"x\",\"error\":\"exit code 3\"}";

        assertThat(of(Kind.jobs, For.ended, failed)).isEqualTo(new Met());
        assertThat(of(Kind.jobs, For.ready, failed)).isEqualTo(new Never(ExitCode.FAILED, "failed: exit code 3"));
    }

    @Test
    void a_rollout_that_is_held_is_not_done_by_waiting_and_may_still_end() throws IOException {
        String held = "{\"state\":\"held\",\"reason\":\"deadline\",\"detail\":\"Nothing became ready.\","
                + "\"counts\":{\"newReady\":0,\"wanted\":2,\"oldLeft\":2}}";

        assertThat(of(Kind.rollouts, For.ready, held))
                .isEqualTo(new Never(ExitCode.ROLLOUT_STOPPED, "held: Nothing became ready."));
        assertThat(of(Kind.rollouts, For.ended, held)).isEqualTo(new NotYet("held, 0 of 2 new ready, 2 old left"));
    }

    @Test
    void a_rollout_in_a_pause_says_which_one_and_until_when() throws IOException {
        String paused = "{\"state\":\"canary\",\"counts\":{\"newReady\":0,\"wanted\":2},\"ending\":{\"pause\":%s}}";

        assertThat(of(
                        Kind.rollouts,
                        For.ready,
                        paused.formatted("{\"level\":\"organization\",\"until\":\"2026-11-29T12:00:00Z\"}")))
                .isEqualTo(new NotYet("canary, 0 of 2 new ready, organization paused until 2026-11-29T12:00:00Z"));
        assertThat(of(Kind.rollouts, For.ready, paused.formatted("{\"level\":\"preset\",\"until\":null}")))
                .isEqualTo(new NotYet("canary, 0 of 2 new ready, preset paused"));
        assertThat(of(Kind.rollouts, For.ready, paused.formatted("null")))
                .isEqualTo(new NotYet("canary, 0 of 2 new ready"));
    }

    @Test
    void a_rollout_is_ready_when_it_is_done_and_another_end_is_none() throws IOException {
        String rolledBack = "{\"state\":\"rolled_back\",\"reason\":\"by_user\",\"endedAt\":\"2026-11-29T12:00:00Z\"}";

        assertThat(of(Kind.rollouts, For.ready, "{\"state\":\"done\",\"endedAt\":\"2026-11-29T12:00:00Z\"}"))
                .isEqualTo(new Met());
        assertThat(of(Kind.rollouts, For.ready, rolledBack))
                .isEqualTo(new Never(ExitCode.ROLLOUT_STOPPED, "rolled_back: by_user"));
        assertThat(of(Kind.rollouts, For.ended, rolledBack)).isEqualTo(new Met());
    }
}
