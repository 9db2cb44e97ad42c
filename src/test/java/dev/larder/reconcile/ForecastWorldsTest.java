package dev.larder.reconcile;

import static dev.larder.reconcile.RollingWorldsTest.BOUNDS;
import static dev.larder.reconcile.RollingWorldsTest.isTried;
import static dev.larder.reconcile.RollingWorldsTest.mixes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Forecast;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.RolloutPolicy.Bounds;
import dev.larder.reconcile.RollingWorldsTest.Kind;
import dev.larder.reconcile.RollingWorldsTest.Stage;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The forecast of every small line that {@link RollingWorldsTest} tries: each cycle of it keeps what {@link Invariants}
 * says, and it ends.
 */
class ForecastWorldsTest {

    /** The forecast, and the line at its end. */
    private static final class Watched {

        private final Line begin;
        private final Forecast forecast;
        private Line end;
        private int cycles;

        Watched(LineWorld world) {
            this.begin = world.line();
            this.end = begin;
            this.forecast = Forecasting.of(
                    begin, world.now(), Limits.DEFAULT, Forecasting.MOST_LOOKS, (before, plan, after, at) -> {
                        Invariants.check(before, plan, after, at);
                        end = after;
                        cycles++;
                    });
        }

        @Override
        public String toString() {
            return forecast + "\n of " + Invariants.words(begin, PoolFixture.NOON);
        }
    }

    /** Of the target at most one prebuild, unless all worlds are tried: {@code -Dlarder.worlds=all}. */
    private static final int OF_TARGET = RollingWorldsTest.STEP == 1 ? 2 : 1;

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void every_forecast_ends_and_what_is_ready_stays_above_what_may_be_unavailable(int wanted) {
        int worlds = 0;
        for (Stage stage : Stage.values()) {
            for (Bounds bounds : BOUNDS) {
                for (List<Kind> ofTarget : mixes(OF_TARGET)) {
                    for (List<Kind> ofBefore : mixes(2)) {
                        if (isTried(worlds++, wanted)) {
                            Watched watched =
                                    new Watched(RollingWorldsTest.world(stage, wanted, bounds, ofTarget, ofBefore));
                            ends(watched, stage, wanted);
                            staysReady(watched, bounds, wanted);
                        }
                    }
                }
            }
        }
    }

    private static void ends(Watched watched, Stage stage, int wanted) {
        String outcome = watched.forecast.outcome();
        switch (stage) {
            case PROGRESSING, CANARY -> {
                assertThat(outcome).as("%s", watched).isEqualTo("done");
                endsWithNewOnesAlone(watched, wanted);
            }
            case PAUSED -> assertThat(outcome).as("%s", watched).isEqualTo("waits");
            case HELD, HELD_CANARY -> assertThat(outcome).as("%s", watched).isEqualTo("held");
        }
        assertThat(watched.cycles).as("cycles of %s", watched).isLessThan(80);
    }

    private static void staysReady(Watched watched, Bounds bounds, int wanted) {
        int unavailable = bounds.unavailableOf(wanted);
        int least = wanted - (bounds.surgeOf(wanted) == 0 ? Math.max(unavailable, 1) : unavailable);
        if (ready(watched.begin) >= least) {
            assertThat(watched.forecast.lowestReady().ready())
                    .as("lowest of %s", watched)
                    .isGreaterThanOrEqualTo(least);
        }
    }

    private static void endsWithNewOnesAlone(Watched watched, int wanted) {
        for (PresetSnapshot member : watched.end.members()) {
            boolean isNew = member.identity().version() == 2;
            assertThat(member.prebuilds())
                    .as("version %d of %s", member.identity().version(), watched)
                    .hasSize(isNew ? wanted : 0);
        }
    }

    private static int ready(Line line) {
        return line.members().stream()
                .filter(PresetSnapshot::served)
                .mapToInt(preset -> (int) preset.prebuilds().stream()
                        .filter(one -> one.ready() && preset.isSound(one, PoolFixture.NOON))
                        .count())
                .sum();
    }
}
