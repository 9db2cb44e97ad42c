package dev.larder.objects;

import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import java.time.InstantSource;
import org.junit.jupiter.api.AfterEach;

/** S15 on PostgreSQL. */
class PostgresObjectStoreTest extends ObjectStoreContract {

    private final Database database = Databases.fresh();
    private final ObjectStore store = new PostgresObjectStore(database.pool(), InstantSource.system(), BYTES_MAX);

    @AfterEach
    void close() {
        database.close();
    }

    @Override
    ObjectStore store() {
        return store;
    }
}
