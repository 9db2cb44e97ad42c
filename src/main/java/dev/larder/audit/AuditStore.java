package dev.larder.audit;

import dev.larder.database.RowList;
import dev.larder.database.Rows;
import dev.larder.database.Slice;
import dev.larder.database.Total;
import dev.larder.lifecycle.ListRules;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
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

    static final RowList NOTIFICATIONS = new RowList("notifications x", "x.id");

    private static final String NOTIFICATION =
            "SELECT n.id, n.organization_id, n.kind, n.detail, n.created_at FROM notifications n";

    // What concerns the whole deployment is told to the template admins of every organization.
    private static final String TOLD = "(x.organization_id = :organization OR x.organization_id IS NULL)";

    static RowList.Query notifications(
            Optional<UUID> callersOrganization, Optional<String> organization, Optional<Instant> since) {
        RowList.Query query = NOTIFICATIONS.all().where(TOLD, "organization", callersOrganization);
        return ListRules.since(ListRules.of(query, organization), since);
    }

    /** A page of these notifications. */
    public Uni<Slice<Notification>> notifications(RowList.Query query, Optional<UUID> before, int rowsMax) {
        return query.page(pool, NOTIFICATION, "n.id", before, rowsMax, AuditStore::notification);
    }

    private static Notification notification(Row row) {
        return new Notification(
                row.getUUID("id"),
                row.getUUID("organization_id"),
                row.getString("kind"),
                detail(row),
                Rows.instant(row, "created_at"));
    }

    static final RowList AUDIT = new RowList("audit x", "x.id");

    private static final String ENTRY = """
            SELECT a.id, a.at, a.organization_id, a.actor_id, u.name AS actor_name, a.action, a.target_id, a.detail
              FROM audit a LEFT JOIN users u ON u.id = a.actor_id""";

    /** @param owner the name or the id of the user who made the change */
    static RowList.Query audit(
            Optional<UUID> callersOrganization,
            Optional<String> organization,
            Optional<String> owner,
            Optional<Instant> since) {
        RowList.Query query = ListRules.of(ListRules.seenBy(AUDIT.all(), callersOrganization), organization);
        owner.ifPresent(name -> query.with("owner_name", name).filter("x.actor_id IN (" + ListRules.USERS + ")"));
        return ListRules.since(query, "x.at", since);
    }

    /** A page of these changes. */
    public Uni<Slice<AuditEntry>> audit(RowList.Query query, Optional<UUID> before, int rowsMax) {
        return query.page(pool, ENTRY, "a.id", before, rowsMax, AuditStore::auditEntry);
    }

    /** How many rows the list has. */
    public Uni<Total> total(RowList.Query query) {
        return query.total(pool);
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
