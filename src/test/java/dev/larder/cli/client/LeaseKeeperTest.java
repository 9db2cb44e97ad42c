package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.cli.client.LeaseKeeper.Result;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The keeper is cranked by hand: a step at each time at which it would wake up. */
class LeaseKeeperTest {

    private static final Duration TWO_MINUTES = Duration.ofMinutes(2);
    private static final Result RENEWED = new Result.Renewed();
    private static final Result NO_ANSWER = new Result.Unanswered("unreachable");

    private final Deque<Result> answers = new ArrayDeque<>();
    private final List<String> told = new ArrayList<>();
    private final LeaseKeeper.Listener listener = new LeaseKeeper.Listener() {
        @Override
        public void failing(String why) {
            told.add("failing: " + why);
        }

        @Override
        public void recovered() {
            told.add("recovered");
        }

        @Override
        public void lost(String why) {
            told.add("lost: " + why);
        }
    };
    private long now = Long.MAX_VALUE - 5;
    private int calls;
    private final LeaseKeeper keeper =
            new LeaseKeeper(LeaseClock.granted(TWO_MINUTES, now), this::renew, listener, () -> now);

    private Result renew(Duration within) {
        calls++;
        return answers.size() > 1 ? answers.remove() : answers.getFirst();
    }

    private boolean stepAfter(Duration time) throws InterruptedException {
        now += time.toNanos();
        return keeper.step();
    }

    @Test
    void renews_after_each_third_of_the_lease_and_not_before() throws Exception {
        answers.add(RENEWED);

        assertThat(stepAfter(Duration.ofSeconds(39))).isTrue();
        assertThat(calls).isZero();

        for (int nth = 1; nth <= 5; nth++) {
            assertThat(stepAfter(Duration.ofSeconds(nth == 1 ? 1 : 40))).isTrue();
            assertThat(calls).isEqualTo(nth);
        }
        assertThat(told).isEmpty();
    }

    @Test
    void goes_on_renewing_until_the_end_of_the_lease_while_the_server_does_not_answer() throws Exception {
        answers.add(NO_ANSWER);
        assertThat(stepAfter(Duration.ofSeconds(40))).isTrue();

        // 40 s + 39 · 2 s = 118 s
        for (int nth = 1; nth <= 39; nth++) {
            assertThat(stepAfter(Duration.ofSeconds(2))).isTrue();
        }
        assertThat(calls).isEqualTo(40);

        assertThat(stepAfter(Duration.ofSeconds(2))).isFalse();
        assertThat(calls).as("one last call").isEqualTo(41);
        assertThat(told).containsExactly("failing: unreachable", "lost: it could not be renewed before its end");
    }

    @Test
    void a_server_that_answers_again_keeps_the_lease_for_its_whole_length() throws Exception {
        answers.addAll(List.of(NO_ANSWER, NO_ANSWER, RENEWED));
        assertThat(stepAfter(Duration.ofSeconds(40))).isTrue();
        assertThat(stepAfter(Duration.ofSeconds(2))).isTrue();
        assertThat(stepAfter(Duration.ofSeconds(2))).isTrue();

        assertThat(told).containsExactly("failing: unreachable", "recovered");
        assertThat(stepAfter(Duration.ofSeconds(39))).isTrue();
        assertThat(calls).as("not due yet").isEqualTo(3);
    }

    @Test
    void a_process_that_stood_still_beyond_the_end_asks_the_server() throws Exception {
        answers.add(RENEWED);

        assertThat(stepAfter(Duration.ofMinutes(3))).isTrue();

        assertThat(told).isEmpty();
        assertThat(stepAfter(Duration.ofSeconds(39))).isTrue();
        assertThat(calls).isEqualTo(1);
    }

    @Test
    void an_ended_claim_is_lost_at_once() throws Exception {
        answers.add(new Result.Ended("The claim has ended."));

        assertThat(stepAfter(Duration.ofSeconds(40))).isFalse();

        assertThat(told).containsExactly("lost: The claim has ended.");
    }

    @Test
    void a_keeper_that_was_closed_tells_nothing_any_more() throws Exception {
        answers.add(new Result.Ended("The claim has ended."));
        keeper.close();

        assertThat(stepAfter(Duration.ofSeconds(40))).isFalse();

        assertThat(told).isEmpty();
    }

    @Test
    void a_call_never_lasts_longer_than_a_third_or_than_the_rest_of_the_lease() {
        LeaseClock lease = LeaseClock.granted(TWO_MINUTES, 0);

        assertThat(lease.callWithin(0)).isEqualTo(Duration.ofSeconds(10));
        assertThat(lease.callWithin(Duration.ofSeconds(117).toNanos())).isEqualTo(Duration.ofSeconds(3));
        assertThat(LeaseClock.granted(Duration.ofSeconds(6), 0).callWithin(0)).isEqualTo(Duration.ofSeconds(2));
    }

    @Test
    void pauses_until_the_renewal_or_the_end_whichever_is_first() {
        LeaseClock lease = LeaseClock.granted(TWO_MINUTES, 0);

        assertThat(lease.pause(0)).isEqualTo(Duration.ofSeconds(40));
        assertThat(lease.unanswered(Duration.ofSeconds(119).toNanos())
                        .pause(Duration.ofSeconds(119).toNanos()))
                .isEqualTo(Duration.ofSeconds(1));
        assertThat(lease.due(5).isDue(5)).isTrue();
    }
}
