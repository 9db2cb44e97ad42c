package dev.larder.inventory;

import dev.larder.database.Rows;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/** What exists where workspaces are made, as people look at it (decision 0016). */
@ApplicationScoped
public class InventoryReads {

    private final Pool pool;
    private final int graceSeconds;

    /** @param grace as in {@link InventoryStore} */
    public InventoryReads(
            Pool pool, @ConfigProperty(name = "larder.inventory.grace", defaultValue = "5m") Duration grace) {
        this.pool = pool;
        this.graceSeconds = Rows.wholeSeconds(grace);
    }

    /**
     * How what exists stands to the workspaces; the words are those of the database and the API.
     *
     * <ul>
     *   <li>owned: its workspace lives
     *   <li>settling: its workspace is being deleted, or was so recently that the latest listing may have begun before
     *   <li>leaked: its workspace is deleted, and a listing that began well after that has seen it
     *   <li>unknown: no workspace of this deployment; another's perhaps
     *   <li>missing: its workspace lives and is not being deleted, and it is gone
     * </ul>
     *
     * A version's template is owned while the version is served or a first build of one of its workspaces is not done,
     * settling while the version is new, and leaked after that.
     */
    public static final List<String> STATES = List.of("owned", "settling", "leaked", "unknown", "missing");

    // A thing is i, its workspace w or nothing; %1$s are the seconds of grace.
    // Two instants of servers are compared, never one of a worker's.
    static final String STATE = """
            CASE WHEN w.id IS NULL THEN coalesce((
                      SELECT CASE WHEN t.active_version_id = v.id AND t.deleted_at IS NULL AND t.deprecated_reason IS NULL
                                  THEN 'owned'
                                  WHEN EXISTS (SELECT FROM workspaces n
                                                WHERE n.organization_id = v.organization_id AND n.deleted_at IS NULL
                                                  AND n.version_id = v.id AND n.build_number = 1
                                                  AND n.build_status NOT IN ('succeeded', 'canceled', 'failed'))
                                  THEN 'owned'
                                  WHEN v.created_at + make_interval(secs => %1$s) >= i.last_seen_at THEN 'settling'
                                  ELSE 'leaked' END
                        FROM template_versions v JOIN templates t ON t.id = v.template_id
                       WHERE v.id = i.workspace_id), 'unknown')
                 WHEN w.deleted_at + make_interval(secs => %1$s) < i.last_seen_at THEN 'leaked'
                 WHEN w.deleted_at IS NOT NULL OR w.transition = 'delete' THEN 'settling'
                 WHEN i.gone_at IS NOT NULL AND w.missing_since IS NOT NULL THEN 'missing'
                 ELSE 'owned' END""";

    private static final String LIST = """
            SELECT *
              FROM (SELECT i.*, v.id AS version_id, l.backend, l.location, o.name AS organization, u.name AS requested_by,
                           %s AS state
                      FROM inventory i
                      JOIN inventory_locations l ON l.id = i.location_id
                      LEFT JOIN workspaces w ON w.id = i.workspace_id
                      LEFT JOIN template_versions v ON v.id = i.workspace_id
                      LEFT JOIN organizations o ON o.id = coalesce(w.organization_id, v.organization_id)
                      LEFT JOIN users u ON u.id = i.removal_requested_by
                     WHERE ($1::uuid IS NULL
                            OR (coalesce(w.organization_id, v.organization_id) = $1::uuid AND coalesce(l.organization_id, $1::uuid) = $1::uuid))
                       AND ($2::uuid IS NULL OR i.id > $2)) i
             WHERE $3::text IS NULL OR state = $3
             ORDER BY id LIMIT $4""".formatted(STATE.formatted("$5::integer"));

    /**
     * Things by id.
     *
     * @param organization only what is of its workspaces and what its own workers or those of all say, where named
     * @param state only those in it, where named
     */
    public Uni<List<Found>> list(Optional<UUID> organization, Optional<UUID> after, Optional<String> state, int limit) {
        return pool.preparedQuery(LIST)
                .execute(Tuple.of(
                        organization.orElse(null), after.orElse(null), state.orElse(null), limit, graceSeconds))
                .map(rows -> Rows.list(rows, InventoryReads::found));
    }

    /**
     * What exists of a workspace or of a version's template in one place, or existed.
     *
     * @param workspaceId null for a template
     * @param versionId whose template it is; null for a workspace
     * @param organization the workspace's or version's; null where that is unknown
     * @param location which place, as its workers call it
     * @param whole false where only a trace of it is there
     * @param madeAt by the clock of the place; null where that is not known
     * @param lastSeenAt when the latest listing that names it began
     * @param goneAt when it was found to be gone; null where it is there
     * @param removalTries how often a worker was told to remove it
     */
    public record Found(
            UUID id,
            String state,
            String backend,
            String location,
            String name,
            @Nullable UUID workspaceId,
            @Nullable UUID versionId,
            @Nullable String organization,
            boolean whole,
            @Nullable Instant madeAt,
            Instant firstSeenAt,
            Instant lastSeenAt,
            @Nullable Instant goneAt,
            @Nullable Instant removalRequestedAt,
            @Nullable String removalRequestedBy,
            int removalTries) {}

