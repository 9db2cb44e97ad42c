package dev.larder.state;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import java.util.UUID;

/** Finds the state that an address names. */
@ApplicationScoped
public class AddressReads {

    private final Pool pool;

    public AddressReads(Pool pool) {
        this.pool = pool;
    }

    private static final String OF_WORKSPACE = """
            SELECT s.id, w.organization_id, w.id AS workspace_id, w.owner_id, v.backend = 'terraform' OR s.id IS NOT NULL AS kept,
                   w.deleted_at IS NOT NULL OR s.tombstoned_at IS NOT NULL AS gone
              FROM workspaces w
              JOIN template_versions v ON v.id = w.version_id
              LEFT JOIN states s ON s.workspace_id = w.id
             """;

    private static final Sql WORKSPACE = Sql.of(OF_WORKSPACE + "WHERE w.id = :workspace", "workspace");

    /** Empty where there is no such workspace; a deleted one is found. */
    Uni<Optional<Address>> ofWorkspace(UUID workspace) {
        return WORKSPACE.on(pool, workspace).map(rows -> Rows.first(rows, AddressReads::address));
    }

    private static final Sql STATE = Sql.of(OF_WORKSPACE + """
             WHERE s.id = :state
             UNION ALL
            SELECT s.id, s.organization_id, NULL, s.owner_id, true, s.tombstoned_at IS NOT NULL
              FROM states s WHERE s.id = :state AND s.workspace_id IS NULL""", "state");

    /** Empty where there is no such state, of a workspace or with a name; a deleted one is found. */
    Uni<Optional<Address>> ofState(UUID state) {
        return STATE.on(pool, state).map(rows -> Rows.first(rows, AddressReads::address));
    }

    private static final Sql OF_REJECT = Sql.of("SELECT state_id FROM state_rejects WHERE id = :reject", "reject");

    /** The state that a reject belongs to; empty where there is no such reject. */
    Uni<Optional<UUID>> stateOfReject(UUID reject) {
        return OF_REJECT.on(pool, reject).map(rows -> Rows.first(rows, row -> row.getUUID("state_id")));
    }

    private static Address address(Row row) {
        return new Address(
                row.getUUID("id"),
                row.getUUID("organization_id"),
                row.getUUID("workspace_id"),
                row.getUUID("owner_id"),
                Boolean.TRUE.equals(row.getBoolean("kept")),
                Boolean.TRUE.equals(row.getBoolean("gone")));
    }
}
