package dev.larder.objects;

import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.inject.Singleton;
import java.util.UUID;

/** Reads which deployment this is. */
@Singleton
class DeploymentReads {

    private static final Sql ID = Sql.of("SELECT deployment_id FROM settings");

    private final Pool pool;

    DeploymentReads(Pool pool) {
        this.pool = pool;
    }

    Uni<UUID> id() {
        return ID.on(pool).map(rows -> rows.iterator().next().getUUID("deployment_id"));
    }
}
