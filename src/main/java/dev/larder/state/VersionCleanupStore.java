package dev.larder.state;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupType;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Removes versions of states after their retention (decision 0036): intermediate ones soon; final ones, restored and
 * acknowledged ones later, and the newest of them never. The current and the reliable version stay, and those that an
 * open mutation began with or wrote.
 */
@Singleton
class VersionCleanupStore implements CleanupType {

    private static final String INTERMEDIATE = "larder.cleanup.state-versions.keep-intermediate";

    private final Duration keepIntermediate;

    VersionCleanupStore(@ConfigProperty(name = INTERMEDIATE, defaultValue = "24h") Duration keepIntermediate) {
        this.keepIntermediate = keepIntermediate;
    }

    @Override
    public String name() {
        return "state_versions";
    }

    @Override
    public Retention retention() {
        return Retention.of(Duration.ofDays(30), Duration.ofHours(1), 10);
    }

    @Override
    public Set<String> furtherSettings() {
        return Set.of(INTERMEDIATE);
    }

    @Override
    public List<String> tables() {
        return List.of("state_versions");
    }

    private static final String IS_OLD = """
            CASE WHEN t.kind = 'intermediate' THEN t.created_at < :intermediate_before::timestamptz
                            ELSE t.created_at < :before::timestamptz
                                 AND {enough} END""".replace(
                    "{enough}",
                    CleanupRows.enoughNewer(
                            "state_versions",
                            "n.state_id = t.state_id AND n.version > t.version AND n.kind <> 'intermediate'"));

    private static final String IS_NEEDED = """
            EXISTS (SELECT FROM states s
                                     WHERE s.id = t.state_id AND t.version IN (s.current_version, s.reliable_version))
                           OR EXISTS (SELECT FROM state_mutations m
                                       WHERE m.state_id = t.state_id AND m.ended_at IS NULL
                                         AND (m.base_version = t.version OR m.id = t.mutation_id))""";

    // The state is locked, so that no mutation begins with a version that goes. A state that works is skipped.
    private static final Sql REMOVE = Sql.of(
            """
            WITH examined AS (
                SELECT t.state_id, t.version, ({old}) AND NOT ({needed}) AS removable
                  FROM state_versions t
                 WHERE (t.state_id, t.version) > (:state::uuid, :version::bigint)
                 ORDER BY t.state_id, t.version LIMIT :rows::integer),
            locked AS (
                SELECT s.id, s.current_version, s.reliable_version FROM states s
                 WHERE s.id = ANY (ARRAY(SELECT state_id FROM examined WHERE removable)) FOR NO KEY UPDATE SKIP LOCKED),
            deleted AS (
                DELETE FROM state_versions v USING examined e, locked l
                 WHERE e.removable AND l.id = e.state_id AND v.state_id = e.state_id AND v.version = e.version
                   AND v.version NOT IN (l.current_version, l.reliable_version)
                RETURNING coalesce(octet_length(v.body), 0) AS bytes)
            SELECT (SELECT count(*) FROM examined) AS examined,
                   (SELECT state_id || ' ' || version FROM examined ORDER BY state_id DESC, version DESC LIMIT 1) AS position,
                   count(*) AS deleted, coalesce(sum(bytes), 0)::bigint AS bytes
              FROM deleted""".replace("{old}", IS_OLD).replace("{needed}", IS_NEEDED),
            "state",
            "version",
            "intermediate_before",
            "before",
            "keep",
            "rows");

    @Override
    public Uni<Batch> batch(SqlClient transaction, Slice slice) {
        String position = slice.position();
        String[] after = position == null ? new String[] {new UUID(0, 0).toString(), "0"} : position.split(" ");
        return REMOVE.on(
                        transaction,
                        UUID.fromString(after[0]),
                        Long.valueOf(after[1]),
                        Rows.utc(slice.now().minus(keepIntermediate)),
                        Rows.utc(slice.before()),
                        slice.keepNewest(),
                        slice.rows())
                .map(rows -> Batch.of(rows, slice));
    }

    private static final Sql OLDEST = Sql.of(
            "SELECT created_at AS at FROM state_versions WHERE kind = 'intermediate' ORDER BY created_at LIMIT 1");

    /** Of the intermediate ones. */
    @Override
    public Uni<Optional<Instant>> oldest(SqlClient client) {
        return OLDEST.on(client).map(rows -> Rows.first(rows, row -> Rows.instant(row, "at")));
    }
}
