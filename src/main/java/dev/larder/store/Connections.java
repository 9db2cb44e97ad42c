package dev.larder.store;

import io.vertx.pgclient.PgConnectOptions;

/** What every connection to Larder's own database has. */
public final class Connections {

    /** Characters. A longer statement is parsed and planned anew each time; the client's own limit is 2,048. */
    static final int STATEMENT_MAX = 8_192;

    private Connections() {}

    /**
     * Has statements prepared once per connection, and planned then for whatever parameters they get. Left to itself,
     * PostgreSQL plans the first five executions of each on each connection for their parameters, which takes longer than to
     * run them. The planner looks again when a table's statistics change.
     */
    public static PgConnectOptions prepared(PgConnectOptions connection) {
        connection.addProperty("plan_cache_mode", "force_generic_plan");
        return connection.setCachePreparedStatements(true).setPreparedStatementCacheSqlLimit(STATEMENT_MAX);
    }
}
