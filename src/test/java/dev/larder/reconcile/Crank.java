package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.Direct;
import dev.larder.database.ReconcilerLock;
import dev.larder.lifecycle.RolloutControl;
import dev.larder.lifecycle.RolloutStore;
import dev.larder.model.JobStatus;
import dev.larder.model.Transition;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Databases;
import dev.larder.testing.Stock;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Real reconcilers on a stock of their own. They run one cycle whenever the test says so. */
final class Crank implements AutoCloseable {

    /** How many cycles must find nothing to do. {@code -Dlarder.reconcile.repeats=8} makes it more. */
    private static final int REPEATS = Integer.getInteger("larder.reconcile.repeats", 3);

    /** Whether wake-ups after a cycle work. A cycle must not depend on it. */
    enum WakeUpMode {
        WORKING,
        FAILING
    }

    final Stock stock = new Stock();
    final Heard heard = new Heard();
    final WakeUps wakeUps;
    final Direct direct = new Direct(Databases.vertx(), stock.database.connectOptions());
    private final List<Direct> directs = new ArrayList<>(List.of(direct));
    private final Reconciler reconciler;

    Crank(WakeUpMode mode) {
        this.wakeUps = wakeUps(mode);
        this.reconciler = another();
    }

    /** A test's limits: nothing happens by the clock alone. */
    record Paces(Duration interval, Duration cycleDeadline, int concurrency) implements ReconcileSettings {

        static final Paces CALM = new Paces(Duration.ofHours(10), Duration.ofSeconds(15), 4);

        @Override
        public Duration lockSilence() {
            return Duration.ofSeconds(10);
        }

        @Override
        public Duration showEvery() {
            return Duration.ofHours(10);
        }

        @Override
        public Duration stopDeadline() {
            return Duration.ofSeconds(10);
        }

        @Override
        public Duration backoffInterval() {
            return Limits.DEFAULT.backoffInterval();
        }

        @Override
        public Duration failureLookback() {
            return Limits.DEFAULT.lookback();
        }

        @Override
        public int hardLimit() {
            return Limits.DEFAULT.hardLimit();
        }
    }

    /** Hears how cycles ended, and can be waited for. */
    static final class Heard implements CycleObserver, PoolObserver {

        private final BlockingQueue<Outcome> ended = new LinkedBlockingQueue<>();
        private final BlockingQueue<String> acted = new LinkedBlockingQueue<>();
        private volatile List<Reading> shown = List.of();

        @Override
        public void ended(Outcome outcome, Duration took) {
            ended.add(outcome);
        }

        @Override
        public void acted(String action, int count) {
            acted.add(action + " " + count);
        }

        @Override
        public void observedAll(List<Reading> readings) {
            shown = readings;
        }

        @Override
        public void observedSome(List<Reading> readings) {}

        @Override
        public void observedNothing() {
            shown = List.of();
        }

        /** What was last seen of all presets. */
        List<Reading> shown() {
            return shown;
        }

        /** The end of the next cycle that was not asked for yet. */
        Outcome nextEnd() {
            return next(ended, "no cycle ended");
        }

        /** How many have ended that were not asked for yet. */
        int ends() {
            return ended.size();
        }

        String nextAction() {
            return next(acted, "no cycle did anything");
        }

        private static <T> T next(BlockingQueue<T> queue, String otherwise) {
            try {
                T next = queue.poll(20, TimeUnit.SECONDS);
                if (next == null) {
                    throw new AssertionError(otherwise);
                }
                return next;
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                throw new AssertionError(otherwise, interrupted);
            }
        }
    }

    /** A further process's reconciler on the same database. */
    Reconciler another() {
        return another(stock.snapshots, stock.pools, Paces.CALM);
    }

    Reconciler another(SnapshotStore snapshots, PoolStore pools, ReconcileSettings settings) {
        Direct its = new Direct(Databases.vertx(), stock.database.connectOptions());
        directs.add(its);
        ReconcilerLock lock = new ReconcilerLock(its, Databases.vertx());
        return new Reconciler(
                lock,
                snapshots,
                pools,
                stock.alerts,
                steps(),
                wakeUps,
                Databases.vertx(),
                stock.clock,
                settings,
                heard,
                heard);
    }

    RolloutSteps steps() {
        return new RolloutSteps(new RolloutStore(stock.pool, stock.ids), new RolloutControl(stock.pool, stock.ids));
    }

