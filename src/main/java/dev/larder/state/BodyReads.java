package dev.larder.state;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;

/** Reads which objects have a row. */
@ApplicationScoped
public class BodyReads {

    private static final Sql UNNAMED = Sql.of("""
            SELECT o.name
              FROM unnest(:names::text[]) AS o (name)
             WHERE NOT EXISTS (SELECT FROM state_versions v WHERE v.object_key = o.name)
               AND NOT EXISTS (SELECT FROM state_rejects r WHERE r.object_key = o.name)""", "names");

    private final Pool pool;

    public BodyReads(Pool pool) {
        this.pool = pool;
    }

    /** Those of the names that no row has, where the names are objects with their place. */
    Uni<List<String>> unnamed(List<String> names) {
        return UNNAMED.on(pool, (Object) names.toArray(String[]::new))
                .map(rows -> Rows.list(rows, row -> row.getString("name")));
    }
}
