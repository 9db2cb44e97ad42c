package dev.larder.inventory;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** What operators ask of the inventory: a new listing, the removal of a thing, the acceptance of a loss. */
@ApplicationScoped
public class InventoryRequestStore {

    private final Pool pool;
    private final Ids ids;
    private final int graceSeconds;

    /** @param grace as in {@link MissingStore} */
    public InventoryRequestStore(
            Pool pool, Ids ids, @ConfigProperty(name = "larder.inventory.grace", defaultValue = "5m") Duration grace) {
        this.pool = pool;
        this.ids = ids;
        this.graceSeconds = Rows.wholeSeconds(grace);
    }

    private static final Sql REQUEST_REMOVAL = Sql.of(
            """
            WITH thing AS (
                SELECT i.id, i.name, i.workspace_id, i.removal_requested_at, w.organization_id, %s AS state
                  FROM inventory i
                  JOIN inventory_locations l ON l.id = i.location_id
                  LEFT JOIN workspaces w ON w.id = i.workspace_id
                 WHERE i.id = :thing::uuid AND %s
                   FOR UPDATE OF i),
            removable AS (
                SELECT * FROM thing WHERE state IN ('leaked', 'unknown')),
            requested AS (
                UPDATE inventory i
                   SET removal_requested_at = :at::timestamptz, removal_requested_by = :actor::uuid, removal_tries = 0
                  FROM removable r WHERE i.id = r.id AND r.removal_requested_at IS NULL),
            listing AS (
                UPDATE settings SET sweep_wanted_at = :at::timestamptz WHERE EXISTS (SELECT FROM removable)),
            changed AS (
                SELECT workspace_id AS id, organization_id, name, state FROM removable WHERE removal_requested_at IS NULL),
            audited AS (
                %s)
            SELECT state FROM thing""".formatted(
                    InventoryReads.STATE,
                    InventoryReads.visibleTo("w.organization_id"),
                    AuditEntry.of("inventory.remove", "jsonb_build_object('name', name, 'state', state)", "changed")),
            "thing",
            "organization",
            "actor",
            "at",
            "entry",
            "grace");

    /**
     * Asks for the removal of a leaked or unknown thing, at every listing of its place until it is gone. Any
     * other thing is left as it is.
     *
     * @return the thing's state, one of {@link InventoryReads#STATES}; empty where the caller sees no such thing
     */
    public Uni<Optional<String>> requestRemoval(Caller caller, UUID thing, Instant at) {
        return REQUEST_REMOVAL
                .on(
                        pool,
                        thing,
                        caller.organization().orElse(null),
                        caller.userId(),
                        Rows.utc(at),
                        ids.next(),
                        graceSeconds)
                .map(rows -> Rows.first(rows, row -> row.getString("state")));
    }

    private static final Sql REQUEST_LISTING = Sql.of(
            """
            WITH listing AS (
                UPDATE settings SET sweep_wanted_at = :at::timestamptz)
            %s""".formatted(AuditEntry.withoutTarget("inventory.sweep", "'{}'", ":organization::uuid")),
            "at",
            "entry",
            "organization",
            "actor");

    /** Asks every worker to list what exists; a worker learns of it with its next heartbeat. */
    public Uni<Void> requestListing(Caller caller, Instant at) {
        return REQUEST_LISTING
                .on(pool, Rows.utc(at), ids.next(), caller.organization().orElse(null), caller.userId())
                .replaceWithVoid();
    }

    private static final Sql ACCEPT = Sql.of(
            """
            WITH place AS (
                SELECT id, organization_id, location, lost, suspicious_since IS NOT NULL AS suspicious
                  FROM inventory_locations WHERE id = :place::uuid FOR UPDATE),
            changed AS (SELECT * FROM place WHERE suspicious),
            accepted AS (
                UPDATE inventory_locations l SET accepted_at = :at::timestamptz FROM changed c WHERE l.id = c.id),
            listing AS (
                UPDATE settings SET sweep_wanted_at = :at::timestamptz WHERE EXISTS (SELECT FROM changed)),
            audited AS (
                %s)
            SELECT suspicious FROM place""".formatted(AuditEntry.of(
                    "inventory.accept", "jsonb_build_object('location', location, 'lost', lost)", "changed")),
            "place",
            "at",
            "entry",
            "actor");

    /**
     * Says that what a suspicious listing missed is lost: the next listing of this place is accepted if it
     * begins within an hour.
     *
     * @return whether the place was suspicious, so that anything was written; empty where there is no such place
     */
    public Uni<Optional<Boolean>> accept(Caller caller, UUID place, Instant at) {
        return ACCEPT.on(pool, place, Rows.utc(at), ids.next(), caller.userId())
                .map(rows -> Rows.first(rows, row -> row.getBoolean("suspicious")));
    }
}
