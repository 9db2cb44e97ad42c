package dev.larder.store;

import io.vertx.pgclient.PgConnectOptions;

/** What every connection to Larder's own database has. */
public final class Connections {

    /** Characters. A longer statement is parsed and planned anew each time; the client's own limit is 2,048. */
    static final int STATEMENT_MAX = 16_384;

    private Connections() {}

    /** Has statements prepared once per connection, however long they are. */
    public static PgConnectOptions prepared(PgConnectOptions connection) {
        return connection.setCachePreparedStatements(true).setPreparedStatementCacheSqlLimit(STATEMENT_MAX);
    }
}