    private static WakeUps wakeUps(WakeUpMode mode) {
        WakeUps wakeUps = new WakeUps();
        if (mode == WakeUpMode.FAILING) {
            for (Channel topic : Channel.values()) {
                wakeUps.onChange(topic, () -> {
                    throw new IllegalStateException("the wake-ups fail");
                });
            }
        }
        return wakeUps;
    }

    Reconciler reconciler() {
        return reconciler;
    }

    /** One full cycle. */
    @CanIgnoreReturnValue
    Cycle.Report cycle() {
        Cycle.Report report = await(reconciler.run(true)).orElseThrow();
        assertThat(report.failed()).as("presets whose effects failed").isZero();
        return report;
    }

    /** Only the presets that are marked. */
    @CanIgnoreReturnValue
    Cycle.Report dirtyCycle() {
        return await(reconciler.run(false)).orElseThrow();
    }

    /** One cycle, and then some that find nothing to do and write nothing. */
    @CanIgnoreReturnValue
    Cycle.Report settle() {
        Cycle.Report first = cycle();
        staysSo();
        return first;
    }

    void staysSo() {
        String before = tables();
        for (int repeat = 1; repeat <= REPEATS; repeat++) {
            assertThat(cycle().actions()).as("repeated cycle %d", repeat).isEmpty();
        }
        assertThat(tables()).as("rows after %d repeated cycles", REPEATS).isEqualTo(before);
    }

    /** Every row that a cycle may write with the transaction that wrote it: changes also when a row is written anew. */
    String tables() {
        StringBuilder all = new StringBuilder();
        for (String table : List.of(
                "workspaces", "builds", "jobs", "presets", "attempts", "notifications", "dirty_presets", "rollouts")) {
            String sql =
                    "SELECT count(*) || ' ' || coalesce(md5(string_agg(t.xmin::text || t::text, ',' ORDER BY t::text)), '')"
                            + " AS n FROM " + table + " t";
            all.append(table)
                    .append(' ')
                    .append(stock.row(sql, Tuple.tuple()).getString("n"))
                    .append('\n');
        }
        return all.toString();
    }

    /** Workspaces of the preset that are not deleted. */
    int live(UUID preset) {
        return stock.integer(
                "SELECT count(*)::integer AS n FROM workspaces WHERE preset_id = $1 AND deleted_at IS NULL",
                Tuple.of(preset));
    }

    /** Workspaces the preset ever had. */
    int ever(UUID preset) {
        return stock.integer("SELECT count(*)::integer AS n FROM workspaces WHERE preset_id = $1", Tuple.of(preset));
    }

    /** Prebuilds of the preset whose deletion waits for a worker. */
    int doomed(UUID preset) {
        return stock.integer(
                "SELECT count(*)::integer AS n FROM workspaces w JOIN jobs j ON j.build_id = w.build_id"
                        + " WHERE w.preset_id = $1 AND w.transition = 'delete' AND j.status = 'pending'",
                Tuple.of(preset));
    }

    String state(UUID workspace) {
        return stock.row(
                        "SELECT w.transition || ' ' || j.status AS n FROM workspaces w JOIN jobs j ON j.build_id = w.build_id"
                                + " WHERE w.id = $1",
                        Tuple.of(workspace))
                .getString("n");
    }

    String status(UUID preset) {
        return stock.row("SELECT status AS n FROM presets WHERE id = $1", Tuple.of(preset))
                .getString("n");
    }

    /** All that wait end in failure, at this instant. */
    @CanIgnoreReturnValue
    int failAll() {
        var taken = stock.take(1_000);
        taken.forEach(stock::fail);
        return taken.size();
    }

    /**
     * A prebuild in any state there may be; its first build is an attempt of its own.
     *
     * @param number 1, or 2 for a prebuild whose first start succeeded before
     * @param finishedAt when its latest build ended, if its status says so
     */
    record Odd(
            UUID preset,
            Transition transition,
            JobStatus status,
            int number,
            boolean ready,
            Instant createdAt,
            Instant finishedAt) {}

