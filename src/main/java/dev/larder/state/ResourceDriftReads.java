package dev.larder.state;

import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

/** Reads which resources of a state the newest drift check found to differ. */
@ApplicationScoped
public class ResourceDriftReads {

    private final Pool pool;

    public ResourceDriftReads(Pool pool) {
        this.pool = pool;
    }

    // A check of another version says nothing of this one.
    private static final Sql OF_VERSION = Sql.of("""
            SELECT d.address, d.status
              FROM (SELECT r.id, r.state_version
                      FROM states s JOIN reconciliation_results r ON r.workspace_id = s.workspace_id
                     WHERE s.id = :state AND r.kind IN ('drift', 'state_refresh')
                     ORDER BY r.id DESC LIMIT 1) newest
              JOIN resource_drift d ON d.result_id = newest.id
             WHERE newest.state_version = :version AND d.status <> 'accepted'""", "state", "version");

    /** By address: {@code changed} or {@code missing}. Empty where the newest check was of another version. */
    Uni<Map<String, String>> of(UUID state, long version) {
        return OF_VERSION.on(pool, state, version).map(rows -> {
            Map<String, String> drift = new HashMap<>();
            rows.forEach(row -> drift.put(row.getString("address"), row.getString("status")));
            return drift;
        });
    }
}
