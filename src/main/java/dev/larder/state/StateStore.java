package dev.larder.state;

import dev.larder.database.RowList;
import dev.larder.database.Rows;
import dev.larder.database.Slice;
import dev.larder.database.Sql;
import dev.larder.database.Total;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.DirtyPresets;
import dev.larder.lifecycle.LabelStore;
import dev.larder.lifecycle.ListRules;
import dev.larder.lifecycle.Rules;
import dev.larder.lifecycle.StateMirror;
import dev.larder.model.Ids;
import dev.larder.model.LabelSelector;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** States as such: created under a name, listed, and deleted. Each change writes its audit entry. */
@ApplicationScoped
public class StateStore {

    private final Pool pool;
    private final Ids ids;

    public StateStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    /**
     * A state with a name.
     *
     * @param status new, reliable, in_flight, unreliable or corrupt
     * @param reason why it is unreliable or corrupt; null otherwise
     */
    @Schema(name = "NamedState")
    record Named(
            UUID id,
            UUID organizationId,
            String name,
            UUID ownerId,
            long version,
            String status,
            @Nullable String reason,
            Instant createdAt) {}

    /** What became of a wish for a state with a name. */
    sealed interface Creation {

        record Created(Named state) implements Creation {}

        /** The name is taken. */
        record Taken() implements Creation {}

        /** The organization has as many as it may have. */
        record Full() implements Creation {}

        /** The organization does not exist any more. */
        record NoOrganization() implements Creation {}
    }

    // Creations of one organization take turns, so that each counts those before it.
    private static final Sql LOCK = Sql.of("""
            SELECT id FROM organizations WHERE id = :organization AND deleted_at IS NULL FOR NO KEY UPDATE""", "organization");

    private static final String COLUMNS =
            "s.id, s.organization_id, s.name, s.owner_id, s.current_version, s.status, s.status_reason, s.created_at";

    private static final Sql CREATE = Sql.of(
            """
            WITH held AS (
                SELECT count(*) AS n FROM states s
                 WHERE s.organization_id = :organization AND s.name IS NOT NULL AND s.tombstoned_at IS NULL),
            created AS (
                INSERT INTO states AS s (id, organization_id, name, owner_id, created_at, status, status_since)
                SELECT :id::uuid, :organization, :name, :actor::uuid, :at::timestamptz, 'new', :at
                 WHERE (SELECT n FROM held) < :most::integer
                    ON CONFLICT (organization_id, name) WHERE name IS NOT NULL AND tombstoned_at IS NULL DO NOTHING
                RETURNING {columns}),
            audited AS (
                {audit})
            SELECT h.n >= :most AS full, s.* FROM held h LEFT JOIN created s ON true""".replace("{columns}", COLUMNS)
                    .replace("{audit}", AuditEntry.of("state.create", "jsonb_build_object('name', name)", "created")),
            "organization",
            "id",
            "name",
            "actor",
            "at",
            "most",
            "entry");

    /**
     * Creates an empty state; the actor owns it.
     *
     * @param most how many the organization may have
     */
    Uni<Creation> create(UUID organization, String name, UUID actor, int most, Instant at) {
        return pool.withTransaction(connection -> LOCK.on(connection, organization)
                .chain(found -> found.rowCount() == 0
                        ? Uni.createFrom().item(new Creation.NoOrganization())
                        : insert(connection, organization, name, actor, most, at)));
    }

    private Uni<Creation> insert(
            SqlConnection connection, UUID organization, String name, UUID actor, int most, Instant at) {
        return CREATE.on(connection, organization, ids.next(), name, actor, Rows.utc(at), most, ids.next())
                .map(rows -> creation(rows.iterator().next()));
    }

    private static Creation creation(Row row) {
        if (row.getUUID("id") != null) {
            return new Creation.Created(named(row));
        }
        return Boolean.TRUE.equals(row.getBoolean("full")) ? new Creation.Full() : new Creation.Taken();
    }

    private static final String SEEN = " FROM states s WHERE s.name IS NOT NULL AND s.tombstoned_at IS NULL AND "
            + Rules.visibleTo("s.organization_id") + " AND (:owner::uuid IS NULL OR s.owner_id = :owner)";

    static final RowList LIST = new RowList("states x", "x.id");

    /** The words of a state that has not been deleted (design, section 6.1). */
    static final List<String> STATUSES = List.of("new", "in_flight", "reliable", "unreliable", "corrupt");

    /**
     * What a list of states shows.
     *
     * @param owner the name or the id of a user
     */
    record StateFilter(
            Optional<String> organization,
            Optional<String> status,
            Optional<String> owner,
            Optional<LabelSelector> labels,
            Optional<Instant> since) {}

    static RowList.Query query(Visibility scope, StateFilter filter) {
        RowList.Query query = LIST.all().where("x.name IS NOT NULL AND x.tombstoned_at IS NULL");
        ListRules.of(ListRules.seenBy(query, scope.organization()), filter.organization());
        query.where("x.owner_id = :viewer", "viewer", scope.owner());
        query.where("x.status = :status", "status", filter.status());
        filter.owner()
                .ifPresent(name -> query.with("owner_name", name).filter("x.owner_id IN (" + ListRules.USERS + ")"));
        ListRules.labelled(query, LabelStore.labelled("x.id"), filter.labels());
        return ListRules.since(query, filter.since());
    }

