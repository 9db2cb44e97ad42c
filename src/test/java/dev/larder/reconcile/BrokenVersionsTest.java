package dev.larder.reconcile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Caller;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.Share;
import dev.larder.testing.Stock;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A version without a canary cannot start: stock of the one before is served and refilled until it is taken back. */
class BrokenVersionsTest {

    private static final int WANTED = 4;

    private final Crank crank = new Crank(Crank.WakeUpMode.WORKING);
    private final Stock stock = crank.stock;
    private final RolloutScene rollouts = new RolloutScene(stock);

    @AfterEach
    void close() {
        crank.close();
    }

    private UUID stocked(OnFailure onFailure) {
        UUID preset = stock.declare("small", WANTED, RollingWorldsTest.policy(Share.of(1), Share.of(0), 0, onFailure));
        crank.cycle();
        stock.buildAll();
        crank.settle();
        return preset;
    }

    /** Why a version cannot start, and by which reason its rollout is held. */
    private enum Broken {
        ITS_BUILDS_FAIL("hard_limited"),
        IT_IS_INVALID("validation_failed"),
        NO_WORKER_TAKES_IT("deadline");

        final String reason;

        Broken(String reason) {
            this.reason = reason;
        }
    }

    private UUID promoteBroken(Broken broken) {
        if (broken == Broken.NO_WORKER_TAKES_IT) {
            stock.withTags(Map.of("site", "lab"));
        }
        stock.promoteNewVersion();
        UUID after = stock.preset("small");
        if (broken == Broken.IT_IS_INVALID) {
            stock.sql(
                    "UPDATE presets SET status = 'validation_failed', status_reason = 'it has no value' WHERE id = $1",
                    after);
        }
        return after;
    }

    /** One claim in five minutes, for longer than the deadline of a rollout. Each one is served. */
    private void claimsGoOn(UUID before, UUID after, Caller caller) {
        for (int round = 0; round < 16; round++) {
            stock.sql("UPDATE workers SET last_seen_at = $1", Crank.utc(stock.clock.instant()));
            crank.cycle();
            crank.cycle();
            rollouts.buildsFailOf(after);
            assertThat(stock.claim(before, caller))
                    .as("the claim of round %d", round)
                    .isPresent();
            stock.clock.forward(Duration.ofMinutes(5));
        }
    }

    private void isBackAt(UUID before, UUID after) {
        crank.settle();
        stock.buildAll();
        crank.settle();
        assertThat(stock.preset("small")).isEqualTo(before);
        assertThat(stock.count("workspaces WHERE preset_id = '" + after
                        + "' AND deleted_at IS NULL AND build_status <> 'failed'"))
                .as("left of the new version")
                .isZero();
        assertThat(stock.count("workspaces WHERE preset_id = '" + before + "' AND prebuild AND ready_at IS NOT NULL"
                        + " AND deleted_at IS NULL"))
                .isEqualTo(WANTED);
        crank.staysSo();
    }

    @ParameterizedTest
    @EnumSource(Broken.class)
    void a_version_without_canary_that_cannot_start_costs_no_claim_is_told_once_and_taken_back_in_one_call(
            Broken broken) {
        UUID before = stocked(OnFailure.HOLD);
        UUID after = promoteBroken(broken);

        claimsGoOn(before, after, stock.member("anna"));

        assertThat(rollouts.newest()).isEqualTo("promotion held " + broken.reason);
        assertThat(stock.count("notifications WHERE kind = 'rollout_held'")).isEqualTo(1);
        rollouts.rollBackByUser();
        assertThat(rollouts.newest()).isEqualTo("promotion rolled_back by_user");
        isBackAt(before, after);
    }

    @ParameterizedTest
    @EnumSource(Broken.class)
    void a_version_without_canary_that_cannot_start_is_taken_back_where_its_preset_says_so(Broken broken) {
        UUID before = stocked(OnFailure.ROLLBACK);
        UUID after = promoteBroken(broken);

        claimsGoOn(before, after, stock.member("anna"));

        assertThat(rollouts.newest()).isEqualTo("promotion rolled_back " + broken.reason);
        assertThat(stock.count("notifications WHERE kind = 'rollout_rolled_back'"))
                .isEqualTo(1);
        assertThat(stock.count("notifications WHERE kind = 'rollout_held'")).isZero();
        isBackAt(before, after);
    }
}
