package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Transition;
import dev.larder.testing.Claimers;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whatever fails again and again makes a bounded amount of work (design, sections 2.3.3 and 2.3.4; decision 0026). */
class BoundedWorkTest {

    private static final int ROUNDS = 100;

    private final Crank crank = new Crank(Crank.WakeUpMode.WORKING);
    private final Stock stock = crank.stock;
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");

    @AfterEach
    void close() {
        crank.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    /** As all loops of a server do it, in the order that lets a replacement begin before a verification ends. */
    private void round(UUID preset, Predicate<Assignment> fails) {
        crank.cycle();
        work(fails);
        claimers.serve(preset);
        crank.cycle();
        await(stock.builds.beginClaimSteps(now()));
        work(fails);
        await(stock.leases.returnUnfit(now()));
        await(stock.leases.timeOut(now()));
        await(stock.builds.recycle(now()));
        await(stock.builds.deleteWanted(now()));
    }

    private void work(Predicate<Assignment> fails) {
        for (Assignment job : stock.take(1_000)) {
            if (fails.test(job)) {
                stock.fail(job);
            } else {
                stock.succeed(job);
            }
        }
    }

    private void rounds(UUID preset, Duration apart, Predicate<Assignment> fails) {
        rounds(ROUNDS, preset, apart, fails);
    }

    private void rounds(int count, UUID preset, Duration apart, Predicate<Assignment> fails) {
        for (int round = 1; round <= count; round++) {
            round(preset, fails);
            stock.clock.forward(apart);
        }
    }

    private static boolean isVerification(Assignment job) {
        return job.reason().equals(Assignment.VERIFY);
    }

    @Test
    void a_verification_that_always_fails_reaches_the_hard_limit_and_builds_no_more() {
        stock.withScript("verify.sh");
        UUID preset = stock.declare("small", 1);
        UUID claim = claimers.waits(preset, anna);

        rounds(preset, Duration.ofMillis(300), BoundedWorkTest::isVerification);

        assertThat(crank.ever(preset)).as("built within 30 s").isLessThanOrEqualTo(2);
        assertThat(claimers.stateOf(claim)).isEqualTo("waiting");
        stock.clock.forward(Duration.ofMinutes(2));
        claimers.waits(preset, anna);
        rounds(preset, Duration.ofMinutes(1), BoundedWorkTest::isVerification);

        assertThat(crank.ever(preset))
                .as("three attempts, and one that began while the third was verified")
                .isEqualTo(4);
        assertThat(crank.status(preset)).isEqualTo("hard_limited");
        assertThat(stock.count("notifications WHERE kind = 'preset_hard_limited'"))
                .isEqualTo(1);
    }

    private static boolean isCold(Assignment job) {
        return job.reason().equals("cold_claim");
    }

    private int builds(String reason) {
        return stock.count("builds WHERE reason = '" + reason + "'");
    }

    @Test
    void a_large_stock_of_unfit_ones_is_not_used_up_by_one_claim() {
        stock.withScript("verify.sh");
        UUID preset = stock.declare("large", 20);
        UUID claim = claimers.waits(preset, anna);

        rounds(preset, Duration.ofSeconds(1), BoundedWorkTest::isVerification);

        assertThat(claimers.stateOf(claim)).isEqualTo("failed");
        assertThat(builds(Assignment.VERIFY)).isEqualTo(10);
        assertThat(crank.ever(preset)).isLessThanOrEqualTo(20 + 10);
    }

    @Test
    void a_start_that_always_fails_reaches_the_hard_limit() {
        UUID preset = stock.declare("small", 2);
        claimers.waits(preset, anna);

        rounds(preset, Duration.ofMinutes(1), job -> true);

        assertThat(crank.ever(preset)).isEqualTo(3 * 2);
        assertThat(crank.status(preset)).isEqualTo("hard_limited");
    }

    @Test
    void a_cold_build_that_fails_is_built_once_for_each_claim() {
        UUID preset = stock.declare("none", 0);
        var cold = stock.claimCold(preset, anna);

        for (int round = 1; round <= ROUNDS; round++) {
            round(preset, BoundedWorkTest::isCold);
            await(stock.leases.endFailedCold(now()));
            stock.clock.forward(Duration.ofMinutes(1));
        }

        assertThat(builds("cold_claim")).isEqualTo(1);
        assertThat(crank.live(preset)).isZero();
    }

    @Test
    void a_claim_step_that_fails_is_begun_once() {
        stock.withClaimStep();
        UUID preset = stock.declare("small", 1);
        crank.cycle();
        stock.buildAll();
        UUID claim = stock.claim(preset, anna).orElseThrow();

        rounds(preset, Duration.ofMinutes(1), job -> job.reason().equals(Assignment.CLAIM));

        assertThat(builds(Assignment.CLAIM)).isEqualTo(1);
        assertThat(crank.ever(preset)).isEqualTo(2);
        assertThat(claimers.stateOf(claim)).isEqualTo("held");
    }

    @Test
    void a_reset_that_fails_costs_one_build_for_each_return() {
        UUID preset = stock.declareReusable("small", 1, 1_000);
        int returns = 5;

        for (int turn = 1; turn <= returns; turn++) {
            crank.cycle();
            stock.buildAll();
            UUID claim = stock.claim(preset, anna).orElseThrow();
            crank.cycle();
            assertThat(stock.release(claim)).isTrue();
            rounds(ROUNDS / returns, preset, Duration.ZERO, job -> job.reason().equals(Assignment.RECYCLE));
        }

        assertThat(crank.ever(preset)).isLessThanOrEqualTo(1 + 2 * returns);
        assertThat(crank.live(preset)).isEqualTo(1);
    }

    @Test
    void a_deletion_that_fails_is_tried_ever_more_slowly() {
        UUID preset = stock.declare("small", 0);
        UUID claim = stock.claimCold(preset, anna);
        stock.buildAll();
        assertThat(stock.release(claim)).isTrue();

        rounds(preset, Duration.ofMinutes(15), job -> job.transition() == Transition.DELETE);

        assertThat(builds("released")).as("tried within 25 hours").isLessThan(40);
    }

    @Test
    void what_takes_longer_to_build_than_its_ttl_is_not_built_for_ever() {
        UUID preset = stock.declare("slow", 2, Duration.ofMinutes(1), List.of());

        for (int round = 1; round <= ROUNDS; round++) {
            crank.cycle();
            stock.clock.forward(Duration.ofSeconds(61));
            stock.buildAll();
        }

        assertThat(crank.ever(preset)).as("three attempts of two").isEqualTo(3 * 2);
        assertThat(crank.status(preset)).isEqualTo("validation_failed");
        assertThat(stock.row("SELECT status_reason AS n FROM presets WHERE id = $1", Tuple.of(preset))
                        .getString("n"))
                .contains("ttl");
    }

    @Test
    void one_slow_build_among_others_stops_nothing() {
        UUID preset = stock.declare("slow", 1, Duration.ofMinutes(1), List.of());

        for (int round = 1; round <= 12; round++) {
            crank.cycle();
            stock.clock.forward(Duration.ofSeconds(round % 3 == 0 ? 5 : 61));
            stock.buildAll();
            stock.clock.forward(Duration.ofSeconds(61));
        }

        assertThat(crank.status(preset)).isEqualTo("healthy");
    }

    @Test
    void what_failed_goes_with_its_template_whenever_it_failed() {
        stock.withScript("verify.sh");
        UUID preset = stock.declare("small", 2);
        crank.cycle();
        Assignment first = stock.take(1).getFirst();
        Assignment second = stock.take(1).getFirst();
        stock.fail(first);
        assertThat(await(stock.builds.giveUpEvidence(now()))).as("evidence").isZero();
        assertThat(await(stock.controls.delete(stock.template()))).isTrue();
        stock.fail(second);

        for (int round = 1; round <= 3; round++) {
            crank.cycle();
            await(stock.builds.giveUpEvidence(now()));
            await(stock.builds.deleteWanted(now()));
            stock.buildAll();
        }

        assertThat(crank.live(preset)).isZero();
        assertThat(await(stock.builds.giveUpEvidence(now()))).isZero();
    }
}
