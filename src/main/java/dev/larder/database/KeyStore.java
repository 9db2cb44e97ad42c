package dev.larder.database;

import dev.larder.model.MisconfiguredException;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.InstantSource;
import java.util.UUID;

/**
 * Whether this process has the key of this deployment (decision 0027). The first server writes a known text, sealed with
 * its key; every later one must be able to open it. A deployment that is older than this check is recognized by the
 * secrets it already holds.
 */
@ApplicationScoped
public class KeyStore {

    /** What the known text is sealed for. */
    private static final UUID CHECK = new UUID(0, 27);

    private static final String KNOWN_TEXT = "larder";

    private final Pool pool;
    private final Encryption seal;
    private final InstantSource clock;

    public KeyStore(Pool pool, Encryption seal, InstantSource clock) {
        this.pool = pool;
        this.seal = seal;
        this.clock = clock;
    }

    /**
     * To be called once the schema is there, and before anything is served. Fails with {@link MisconfiguredException} where
     * the secrets of this database are sealed with another key; nothing is changed then.
     */
    public Uni<Void> verify() {
        return current()
                .chain(rows -> rows.rowCount() == 0
                        ? adopt().chain(this::current)
                        : Uni.createFrom().item(rows))
                .invoke(this::refuseOther)
                .replaceWithVoid();
    }

    private static final String CURRENT = "SELECT id, check_sealed FROM encryption_keys WHERE current";

    private Uni<RowSet<Row>> current() {
        return pool.query(CURRENT).execute();
    }

    private void refuseOther(RowSet<Row> rows) {
        Row row = rows.iterator().next();
        if (!row.getString("id").equals(seal.keyId())
                || !opens(CHECK, row.getBuffer("check_sealed").getBytes())) {
            throw otherKey();
        }
    }

    private static MisconfiguredException otherKey() {
        return new MisconfiguredException("larder.encryption.key is not the key that the secrets of this database are "
                + "sealed with: give this server the same key as the others have");
    }

    private boolean opens(UUID of, byte[] sealed) {
        try {
            return !seal.open(of, sealed).isEmpty();
        } catch (Encryption.UnreadableException otherKeyOrDamaged) {
            return false;
        }
    }

    // Without an order, so that it reads no more than it needs to. A damaged value among them must not decide alone.
    private static final String SOME_SEALED = """
            (SELECT id, outputs_sealed AS sealed FROM workspaces
              WHERE outputs_sealed IS NOT NULL AND deleted_at IS NULL LIMIT 20)
            UNION ALL
            (SELECT version_id, default_sealed FROM version_parameters WHERE default_sealed IS NOT NULL LIMIT 20)
            UNION ALL
            (SELECT preset_id, sealed FROM preset_parameters WHERE sealed IS NOT NULL LIMIT 20)""";

    private Uni<Void> adopt() {
        return pool.query(SOME_SEALED).execute().invoke(this::refuseForeign).chain(this::remember);
    }

    private void refuseForeign(RowSet<Row> sealed) {
        boolean mine = sealed.rowCount() == 0;
        for (Row row : sealed) {
            mine |= opens(row.getUUID("id"), row.getBuffer("sealed").getBytes());
        }
        if (!mine) {
            throw otherKey();
        }
    }

    private static final String REMEMBER = """
            INSERT INTO encryption_keys (id, check_sealed, created_at) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING""";

    private Uni<Void> remember() {
        Buffer check = Buffer.buffer(seal.seal(CHECK, KNOWN_TEXT));
        return pool.preparedQuery(REMEMBER)
                .execute(Tuple.of(seal.keyId(), check, Rows.utc(clock.instant())))
                .replaceWithVoid();
    }
}
