package dev.larder.state;

import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/** Reads what the build of a workspace gave, and which user may see it. */
@ApplicationScoped
public class OutputReads {

    private final Pool pool;
    private final Encryption encryption;

    public OutputReads(Pool pool, Encryption encryption) {
        this.pool = pool;
        this.encryption = encryption;
    }

    /**
     * The outputs of a workspace's own row.
     *
     * @param held whether the user's claim of it goes on, and the workspace is not being verified
     * @param json an object of texts; empty where the build gave none
     */
    record Given(boolean held, Optional<String> json) {}

    private static final Sql FIND = Sql.of("""
            SELECT w.id, w.outputs_sealed,
                   NOT w.verifying
                   AND EXISTS (SELECT FROM claims c
                                WHERE c.workspace_id = w.id AND c.user_id = :user AND c.ended_at IS NULL
                                  AND (c.expires_at IS NULL OR c.expires_at > :at::timestamptz)) AS held
              FROM workspaces w WHERE w.id = :workspace""", "workspace", "user", "at");

    /** Empty where there is no such workspace. */
    Uni<Optional<Given>> find(UUID workspace, UUID user, Instant at) {
        return FIND.on(pool, workspace, user, Rows.utc(at)).map(rows -> Rows.first(rows, this::given));
    }

    private Given given(Row row) {
        Buffer sealed = row.getBuffer("outputs_sealed");
        return new Given(
                row.getBoolean("held"),
                Optional.ofNullable(sealed).map(bytes -> encryption.decrypt(row.getUUID("id"), bytes.getBytes())));
    }
}
