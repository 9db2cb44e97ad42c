package dev.larder.inventory;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import dev.larder.model.StateStatus;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** Reads what exists where workspaces are built, and how it relates to the workspaces (decision 0016). */
@ApplicationScoped
public class InventoryReads {

    private final Pool pool;
    private final int graceSeconds;

    /** @param grace as in {@link MissingStore} */
    public InventoryReads(
            Pool pool, @ConfigProperty(name = "larder.inventory.grace", defaultValue = "5m") Duration grace) {
        this.pool = pool;
        this.graceSeconds = Rows.wholeSeconds(grace);
    }

    /**
     * The states of a thing; the words are those of the database and the API.
     *
     * <ul>
     *   <li>owned: its workspace lives
     *   <li>settling: its workspace is being deleted, or was so recently that the latest listing may have
     *       begun before
     *   <li>leaked: its workspace is deleted, and a listing that began well after that has seen it
     *   <li>unknown: no workspace of this deployment; perhaps of another deployment
     *   <li>missing: its workspace lives and is not being deleted, and it is gone
     * </ul>
     *
     * A version's template is owned while the version is active, while a rollout has not yet replaced its stock, and
     * while a first build of one of its workspaces has not ended. It is settling while the version is new, and leaked
     * after that.
     */
    public static final List<String> STATES = List.of("owned", "settling", "leaked", "unknown", "missing");

    /**
     * The state of the thing {@code i} with the workspace {@code w}, if it has one. Parameter {@code :grace},
     * in seconds. Only instants of servers are compared, never an instant of a worker.
     */
    static final String STATE = """
            CASE WHEN w.id IS NULL THEN coalesce((
                      SELECT CASE WHEN (t.active_version_id = v.id
                                        OR EXISTS (SELECT FROM presets p WHERE p.version_id = v.id AND p.rollout_role = 'before'))
                                       AND %s
                                  THEN 'owned'
                                  WHEN EXISTS (SELECT FROM workspaces n
                                                WHERE n.organization_id = v.organization_id AND n.deleted_at IS NULL
                                                  AND n.version_id = v.id AND n.build_number = 1
                                                  AND n.build_status NOT IN ('succeeded', 'canceled', 'failed'))
                                  THEN 'owned'
                                  WHEN v.created_at + make_interval(secs => :grace::integer) >= i.last_seen_at THEN 'settling'
                                  ELSE 'leaked' END
                        FROM template_versions v JOIN templates t ON t.id = v.template_id
                       WHERE v.id = i.workspace_id), 'unknown')
                 WHEN w.deleted_at + make_interval(secs => :grace::integer) < i.last_seen_at THEN 'leaked'
                 WHEN w.deleted_at IS NOT NULL OR w.transition = 'delete' THEN 'settling'
                 WHEN i.gone_at IS NOT NULL AND w.missing_since IS NOT NULL THEN 'missing'
                 ELSE 'owned' END""".formatted(Rules.offered("t"));

    /**
     * A condition: the caller may see the thing, which is listed in the place {@code l}: it belongs to the
     * caller's organization, and so do the workers of the place, unless they work for all. Parameter
     * {@code :organization}.
     */
    static String visibleTo(String organization) {
        return Rules.visibleTo(organization) + " AND (l.organization_id IS NULL OR "
                + Rules.visibleTo("l.organization_id") + ")";
    }

    private static final Sql LIST = Sql.of(
            """
            SELECT *
              FROM (SELECT i.*, v.id AS version_id, l.backend, l.location, o.name AS organization, u.name AS requested_by,
                           w.state_status,
                           %s AS state
                      FROM inventory i
                      JOIN inventory_locations l ON l.id = i.location_id
                      LEFT JOIN workspaces w ON w.id = i.workspace_id
                      LEFT JOIN template_versions v ON v.id = i.workspace_id
                      LEFT JOIN organizations o ON o.id = coalesce(w.organization_id, v.organization_id)
                      LEFT JOIN users u ON u.id = i.removal_requested_by
                     WHERE %s AND %s) i
             WHERE :state::text IS NULL OR state = :state
             ORDER BY id DESC LIMIT :limit""".formatted(STATE, visibleTo("coalesce(w.organization_id, v.organization_id)"), Rules.before("i.id")),
            "organization",
            "before",
            "state",
            "limit",
            "grace");

    /**
     * Things in the order of their ids.
     *
     * @param organization where given, only things of its workspaces, as listed by its own workers or by
     *     those of all
     * @param state where given, only things in this state
     */
    public Uni<List<InventoryEntry>> list(
            Optional<UUID> organization, Optional<UUID> after, Optional<String> state, int limit) {
        return LIST.on(pool, organization.orElse(null), after.orElse(null), state.orElse(null), limit, graceSeconds)
                .map(rows -> Rows.list(rows, InventoryReads::thing));
    }

    /**
     * A thing that exists or existed in one place: a workspace, or the template of a version. The record is
     * the JSON.
     *
     * @param location the place, as its workers call it
     */
    public record InventoryEntry(
            UUID id,
            String state,
            String backend,
            String location,
            String name,
            @JsonUnwrapped Belonging belonging,
            @JsonUnwrapped Sightings sightings,
            @JsonUnwrapped Removal removal) {}

