package dev.larder.history;

import dev.larder.testing.Signals;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;

/** Changes a pool again and again, as an operator does: versions that are good and broken, invalidations, rollbacks. */
final class RolloutChanges implements AutoCloseable {

    private static final int INSTANCES = 4;
    private static final int SURGE = 1;
    private static final String CANARY = ", canary: {instances: 1}";
    private static final Duration LOOK = Duration.ofMillis(20);
    private static final Duration STUCK_AFTER = Duration.ofMinutes(2);

    private static final String GOOD = """
              start.sh: |
                #!/bin/sh
                sleep 0.1
                printf '{"workspace":"%s"}' "$LARDER_WORKSPACE_ID" > "$LARDER_OUTPUTS"
            """;
    private static final String BROKEN = """
              start.sh: |
                #!/bin/sh
                echo broken >&2
                exit 1
            """;

    private final Pool pool;
    private final RecordingClient client;
    private final Random random;

    RolloutChanges(Pool pool, RecordingClient client, Random random) {
        this.pool = pool;
        this.client = client;
        this.random = random;
    }

    private enum Kind {
        REPLACED(5),
        TRIED(4),
        TAKEN_BACK(2),
        INVALIDATED(3),
        INVALIDATED_AT_ONCE(1),
        /** Held when it has failed often enough, and rolled back then or before. */
        BROKEN(2),
        BROKEN_AND_TRIED(2),
        /** Rolled back by its own {@code onFailure}. */
        BROKEN_AND_TAKEN_BACK(1);

        private final int weight;

        Kind(int weight) {
            this.weight = weight;
        }

        static Kind any(Random random) {
            int left = random.nextInt(20);
            for (Kind kind : values()) {
                left -= kind.weight;
                if (left < 0) {
                    return kind;
                }
            }
            throw new IllegalStateException("weights do not add up");
        }
    }

    /** The declaration of the first version. */
    String first() {
        return version("0", "", GOOD);
    }

    private static String version(String name, String rollout, String script) {
        return """
                backend: exec
                presets:
                  - name: one
                    prebuilds:
                      instances: %d
                      rollout: {maxSurge: %d%s}
                files:
                  version.txt: '%s'
                """.formatted(INSTANCES, SURGE, rollout, name) + script;
    }

    /** One change. Some come while the rollout of the change before is under way. */
    void change(int number) {
        Kind kind = Kind.any(random);
        boolean waits = random.nextInt(4) > 0;
        Duration patience = Duration.ofMillis(random.nextInt(4_000));
        String name = String.valueOf(number);
        switch (kind) {
            case REPLACED -> declare(version(name, "", GOOD));
            case TRIED -> declare(version(name, CANARY, GOOD));
            case TAKEN_BACK -> {
                declare(version(name, "", GOOD));
                rollBack();
            }
            case INVALIDATED -> insist(new Request.Invalidate(active(), false));
            case INVALIDATED_AT_ONCE -> insist(new Request.Invalidate(active(), true));
            case BROKEN -> {
                declare(version(name, "", BROKEN));
                awaitHeld(patience);
                rollBack();
            }
            case BROKEN_AND_TRIED -> {
                declare(version(name, CANARY, BROKEN));
                awaitHeld(STUCK_AFTER);
                rollBack();
            }
            case BROKEN_AND_TAKEN_BACK -> {
                declare(version(name, CANARY + ", onFailure: rollback", BROKEN));
                awaitEnded();
            }
        }
        if (waits) {
            awaitEnded();
        }
    }

    private void declare(String version) {
        insist(new Request.Declare(version));
    }

    /** The newest promotion, whose rollout may have ended before. */
    private void rollBack() {
        insist(new Request.RollBack(newest()));
    }

    /** Asks until it is told. */
    private void insist(Request request) {
        while (true) {
            Optional<Operation> operation = client.call(Members.OWNER, request);
            if (operation.isPresent() && !(operation.get().response() instanceof Response.Unknown)) {
                return;
            }
            Signals.pause(LOOK);
        }
    }

    private UUID active() {
        return row("SELECT p.id FROM templates t JOIN presets p ON p.version_id = t.active_version_id")
                .orElseThrow()
                .getUUID("id");
    }

    private Optional<UUID> open() {
        return row("SELECT id FROM rollouts WHERE ended_at IS NULL").map(row -> row.getUUID("id"));
    }

    private UUID newest() {
        return row("SELECT id FROM rollouts WHERE cause = 'promotion' ORDER BY created_at DESC LIMIT 1")
                .orElseThrow()
                .getUUID("id");
    }

    private void awaitHeld(Duration atMost) {
        long until = System.nanoTime() + atMost.toNanos();
        while (row("SELECT id FROM rollouts WHERE ended_at IS NULL AND state <> 'held'")
                        .isPresent()
                && System.nanoTime() < until) {
            Signals.pause(LOOK);
        }
    }

    /** Returns as well when a rollout does not end: it is judged as it is. */
    void awaitEnded() {
        long until = System.nanoTime() + STUCK_AFTER.toNanos();
        while (open().isPresent() && System.nanoTime() < until) {
            Signals.pause(LOOK);
        }
    }

    private static final String UNSETTLED = """
            SELECT 1 WHERE EXISTS (SELECT FROM rollouts WHERE ended_at IS NULL)
                OR EXISTS (SELECT FROM workspaces w JOIN templates t ON t.id = w.template_id
                            WHERE w.prebuild AND w.deleted_at IS NULL AND w.version_id <> t.active_version_id
                              AND w.build_status IN ('pending', 'canceling', 'succeeded'))
                OR %d <> (SELECT count(*) FROM workspaces w
                           WHERE w.prebuild AND w.deleted_at IS NULL AND w.transition = 'start'
                             AND w.build_status = 'succeeded' AND w.ready_at IS NOT NULL)""".formatted(INSTANCES);

    /** Whether all rollouts have ended, nothing is left of former versions and the pool is full. */
    boolean settled() {
        return row(UNSETTLED).isEmpty();
    }

    private Optional<Row> row(String sql) {
        for (Row row : pool.query(sql).executeAndAwait()) {
            return Optional.of(row);
        }
        return Optional.empty();
    }

    @Override
    public void close() {
        client.close();
    }
}
