package dev.larder.lifecycle;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupType;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Asks for the deletion of failed prebuilds after their retention, as a person does with {@code DELETE
 * /workspaces/{id}}: a delete build destroys what was built. Off by default, because they are evidence (decision 0006).
 *
 * <p>What still decides stays. Of each of the newest failed attempts of a preset that may have stock, the newest failed
 * prebuild is kept whatever its age. {@code keep-newest} says of how many attempts; they are never fewer than the hard
 * limit counts. A recent failure delays the next creation, so no prebuild goes before its failure is forgotten.
 */
@Singleton
class EvidenceCleanupStore implements CleanupType {

    private static final String FAILED = """
            w.prebuild AND w.deleted_at IS NULL AND w.transition = 'start' AND w.build_status = 'failed'
                       AND w.deletion_wanted_at IS NULL AND w.quarantined_at IS NULL""";

    // Only the failed prebuilds of the presets at hand are ranked. There are few: the hard limit stops further ones.
    private static final String REMOVE = """
            WITH place AS (
                SELECT coalesce(split_part(:position::text, ' ', 1)::uuid, '00000000-0000-0000-0000-000000000000') AS preset,
                       coalesce(split_part(:position, ' ', 2)::uuid, '00000000-0000-0000-0000-000000000000') AS id),
            examined AS (
                SELECT w.id, w.preset_id, w.build_finished_at
                  FROM workspaces w
                 WHERE {failed} AND (w.preset_id, w.id) > ((SELECT preset FROM place), (SELECT id FROM place))
                   AND {trusted}
                 ORDER BY w.preset_id, w.id LIMIT :rows::integer),
            newest AS (
                SELECT DISTINCT ON (w.preset_id, b.attempt) w.id, w.preset_id, b.attempt
                  FROM workspaces w
                  JOIN builds b ON b.workspace_id = w.id AND b.number = 1
                  JOIN presets p ON p.id = w.preset_id
                  JOIN templates t ON t.id = p.template_id AND {stocked}
                 WHERE w.preset_id = ANY (ARRAY(SELECT preset_id FROM examined)) AND {failed}
                 ORDER BY w.preset_id, b.attempt, w.build_finished_at DESC, w.id DESC),
            kept AS (
                SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY preset_id ORDER BY attempt DESC) AS nth
                                  FROM newest) n
                 WHERE nth <= :keep::integer),
            locked AS (
                SELECT w.id FROM workspaces w
                 WHERE w.id = ANY (ARRAY(SELECT id FROM examined
                                          WHERE build_finished_at < :before::timestamptz
                                            AND id NOT IN (SELECT id FROM kept)))
                   AND {failed}
                   FOR NO KEY UPDATE SKIP LOCKED),
            deleted AS (
                UPDATE workspaces w SET deletion_wanted_at = :now::timestamptz, dirty = false
                 WHERE w.id = ANY (ARRAY(SELECT id FROM locked))
                RETURNING 0 AS bytes)
            """.replace("{failed}", FAILED)
                    .replace("{trusted}", Rules.TRUSTED)
                    .replace("{stocked}", Rules.stocked("p", "t"))
            + CleanupRows.COUNTED.replace("{position}", """
            (SELECT preset_id || ' ' || id FROM examined ORDER BY preset_id DESC, id DESC LIMIT 1)""");

    private final CleanupRows rows;
    private final int hardLimit;

    EvidenceCleanupStore(
            @ConfigProperty(name = "larder.reconcile.failure-lookback", defaultValue = "1h") Duration lookback,
            @ConfigProperty(name = "larder.reconcile.hard-limit", defaultValue = "3") int hardLimit) {
        this.hardLimit = hardLimit;
        rows = CleanupRows.by(
                "failed_prebuilds",
                new Retention(Duration.ZERO, Duration.ofHours(24), lookback, 3),
                // Their rows are those of workspaces, which another type removes.
                List.of(),
                REMOVE,
                """
                SELECT min(build_finished_at) AS at
                  FROM (SELECT w.build_finished_at FROM workspaces w WHERE %s LIMIT 1000) w
                HAVING min(build_finished_at) IS NOT NULL""".formatted(FAILED));
    }

    @Override
    public String name() {
        return rows.name();
    }

    @Override
    public Retention retention() {
        return rows.retention();
    }

    @Override
    public List<String> tables() {
        return rows.tables();
    }

    @Override
    public Uni<Batch> batch(SqlClient transaction, Slice slice) {
        int keep = Math.max(slice.keepNewest(), hardLimit);
        return rows.batch(transaction, new Slice(slice.now(), slice.before(), keep, slice.position(), slice.rows()));
    }

    @Override
    public Uni<Optional<Instant>> oldest(SqlClient client) {
        return rows.oldest(client);
    }
}
