package dev.larder.audit;

import dev.larder.database.Rows;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What has been told and who did what, read newest first. */
@ApplicationScoped
public class AuditStore {

    /**
     * Something that template admins were told once.
     *
     * @param organizationId null for what concerns the whole deployment
     */
    public record Notification(
            UUID id, @Nullable UUID organizationId, String kind, Map<String, Object> detail, Instant createdAt) {}

    /**
     * One change somebody made.
     *
     * @param organizationId null for changes of the whole deployment
     */
    public record AuditEntry(
            UUID id,
            Instant at,
            @Nullable UUID organizationId,
            UUID actorId,
            @Nullable String actorName,
            String action,
            @Nullable UUID targetId,
            Map<String, Object> detail) {}

    private final Pool pool;

    public AuditStore(Pool pool) {
        this.pool = pool;
    }

    private static final String NOTIFICATIONS = """
            SELECT id, organization_id, kind, detail, created_at FROM notifications
             WHERE ($1::uuid IS NULL OR organization_id = $1 OR organization_id IS NULL) AND ($2::uuid IS NULL OR id < $2)
             ORDER BY id DESC LIMIT $3""";

    /** @param organization only this one's and those of the whole deployment, where named */
    public Uni<List<Notification>> notifications(Optional<UUID> organization, Optional<UUID> before, int rowsMax) {
        return pool.preparedQuery(NOTIFICATIONS)
                .execute(Tuple.of(organization.orElse(null), before.orElse(null), rowsMax))
                .map(rows -> Rows.list(rows, AuditStore::notification));
    }

    private static Notification notification(Row row) {
        return new Notification(
                row.getUUID("id"),
                row.getUUID("organization_id"),
                row.getString("kind"),
                detail(row),
                Rows.instant(row, "created_at"));
    }

    private static final String AUDIT = """
            SELECT a.id, a.at, a.organization_id, a.actor_id, u.name AS actor_name, a.action, a.target_id, a.detail
              FROM audit a LEFT JOIN users u ON u.id = a.actor_id
             WHERE ($1::uuid IS NULL OR a.organization_id = $1) AND ($2::uuid IS NULL OR a.id < $2)
             ORDER BY a.id DESC LIMIT $3""";

    /** @param organization only this one's, where named */
    public Uni<List<AuditEntry>> audit(Optional<UUID> organization, Optional<UUID> before, int rowsMax) {
        return pool.preparedQuery(AUDIT)
                .execute(Tuple.of(organization.orElse(null), before.orElse(null), rowsMax))
                .map(rows -> Rows.list(rows, AuditStore::auditEntry));
    }

    private static AuditEntry auditEntry(Row row) {
        return new AuditEntry(
                row.getUUID("id"),
                Rows.instant(row, "at"),
                row.getUUID("organization_id"),
                row.getUUID("actor_id"),
                row.getString("actor_name"),
                row.getString("action"),
                row.getUUID("target_id"),
                detail(row));
    }

    private static Map<String, Object> detail(Row row) {
        JsonObject detail = row.getJsonObject("detail");
        return detail == null ? Map.of() : detail.getMap();
    }
}