    private static Found found(Row row) {
        UUID version = row.getUUID("version_id");
        return new Found(
                row.getUUID("id"),
                row.getString("state"),
                row.getString("backend"),
                row.getString("location"),
                row.getString("name"),
                version == null ? row.getUUID("workspace_id") : null,
                version,
                row.getString("organization"),
                Boolean.TRUE.equals(row.getBoolean("whole")),
                Rows.instantOrNull(row, "made_at"),
                Rows.instant(row, "first_seen_at"),
                Rows.instant(row, "last_seen_at"),
                Rows.instantOrNull(row, "gone_at"),
                Rows.instantOrNull(row, "removal_requested_at"),
                row.getString("requested_by"),
                row.getInteger("removal_tries"));
    }

    private static final String LOCATIONS = """
            SELECT l.id, l.backend, l.location, o.name AS organization, l.worker_id, k.name AS worker, l.heard_at, l.listed_at,
                   l.suspicious_since, l.lost, l.accepted_at,
                   (SELECT count(*) FROM inventory i WHERE i.location_id = l.id AND i.gone_at IS NULL) AS things
              FROM inventory_locations l
              JOIN workers k ON k.id = l.worker_id
              LEFT JOIN organizations o ON o.id = l.organization_id
             WHERE ($1::uuid IS NULL OR l.organization_id = $1) AND ($2::uuid IS NULL OR l.id > $2)
             ORDER BY l.id LIMIT $3""";

    /** @param organization only those of its own workers, where named */
    public Uni<List<Location>> locations(Optional<UUID> organization, Optional<UUID> after, int limit) {
        return pool.preparedQuery(LOCATIONS)
                .execute(Tuple.of(organization.orElse(null), after.orElse(null), limit))
                .map(rows -> Rows.list(rows, InventoryReads::location));
    }

    /**
     * A place where workspaces are made.
     *
     * @param organization whose worker looks there; null for one that works for all
     * @param workerId who listed it last
     * @param listedAt when the latest complete listing began; null before the first
     * @param lost how many workspaces that one missed for the first time; all that it missed where it is suspicious
     * @param suspiciousSince since when listings miss so many that nothing is concluded from them
     * @param acceptedAt when somebody said that they are lost indeed; null once that was heeded
     */
    public record Location(
            UUID id,
            String backend,
            String location,
            @Nullable String organization,
            UUID workerId,
            String worker,
            Instant heardAt,
            @Nullable Instant listedAt,
            long things,
            int lost,
            @Nullable Instant suspiciousSince,
            @Nullable Instant acceptedAt) {}

    private static Location location(Row row) {
        return new Location(
                row.getUUID("id"),
                row.getString("backend"),
                row.getString("location"),
                row.getString("organization"),
                row.getUUID("worker_id"),
                row.getString("worker"),
                Rows.instant(row, "heard_at"),
                Rows.instantOrNull(row, "listed_at"),
                row.getLong("things"),
                row.getInteger("lost"),
                Rows.instantOrNull(row, "suspicious_since"),
                Rows.instantOrNull(row, "accepted_at"));
    }

    private static final String COUNTS = """
            SELECT backend, CASE WHEN state = 'missing' AND prebuild THEN 'settling' ELSE state END AS state, count(*) AS things
              FROM (SELECT l.backend, w.prebuild, %s AS state
                    FROM inventory i
                    JOIN inventory_locations l ON l.id = i.location_id
                    LEFT JOIN workspaces w ON w.id = i.workspace_id
                   WHERE w.id IS NULL OR l.organization_id IS NULL OR l.organization_id = w.organization_id) i
             GROUP BY 1, 2
             UNION ALL
            SELECT backend, 'suspicious', count(*) FROM inventory_locations WHERE suspicious_since IS NOT NULL GROUP BY backend
            """.formatted(STATE.formatted("$1::integer"));

    /**
     * How many things are in which state, without what one organization's workers say of another's; a prebuild that is missing
     * is to be deleted and so counts as settling, since nobody need act; and how many places, under the word {@code suspicious}.
     */
    public Uni<List<Count>> counts() {
        return pool.preparedQuery(COUNTS)
                .execute(Tuple.of(graceSeconds))
                .map(rows -> Rows.list(rows, InventoryReads::count));
    }

    /** @param state one of {@link #STATES}, or {@code suspicious} */
    public record Count(String backend, String state, long things) {}

    private static Count count(Row row) {
        return new Count(row.getString("backend"), row.getString("state"), row.getLong("things"));
    }
}
