package dev.larder.worker.postgres;

import dev.larder.model.Inventory;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Lists the databases and roles of workspaces and templates on a server. */
record DatabaseInventory(AdminSession admin, PostgresSettings settings) {

    // PG_VERSION is written once, so its time is the time of the database. An interrupted drop leaves a database
    // that no role can open (datconnlimit = -2). All template databases of a version are one item.
    private static final String INVENTORY = """
            SELECT c.system_identifier::text AS location, pg_is_in_recovery() AS standby, f.name, coalesce(f.whole, false) AS whole,
                   %3$s AS made_at
              FROM pg_control_system() c
              LEFT JOIN (
                   SELECT coalesce(d.datname, r.rolname) AS name, d.datconnlimit <> -2 AS whole, d.oid
                     FROM (SELECT oid, datname, datconnlimit FROM pg_database WHERE datname ~ '^%1$s$') d
                     FULL JOIN (SELECT rolname FROM pg_roles WHERE rolname ~ '^%1$s$') r ON r.rolname = d.datname
                    UNION ALL
                   (SELECT DISTINCT ON (substr(d.datname, 1, 41))
                           d.datname, d.datconnlimit <> -2 AND d.datname NOT LIKE '%%\\_new', d.oid
                      FROM pg_database d WHERE d.datname ~ '^%2$s$'
                     ORDER BY substr(d.datname, 1, 41), d.datname LIKE '%%\\_new', d.oid)) f ON true
             ORDER BY f.name""";

    private static final String MADE_AT = "(pg_stat_file('base/' || f.oid || '/PG_VERSION', true)).modification";

    private static String inventory(boolean readsFiles) {
        return INVENTORY.formatted(Names.WORKSPACE, Names.TEMPLATE, readsFiles ? MADE_AT : "NULL::timestamptz");
    }

    private static final String CONNECTIONS = """
            SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                   - coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0) AS connections,
                   has_function_privilege('pg_stat_file(text, boolean)', 'EXECUTE') AS reads_files""";

    /** Fails on a standby, which may lag behind. */
    Uni<Inventory> list() {
        return admin.query(CONNECTIONS).chain(rows -> list(rows.iterator().next()));
    }

    private Uni<Inventory> list(Row server) {
        Inventory.Connections connections = new Inventory.Connections(
                Math.max(1, server.getInteger("connections")), Math.max(1, settings.connectionLimit()));
        return admin.query(inventory(Boolean.TRUE.equals(server.getBoolean("reads_files"))))
                .map(rows -> inventory(rows, connections));
    }

    private static Inventory inventory(RowSet<Row> rows, Inventory.Connections connections) {
        List<Inventory.Item> items = new ArrayList<>(rows.size());
        String location = "";
        for (Row row : rows) {
            if (Boolean.TRUE.equals(row.getBoolean("standby"))) {
                throw new IllegalStateException("the server is a standby, which may lag behind");
            }
            location = row.getString("location");
            String name = row.getString("name");
            if (name != null) {
                items.add(new Inventory.Item(
                        Names.idOf(name), name, Boolean.TRUE.equals(row.getBoolean("whole")), madeAt(row)));
            }
        }
        return new Inventory(location, items, Optional.of(connections));
    }

    private static @Nullable Instant madeAt(Row row) {
        OffsetDateTime at = row.getOffsetDateTime("made_at");
        return at == null ? null : at.toInstant();
    }
}
