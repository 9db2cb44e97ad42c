package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.pool.Assignment;
import dev.larder.pool.Caller;
import dev.larder.testing.Claimers;
import dev.larder.testing.Stock;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whatever fails again and again makes a bounded amount of work (design, sections 2.3.3 and 2.3.4; decision 0026). */
class BoundedWorkTest {

    private static final int ROUNDS = 100;

    private final Crank crank = new Crank(Crank.Bells.WORKING);
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
        await(stock.leases.setAside(now()));
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
        for (int round = 1; round <= ROUNDS; round++) {
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
}