    /**
     * @param workspaceId null for a template
     * @param versionId the version whose template it is; null for a workspace
     * @param organization the workspace's or version's; null where that is unknown
     * @param workspaceState how far what is known of the workspace's infrastructure can be trusted; null where no
     *     build of it has ended
     */
    public record Belonging(
            @Nullable UUID workspaceId,
            @Nullable UUID versionId,
            @Nullable String organization,

            @Schema(implementation = StateStatus.class) @Nullable
            String workspaceState) {}

    /**
     * @param whole false where only a trace of it exists
     * @param madeAt by the clock of the place; null where that is not known
     * @param lastSeenAt when the latest listing that names it began
     * @param goneAt when it was found to be gone; null while it exists
     */
    public record Sightings(
            boolean whole,
            @Nullable Instant madeAt,
            Instant firstSeenAt,
            Instant lastSeenAt,
            @Nullable Instant goneAt) {}

    /** @param removalTries how often a worker was told to remove it */
    public record Removal(
            @Nullable Instant removalRequestedAt, @Nullable String removalRequestedBy, int removalTries) {}

    private static InventoryEntry thing(Row row) {
        UUID version = row.getUUID("version_id");
        return new InventoryEntry(
                row.getUUID("id"),
                row.getString("state"),
                row.getString("backend"),
                row.getString("location"),
                row.getString("name"),
                new Belonging(
                        version == null ? row.getUUID("workspace_id") : null,
                        version,
                        row.getString("organization"),
                        row.getString("state_status")),
                new Sightings(
                        Boolean.TRUE.equals(row.getBoolean("whole")),
                        Rows.instantOrNull(row, "made_at"),
                        Rows.instant(row, "first_seen_at"),
                        Rows.instant(row, "last_seen_at"),
                        Rows.instantOrNull(row, "gone_at")),
                new Removal(
                        Rows.instantOrNull(row, "removal_requested_at"),
                        row.getString("requested_by"),
                        row.getInteger("removal_tries")));
    }

    private static final Sql LOCATIONS = Sql.of(
            """
            SELECT l.id, l.backend, l.location, o.name AS organization, l.worker_id, k.name AS worker, l.heard_at, l.listed_at,
                   l.suspicious_since, l.lost, l.accepted_at,
                   (SELECT count(*) FROM inventory i WHERE i.location_id = l.id AND i.gone_at IS NULL) AS things
              FROM inventory_locations l
              JOIN workers k ON k.id = l.worker_id
              LEFT JOIN organizations o ON o.id = l.organization_id
             WHERE %s AND %s
             ORDER BY l.id DESC LIMIT :limit""".formatted(Rules.visibleTo("l.organization_id"), Rules.before("l.id")),
            "organization",
            "before",
            "limit");

    /** @param organization where given, only the places of its own workers */
    public Uni<List<Location>> locations(Optional<UUID> organization, Optional<UUID> after, int limit) {
        return LOCATIONS
                .on(pool, organization.orElse(null), after.orElse(null), limit)
                .map(rows -> Rows.list(rows, InventoryReads::location));
    }

    /**
     * A place where workspaces are built. The record is the JSON.
     *
     * @param organization of the workers that list it; null for workers of all organizations
     */
    public record Location(
            UUID id,
            String backend,
            String location,
            @Nullable String organization,
            @JsonUnwrapped Lister lister,
            @JsonUnwrapped LatestListing latest) {}

    /** @param workerId the worker that listed it last */
    public record Lister(UUID workerId, String worker, Instant heardAt) {}

    /**
     * @param listedAt when the latest complete listing began; null before the first
     * @param lost how many workspaces that listing missed for the first time; all that it missed where it is
     *     suspicious
     * @param suspiciousSince since when the listings miss so many things that nothing is concluded from them
     * @param acceptedAt when an owner said that they are lost indeed; null once a listing has followed that
     */
    public record LatestListing(
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
                new Lister(row.getUUID("worker_id"), row.getString("worker"), Rows.instant(row, "heard_at")),
                new LatestListing(
                        Rows.instantOrNull(row, "listed_at"),
                        row.getLong("things"),
                        row.getInteger("lost"),
                        Rows.instantOrNull(row, "suspicious_since"),
                        Rows.instantOrNull(row, "accepted_at")));
    }

    private static final Sql COUNTS = Sql.of("""
            SELECT backend, CASE WHEN state = 'missing' AND prebuild THEN 'settling' ELSE state END AS state, count(*) AS things
              FROM (SELECT l.backend, w.prebuild, %s AS state
                    FROM inventory i
                    JOIN inventory_locations l ON l.id = i.location_id
                    LEFT JOIN workspaces w ON w.id = i.workspace_id
                   WHERE w.id IS NULL OR %s) i
             GROUP BY 1, 2
             UNION ALL
            SELECT backend, 'suspicious', count(*) FROM inventory_locations WHERE suspicious_since IS NOT NULL GROUP BY backend
            """.formatted(STATE, Rules.serves("l", "w.organization_id")), "grace");

    /**
     * How many things are in which state, and how many places are suspicious. What one organization's workers
     * say of another organization's workspaces does not count. A missing prebuild counts as settling: the
     * reconciler deletes it, and no operator need act.
     */
    public Uni<List<Count>> counts() {
        return COUNTS.on(pool, graceSeconds).map(rows -> Rows.list(rows, InventoryReads::count));
    }

    /** @param state one of {@link #STATES}, or {@code suspicious} */
    public record Count(String backend, String state, long things) {}

    private static Count count(Row row) {
        return new Count(row.getString("backend"), row.getString("state"), row.getLong("things"));
    }
}
