package dev.larder.audit;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Reads the audit log and the notifications of template admins. */
@ApplicationScoped
public class AuditStore {

    /**
     * A message to template admins; each occasion is told once.
     *
     * @param organizationId null for what concerns the whole deployment
     */
    public record Notification(
            UUID id, @Nullable UUID organizationId, String kind, Map<String, Object> detail, Instant createdAt) {}

    /**
     * A change, and the user who made it.
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

    // What concerns the whole deployment is told to the template admins of every organization.
    private static final Sql NOTIFICATIONS = Sql.of(
            """
            SELECT id, organization_id, kind, detail, created_at FROM notifications
             WHERE (%s OR organization_id IS NULL) AND %s
             ORDER BY id DESC LIMIT :limit""".formatted(Rules.visibleTo("organization_id"), Rules.before("id")), "organization", "before", "limit");

    /**
     * Newest first.
     *
     * @param organization empty for those of all organizations
     * @param before only those with a smaller id
     */
    public Uni<List<Notification>> notifications(Optional<UUID> organization, Optional<UUID> before, int rowsMax) {
        return NOTIFICATIONS
                .on(pool, organization.orElse(null), before.orElse(null), rowsMax)
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

    private static final Sql AUDIT = Sql.of(
            """
            SELECT a.id, a.at, a.organization_id, a.actor_id, u.name AS actor_name, a.action, a.target_id, a.detail
              FROM audit a LEFT JOIN users u ON u.id = a.actor_id
             WHERE %s AND %s
             ORDER BY a.id DESC LIMIT :limit""".formatted(Rules.visibleTo("a.organization_id"), Rules.before("a.id")),
            "organization",
            "before",
            "limit");

    /**
     * Newest first.
     *
     * @param organization empty for those of all organizations
     * @param before only those with a smaller id
     */
    public Uni<List<AuditEntry>> audit(Optional<UUID> organization, Optional<UUID> before, int rowsMax) {
        return AUDIT.on(pool, organization.orElse(null), before.orElse(null), rowsMax)
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