    /** States with a name, newest first. */
    Uni<Slice<Named>> list(RowList.Query query, Optional<UUID> after, int limit) {
        return query.page(pool, "SELECT " + COLUMNS + " FROM states s", "s.id", after, limit, StateStore::named);
    }

    /** How many there are. */
    Uni<Total> total(RowList.Query query) {
        return query.total(pool);
    }

    private static final Sql FIND =
            Sql.of("SELECT " + COLUMNS + SEEN + " AND s.id = :state", "organization", "owner", "state");

    /** A state with a name. */
    Uni<Optional<Named>> find(UUID state, Visibility scope) {
        return FIND.on(pool, scope.organization().orElse(null), scope.owner().orElse(null), state)
                .map(rows -> Rows.first(rows, StateStore::named));
    }

    private static Named named(Row row) {
        return new Named(
                row.getUUID("id"),
                row.getUUID("organization_id"),
                row.getString("name"),
                row.getUUID("owner_id"),
                row.getLong("current_version"),
                row.getString("status"),
                row.getString("status_reason"),
                Rows.instant(row, "created_at"));
    }

    private static final Sql OPEN = Sql.of("""
            INSERT INTO states (id, organization_id, workspace_id, created_at, status, status_since)
            SELECT :id::uuid, w.organization_id, w.id, :at::timestamptz, 'new', :at
              FROM workspaces w WHERE w.id = :workspace AND w.deleted_at IS NULL
                ON CONFLICT (workspace_id) DO UPDATE SET id = states.id
            RETURNING id""", "id", "workspace", "at");

    /**
     * The state that an address names; a workspace's begins to exist where it was never used. Fails with {@link
     * StateProblemException} where the workspace was deleted.
     */
    Uni<UUID> used(Address address, Instant at) {
        UUID state = address.state();
        return state != null
                ? Uni.createFrom().item(state)
                : OPEN.on(pool, ids.next(), address.workspace(), Rows.utc(at))
                        .map(rows -> Rows.first(rows, row -> row.getUUID("id")))
                        .map(made -> made.orElseThrow(
                                () -> new StateProblemException("state_tombstoned", "The workspace was deleted.")));
    }

    /** What became of a wish to delete a state. */
    enum Deletion {
        DELETED,
        /** A mutation is open. */
        IN_FLIGHT,
        /** Its last version lists resources, or it cannot be told. */
        LISTS_RESOURCES
    }

    private static final String BURIED =
            "(SELECT workspace_id, 'unreliable' AS status, 'state_deleted' AS status_reason, status_since FROM buried)";

    // A workspace whose state was deleted is not handed out: nothing is known of it any more.
    private static final Sql DELETE = Sql.of(
            """
            WITH place AS MATERIALIZED (
                SELECT w.id FROM workspaces w WHERE w.id = (SELECT s.workspace_id FROM states s WHERE s.id = :state)
                   FOR NO KEY UPDATE),
            head AS MATERIALIZED (
                SELECT s.* FROM states s WHERE s.id = :state AND (SELECT count(*) FROM place) >= 0
                   FOR NO KEY UPDATE),
            judged AS (
                SELECT h.id, h.organization_id, h.status, h.current_version,
                       CASE WHEN h.status = 'tombstoned' THEN 'deleted'
                            WHEN h.status = 'in_flight' THEN 'in_flight'
                            WHEN :force::boolean OR h.current_version = 0
                                 OR EXISTS (SELECT FROM state_versions v WHERE v.state_id = h.id
                                               AND v.version = h.current_version AND v.managed = 0) THEN 'deleted'
                            ELSE 'lists_resources' END AS answer
                  FROM head h),
            buried AS (
                UPDATE states s
                   SET status = 'tombstoned', status_reason = NULL, status_since = :at::timestamptz, tombstoned_at = :at
                  FROM judged j WHERE s.id = j.id AND j.answer = 'deleted' AND j.status <> 'tombstoned'
                RETURNING s.id, s.organization_id, s.workspace_id, s.status_since, j.current_version),
            emptied AS (
                {mirror}),
            dirty AS ({dirty}),
            audited AS (
                {audit})
            SELECT answer FROM judged""".replace("{mirror}", StateMirror.of(BURIED))
                    .replace("{dirty}", DirtyPresets.mark("emptied WHERE prebuild"))
                    .replace(
                            "{audit}",
                            AuditEntry.of(
                                    "state.delete",
                                    "jsonb_build_object('version', current_version, 'force', :force::boolean)",
                                    "buried")),
            "state",
            "force",
            "at",
            "entry",
            "actor");

    /**
     * Deletes a state that lists no resources. Its versions are kept for a time.
     *
     * @param force also where it lists resources
     */
    Uni<Deletion> delete(UUID state, boolean force, UUID actor, Instant at) {
        return DELETE.on(pool, state, force, Rows.utc(at), ids.next(), actor)
                .map(rows -> Rows.first(rows, row -> switch (row.getString("answer")) {
                            case "in_flight" -> Deletion.IN_FLIGHT;
                            case "lists_resources" -> Deletion.LISTS_RESOURCES;
                            default -> Deletion.DELETED;
                        })
                        .orElse(Deletion.DELETED));
    }
}
