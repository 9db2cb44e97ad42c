package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.Claimable.Order;
import dev.larder.model.Caller;
import dev.larder.testing.Claimers;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Where a scan begins is a hint. Two pools go through the same random schedule: prebuilds become ready in any
 * order, also older ones after younger ones; a rival locks some and gives them back by a rollback; claims come one
 * or several at a time. One pool is served with the watermark, one without; both must say "none" to the same claims
 * and hand out the same prebuilds in the end.
 */
class WatermarkTest {

    private static final int SCHEDULES = 80;
    private static final int STEPS = 12;
    private static final int PREBUILDS = 8;

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final OpenTransaction rival = new OpenTransaction(stock);

    @AfterEach
    void close() {
        rival.close();
        stock.close();
    }

    /** A pool and who serves it. The number of a prebuild is its age: 0 is the oldest. */
    private final class World {

        private final UUID preset;
        private final Combiner combiner;
        private final Set<Integer> given = new TreeSet<>();
        private UUID[] prebuilds = {};

        World(UUID preset, Combiner combiner) {
            this.preset = preset;
            this.combiner = combiner;
        }

        /** As their builds were begun: none is ready yet. */
        void begin() {
            prebuilds = stock.row(BEGIN, Tuple.of(preset, stock.clock.instant().atOffset(ZoneOffset.UTC)))
                    .getArrayOfUUIDs("ids");
        }

        void becomesReady(int number) {
            stock.sql(
                    "UPDATE workspaces SET ready_at = created_at + interval '1 hour' WHERE id = $1", prebuilds[number]);
        }

        int claim(int count) {
            List<Uni<Optional<Granted>>> claims = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                claims.add(combiner.take(new Claimable(preset, Order.OLDEST, false), claimers.ask(anna))
                        .map(Granted::of));
            }
            List<Granted> granted = await(Uni.join().all(claims).andFailFast()).stream()
                    .flatMap(Optional::stream)
                    .toList();
            granted.forEach(
                    one -> assertThat(given.add(numberOf(one))).as("given once").isTrue());
            return granted.size();
        }

        private int numberOf(Granted one) {
            return List.of(prebuilds)
                    .indexOf(one.claim().workspace().orElseThrow().id());
        }

        int lock(int count) {
            return rival.does(LOCK, preset, count);
        }
    }

    private static final String BEGIN = """
            WITH begun AS (
                INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name, created_at,
                                        build_id, build_number, transition, build_status, build_finished_at)
                SELECT gen_random_uuid(), p.organization_id, s.id, true, p.template_id, p.version_id, p.id,
                       'w' || replace(gen_random_uuid()::text, '-', ''), $2::timestamptz + n / 2 * interval '1 millisecond',
                       gen_random_uuid(), 1, 'start', 'succeeded', $2::timestamptz
                  FROM presets p, users s, generate_series(0, 7) n
                 WHERE p.id = $1::uuid AND s.role = 'system'
                RETURNING *),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id, created_at)
                SELECT build_id, id, 1, 'start', owner_id, 'prebuild', version_id, preset_id, created_at FROM begun)
            SELECT array_agg(id ORDER BY created_at, id) AS ids FROM begun""";

    // A rival that has all but claimed the oldest: rows locked and changed, and all of it undone.
    private static final String LOCK = """
            UPDATE workspaces SET ready_at = NULL
             WHERE id = ANY (ARRAY(SELECT id FROM workspaces WHERE preset_id = $1::uuid AND prebuild AND ready_at IS NOT NULL
                                    ORDER BY created_at, id LIMIT $2::integer FOR UPDATE SKIP LOCKED))""";

    @Test
    void with_and_without_it_the_same_is_handed_out_and_the_same_claims_find_nothing() {
        stock.declare("with", 1);
        UUID without = stock.declare("without", 1);
        UUID with = stock.preset("with");
        for (int seed = 0; seed < SCHEDULES; seed++) {
            List<World> worlds = List.of(
                    new World(with, combiner(Tuned.DEFAULT)),
                    new World(without, combiner(Tuned.DEFAULT.withoutWatermark())));
            run(new Random(seed), "seed " + seed, worlds);
        }
    }

    private Combiner combiner(ClaimSettings settings) {
        return new Combiner(stock.claims, new WakeUps(), stock.clock, settings);
    }

    private void run(Random random, String seed, List<World> worlds) {
        List<Integer> building = new ArrayList<>();
        for (int number = 0; number < PREBUILDS; number++) {
            building.add(number);
        }
        worlds.forEach(World::begin);
        int inStock = 0;
        int locked = 0;
        boolean rivalHolds = false;
        for (int step = 0; step < STEPS; step++) {
            String when = seed + ", step " + step;
            switch (random.nextInt(7)) {
                case 0, 1, 2 -> {
                    if (!building.isEmpty()) {
                        int number = building.remove(random.nextInt(building.size()));
                        worlds.forEach(world -> world.becomesReady(number));
                        inStock++;
                    }
                }
                case 3, 4 -> {
                    int count = 1 + random.nextInt(3);
                    int expected = Math.min(count, inStock - locked);
                    worlds.forEach(
                            world -> assertThat(world.claim(count)).as(when).isEqualTo(expected));
                    inStock -= expected;
                }
                case 5 -> {
                    if (rivalHolds) {
                        rival.rollsBack();
                        rival.beginsAgain();
                        locked = 0;
                    } else {
                        int wanted = 1 + random.nextInt(2);
                        for (World world : worlds) {
                            locked = world.lock(wanted);
                            assertThat(locked).as(when).isEqualTo(Math.min(wanted, inStock));
                        }
                    }
                    rivalHolds = !rivalHolds;
                }
                default -> stock.clock.forward(Duration.ofMillis(random.nextInt(1_500)));
            }
        }
        rival.rollsBack();
        rival.beginsAgain();
        int rest = inStock;
        worlds.forEach(world ->
                assertThat(world.claim(PREBUILDS)).as(seed + ", the rest").isEqualTo(rest));
        assertThat(worlds.get(0).given).as(seed).isEqualTo(worlds.get(1).given).hasSize(PREBUILDS - building.size());
        // The next schedule begins with nothing ready and nothing that could become so.
        stock.sql("WITH build AS (DELETE FROM builds WHERE workspace_id IN (SELECT id FROM workspaces WHERE prebuild))"
                + " DELETE FROM workspaces WHERE prebuild");
        stock.clock.forward(Duration.ofSeconds(3));
    }
}
