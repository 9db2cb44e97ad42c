package dev.larder.reconcile;

import dev.larder.database.Direct;
import dev.larder.database.Migrator;
import dev.larder.database.ReconcilerLock;
import dev.larder.lifecycle.RolloutControl;
import dev.larder.lifecycle.RolloutStore;
import dev.larder.model.Ids;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.EmbeddedPostgres;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * What a full cycle costs that finds every pool satisfied: 5,000 active presets with two ready prebuilds each.
 * Statements are counted by {@code pg_stat_statements}, written rows by {@code pg_stat_database}, written WAL by
 * both.
 */
public final class IdleCycle {

    private static final int PRESETS = 5_000;
    private static final int PREBUILDS = 2;
    private static final int WARM_UP = 15;
    private static final int ROUNDS = 15;
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final Vertx vertx = Vertx.vertx();
    private final InstantSource clock = InstantSource.system();
    private final PgConnectOptions options;

    private IdleCycle(PgConnectOptions options) {
        this.options = options;
    }

    public static void main() throws IOException {
        Path folder = Files.createDirectories(Path.of("target", "bench"))
                .resolve("idle-cycle-" + ProcessHandle.current().pid());
        try (EmbeddedPostgres first = EmbeddedPostgres.throwaway(folder)) {
            // Without the housekeeper, whose statistics would count as written rows.
            new IdleCycle(first.options("postgres"))
                    .onAdmin(
                            "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'",
                            "ALTER SYSTEM SET autovacuum = off");
        }
        try (EmbeddedPostgres server = EmbeddedPostgres.throwaway(folder)) {
            new IdleCycle(server.options("postgres")).onAdmin("CREATE DATABASE bench");
            new IdleCycle(server.options("bench")).measure();
            server.close();
            delete(server.folder());
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> below = Files.walk(folder)) {
            for (Path path : below.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private static <T> T await(Uni<T> uni) {
        return uni.await().atMost(PATIENCE);
    }

    private Pool pool(int size) {
        return PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(size))
                .connectingTo(options)
                .using(vertx)
                .build();
    }

    private void onAdmin(String... statements) {
        Pool admin = pool(1);
        for (String statement : statements) {
            admin.query(statement).executeAndAwait();
        }
        admin.closeAndAwait();
        vertx.closeAndAwait();
    }

    private void measure() {
        Pool watch = pool(1);
        await(new Migrator(watch, clock).migrate());
        for (String statement : FILL) {
            watch.query(statement.formatted(PRESETS, PREBUILDS)).executeAndAwait();
        }
        watch.query("CREATE EXTENSION pg_stat_statements").executeAndAwait();
        watch.query("VACUUM ANALYZE").executeAndAwait();

        Pool pool = pool(16);
        Direct direct = new Direct(vertx, options);
        Reconciler reconciler = reconciler(direct, pool);
        Cycle.Report report = await(reconciler.run(true)).orElseThrow();
        if (report.planned().size() != PRESETS || !report.actions().isEmpty()) {
            throw new IllegalStateException("not idle: " + report.planned().size() + " " + report.actions());
        }
        times(WARM_UP, () -> reconciler.run(true));
        long writtenBefore = settledWrites(watch);
        watch.query("SELECT pg_stat_statements_reset()").executeAndAwait();
        double[] cycle = times(ROUNDS, () -> reconciler.run(true));
        Row statements = watch.query(STATEMENTS).executeAndAwait().iterator().next();

        Pool raw = pool(1);
        UUID[] ids = report.planned().stream().map(one -> one.preset().id()).toArray(UUID[]::new);
        times(WARM_UP, () -> raw(raw, ids));
        double[] same = times(ROUNDS, () -> raw(raw, ids));
        raw.closeAndAwait();
        pool.closeAndAwait();
        direct.pool().closeAndAwait();
        long written = settledWrites(watch) - writtenBefore;

        System.out.printf("idle full cycle over %,d presets, %,d ready prebuilds%n", PRESETS, PRESETS * PREBUILDS);
        System.out.printf(
                "  statements per cycle   %.1f (%s in all over %d cycles; BEGIN, SET and COMMIT included)%n",
                statements.getLong("calls") / (double) ROUNDS, statements.getLong("calls"), ROUNDS);
        System.out.printf("  rows written           %d (WAL records %d)%n", written, statements.getLong("wal"));
        System.out.printf("  time per cycle         %s%n", spread(cycle));
        System.out.printf("  the same SQL, raw      %s%n", spread(same));
        System.out.printf("  ratio of the medians   %.2f%n", median(cycle) / median(same));
        watch.closeAndAwait();
        vertx.closeAndAwait();
    }

    private static final String STATEMENTS = """
            SELECT sum(calls)::bigint AS calls, sum(wal_records)::bigint AS wal
              FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid
             WHERE d.datname = current_database() AND query NOT LIKE '%pg_stat%'""";

    /** Backends tell what they wrote when they end or rest; asked until everyone but the asker rests or is gone. */
    private static long settledWrites(Pool watch) {
        watch.query("SELECT pg_stat_force_next_flush()").executeAndAwait();
        watch.query("SELECT pg_sleep(11)").executeAndAwait();
        return watch.query("SELECT tup_inserted + tup_updated + tup_deleted AS n FROM pg_stat_database"
                        + " WHERE datname = current_database()")
                .executeAndAwait()
                .iterator()
                .next()
                .getLong("n");
    }

    @CanIgnoreReturnValue
    private static double[] times(int rounds, Supplier<Uni<?>> work) {
        double[] millis = new double[rounds];
        for (int round = 0; round < rounds; round++) {
            long begun = System.nanoTime();
            var done = await(work.get());
            millis[round] = (System.nanoTime() - begun) / 1e6;
        }
        Arrays.sort(millis);
        return millis;
    }

    private static double median(double[] sorted) {
        return sorted[sorted.length / 2];
    }

    private static String spread(double[] sorted) {
        return "median %.1f ms, from %.1f to %.1f ms over %d rounds"
                .formatted(median(sorted), sorted[0], sorted[sorted.length - 1], sorted.length);
    }

    private Reconciler reconciler(Direct direct, Pool pool) {
        return new Reconciler(
                new ReconcilerLock(direct, vertx),
                new SnapshotStore(pool),
                new PoolStore(pool, new Ids(clock)),
                new AlertStore(pool, new Ids(clock)),
                new RolloutSteps(new RolloutStore(pool, new Ids(clock)), new RolloutControl(pool, new Ids(clock))),
                new WakeUps(),
                vertx,
                clock,
                new Crank.Paces(Duration.ofHours(1), PATIENCE, 4),
                new Deaf(),
                new Deaf());
    }

    /** The statements of a cycle in their order, without anything made of their rows. */
    private Uni<?> raw(Pool pool, UUID[] ids) {
        return pool.withTransaction(connection -> connection
                .query(ReconcilerLock.tryFor(PATIENCE))
                .execute()
                .chain(() -> prepared(connection, PoolStore.DIRTY.text(), Tuple.of(1_000)))
                .chain(() -> prepared(connection, SnapshotStore.LIVE_OR_ACTIVE.text(), Tuple.tuple()))
                .chain(() -> prepared(connection, SnapshotStore.PREBUILDS.text(), Tuple.of(ids)))
                .chain(() -> prepared(
                        connection,
                        FailureReads.FAILURES.text(),
                        Tuple.of(ids, Instant.EPOCH.atOffset(ZoneOffset.UTC), 3)))
                .chain(() -> prepared(
                        connection,
                        SnapshotStore.PRESETS.text(),
                        Tuple.of(ids, clock.instant().atOffset(ZoneOffset.UTC)))));
    }

    private static Uni<?> prepared(SqlConnection connection, String sql, Tuple values) {
        return connection.preparedQuery(sql).execute(values);
    }

    private static final class Deaf implements CycleObserver, PoolObserver {

        @Override
        public void ended(Outcome outcome, Duration took) {}

        @Override
        public void acted(String action, int count) {}

        @Override
        public void observedAll(List<Reading> readings) {}

        @Override
        public void observedSome(List<Reading> readings) {}

        @Override
        public void observedNothing() {}
    }

    // %1 is the number of presets, %2 of prebuilds each; ten presets make a template.
    private static final List<String> FILL = List.of(
            "INSERT INTO organizations (id, name, created_at) VALUES (md5('o')::uuid, 'acme', now())",
            """
            INSERT INTO templates (id, organization_id, name, created_at)
            SELECT md5('t' || i)::uuid, md5('o')::uuid, 'template-' || i, now()
              FROM generate_series(0, (%1$d - 1) / 10) i""",
            """
            INSERT INTO template_versions (id, template_id, organization_id, number, backend, files, content_hash,
                                           created_by, created_at)
            SELECT md5('v' || i)::uuid, md5('t' || i)::uuid, md5('o')::uuid, 1, 'exec', '{}', sha256('x'), u.id, now()
              FROM generate_series(0, (%1$d - 1) / 10) i, users u WHERE u.role = 'system'""",
            """
            UPDATE templates t SET active_version_id = v.id FROM template_versions v WHERE v.template_id = t.id""",
            """
            INSERT INTO presets (id, version_id, template_id, organization_id, ordinal, name, instances, attempts)
            SELECT md5('p' || i)::uuid, md5('v' || i / 10)::uuid, md5('t' || i / 10)::uuid, md5('o')::uuid, i %% 10,
                   'preset-' || i %% 10, %2$d, 1
              FROM generate_series(0, %1$d - 1) i""",
            """
            INSERT INTO attempts (preset_id, number, size, created_at) SELECT id, 1, %2$d, now() FROM presets""",
            """
            BEGIN;
            INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name,
                                    created_at, ready_at, build_id, build_number, transition, build_status,
                                    build_finished_at)
            SELECT md5(p.id || 'w' || n)::uuid, p.organization_id, u.id, true, p.template_id, p.version_id, p.id,
                   left('prebuild-' || md5(p.id || 'w' || n), 40), now(), now(), md5(p.id || 'b' || n)::uuid, 1, 'start',
                   'succeeded', now()
              FROM presets p, generate_series(1, %2$d) n, users u WHERE u.role = 'system';
            INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id, attempt,
                                created_at)
            SELECT w.build_id, w.id, 1, 'start', w.owner_id, 'prebuild', w.version_id, w.preset_id, 1, now()
              FROM workspaces w;
            COMMIT""",
            """
            INSERT INTO workers (id, name, backends, slots, created_at, last_seen_at)
            VALUES (md5('k')::uuid, 'bench', '{exec}', 1, now(), now())""",
            """
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds, attempt, started_at, deadline_at, worker_id, completed_at)
            SELECT md5(w.id || 'j')::uuid, w.build_id, w.id, w.organization_id, 'exec', 1, now(), now(), 600, 1, now(),
                   now(), md5('k')::uuid, now()
              FROM workspaces w""");
}