    /** Five minutes old; a stop or delete came after a start that succeeded. */
    @CanIgnoreReturnValue
    UUID put(UUID preset, Transition transition, JobStatus status) {
        Instant created = stock.clock.instant().minus(Duration.ofMinutes(5));
        int number = transition == Transition.START ? 1 : 2;
        return put(List.of(new Odd(preset, transition, status, number, true, created, created.plusSeconds(30))))
                .getFirst();
    }

    private static final String PUT = """
            WITH preset AS (
                UPDATE presets p SET attempts = attempts + 1 FROM template_versions v
                 WHERE p.id = $1 AND v.id = p.version_id RETURNING p.*, v.backend),
            attempt AS (
                INSERT INTO attempts (preset_id, number, size, created_at)
                SELECT id, attempts, 1, $12::timestamptz FROM preset),
            step AS (
                SELECT 1 AS number, 'start' AS transition, CASE $9::integer WHEN 1 THEN $8 ELSE 'succeeded' END AS status,
                       $3::uuid AS build, $4::uuid AS job, attempts AS attempt FROM preset
                 UNION ALL
                SELECT 2, $7, $8, $5::uuid, $6::uuid, NULL FROM preset WHERE $9 = 2),
            workspace AS (
                INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name,
                                        created_at, ready_at, deleted_at, build_id, build_number, transition,
                                        build_status, build_finished_at)
                SELECT $2::uuid, p.organization_id, s.id, true, p.template_id, p.version_id, p.id, $11, $12,
                       CASE WHEN $10::boolean AND $7 = 'start' AND $8 = 'succeeded' THEN $13::timestamptz END,
                       CASE WHEN $7 = 'delete' AND $8 = 'succeeded' THEN $13 END,
                       CASE $9 WHEN 1 THEN $3 ELSE $5 END, $9, $7::text,
                       CASE $8::text WHEN 'running' THEN 'pending' ELSE $8 END,
                       CASE WHEN $8 IN ('succeeded', 'failed', 'canceled') THEN $13 END
                  FROM preset p, users s WHERE s.role = 'system'),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                    attempt, created_at)
                SELECT t.build, $2, t.number, t.transition, s.id, 'prebuild', p.version_id, p.id, t.attempt, $12
                  FROM preset p, step t, users s WHERE s.role = 'system')
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds, attempt, started_at, deadline_at, worker_id, lease_token, canceled_at,
                              completed_at, error_code, error)
            SELECT t.job, t.build, $2, p.organization_id, p.backend, 1, $12, $12, 600,
                   CASE t.status WHEN 'pending' THEN 0 ELSE 1 END,
                   CASE WHEN t.status <> 'pending' THEN $12 END,
                   CASE WHEN t.status <> 'pending' THEN $12 + interval '10 minutes' END,
                   CASE WHEN t.status <> 'pending' THEN $14::uuid END,
                   CASE WHEN t.status IN ('running', 'canceling') THEN gen_random_uuid() END,
                   CASE WHEN t.status IN ('canceling', 'canceled') THEN $13 END,
                   CASE WHEN t.status IN ('succeeded', 'failed', 'canceled') THEN $13 END,
                   CASE t.status WHEN 'failed' THEN 'script_failed' END,
                   CASE t.status WHEN 'failed' THEN 'start.sh ended with exit code 1.' END
              FROM preset p, step t""";

    /** In this order, so that later ones are newer attempts. */
    List<UUID> put(List<Odd> all) {
        List<UUID> workspaces = new ArrayList<>();
        List<Tuple> batch = new ArrayList<>();
        for (Odd one : all) {
            UUID workspace = stock.ids.next();
            workspaces.add(workspace);
            batch.add(Tuple.from(Arrays.asList(
                    one.preset(),
                    workspace,
                    stock.ids.next(),
                    stock.ids.next(),
                    stock.ids.next(),
                    stock.ids.next(),
                    one.transition().word(),
                    one.status().word(),
                    one.number(),
                    one.ready(),
                    "odd-" + stock.ids.suffix(),
                    utc(one.createdAt()),
                    utc(one.finishedAt()),
                    stock.worker)));
        }
        var done = await(stock.pool.withTransaction(
                connection -> connection.preparedQuery(PUT).executeBatch(batch)));
        return workspaces;
    }

    static OffsetDateTime utc(Instant instant) {
        return instant.atOffset(ZoneOffset.UTC);
    }

    @Override
    public void close() {
        directs.forEach(one -> one.pool().closeAndAwait());
        stock.close();
    }
}
