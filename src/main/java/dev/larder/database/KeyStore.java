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
 * Checks that this process has the encryption key of this deployment (decision 0027). The first server stores a
 * known text, encrypted with its key; every later server must be able to decrypt it. In a deployment older than
 * this check, existing secrets are tried instead.
 */
@ApplicationScoped
public class KeyStore {

    /** The id for which the known text is encrypted. */
    private static final UUID CHECK = new UUID(0, 27);

    private static final String KNOWN_TEXT = "larder";

    private final Pool pool;
    private final Encryption encryption;
    private final InstantSource clock;

    public KeyStore(Pool pool, Encryption encryption, InstantSource clock) {
        this.pool = pool;
        this.encryption = encryption;
        this.clock = clock;
    }

    /**
     * Call it after the migration and before anything is served. Fails with {@link MisconfiguredException}, without
     * a change, if the secrets of this database are encrypted with another key.
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
        if (!row.getString("id").equals(encryption.keyId())
                || !canDecrypt(CHECK, row.getBuffer("check_sealed").getBytes())) {
            throw otherKey();
        }
    }

    private static MisconfiguredException otherKey() {
        return new MisconfiguredException("larder.encryption.key is not the key that the secrets of this database are "
                + "sealed with: give this server the same key as the others have");
    }

    private boolean canDecrypt(UUID of, byte[] sealed) {
        try {
            return !encryption.decrypt(of, sealed).isEmpty();
        } catch (Encryption.UnreadableException otherKeyOrDamaged) {
            return false;
        }
    }

    // No order, so that it reads only a few rows. Several rows, so that one damaged value does not decide.
    private static final String SOME_ENCRYPTED = """
            (SELECT id, outputs_sealed AS sealed FROM workspaces
              WHERE outputs_sealed IS NOT NULL AND deleted_at IS NULL LIMIT 20)
            UNION ALL
            (SELECT version_id, default_sealed FROM version_parameters WHERE default_sealed IS NOT NULL LIMIT 20)
            UNION ALL
            (SELECT preset_id, sealed FROM preset_parameters WHERE sealed IS NOT NULL LIMIT 20)""";

    private Uni<Void> adopt() {
        return pool.query(SOME_ENCRYPTED).execute().invoke(this::refuseForeign).chain(this::remember);
    }

    private void refuseForeign(RowSet<Row> sealed) {
        boolean mine = sealed.rowCount() == 0;
        for (Row row : sealed) {
            mine |= canDecrypt(row.getUUID("id"), row.getBuffer("sealed").getBytes());
        }
        if (!mine) {
            throw otherKey();
        }
    }

    private static final String REMEMBER = """
            INSERT INTO encryption_keys (id, check_sealed, created_at) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING""";

    private Uni<Void> remember() {
        Buffer check = Buffer.buffer(encryption.encrypt(CHECK, KNOWN_TEXT));
        return pool.preparedQuery(REMEMBER)
                .execute(Tuple.of(encryption.keyId(), check, Rows.utc(clock.instant())))
                .replaceWithVoid();
    }
}
