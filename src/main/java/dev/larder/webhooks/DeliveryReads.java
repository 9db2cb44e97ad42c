package dev.larder.webhooks;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import dev.larder.webhooks.WebhookViews.AttemptView;
import dev.larder.webhooks.WebhookViews.DeliveryDetail;
import dev.larder.webhooks.WebhookViews.DeliveryView;
import dev.larder.webhooks.WebhookViews.Progress;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Deliveries as the API shows them, and how many there are of each kind. */
@ApplicationScoped
class DeliveryReads {

    private final Pool pool;

    DeliveryReads(Pool pool) {
        this.pool = pool;
    }

    static final String VIEW = """
            SELECT d.id, d.webhook_id, d.event, d.type, d.status, d.created_at, d.ended_at, d.due_at, d.expires_at, d.attempts,
                   d.status_code, d.error_code, d.body, d.attempt_log
            """;

    /** A condition: a webhook of the organization. */
    private static final String OF_WEBHOOK =
            "d.webhook_id = (SELECT w.id FROM webhooks w WHERE w.id = :webhook AND w.organization_id = :organization)";

    /** Which deliveries are listed; null for any. */
    record Filter(@Nullable String status, @Nullable String type) {}

    private static final Sql LIST = Sql.of(
            VIEW + " FROM webhook_deliveries d WHERE " + OF_WEBHOOK
                    + " AND (:status::text IS NULL OR d.status = :status) AND (:type::text IS NULL OR d.type = :type)"
                    + " AND " + Rules.before("d.id") + " ORDER BY d.id DESC LIMIT :limit",
            "webhook",
            "organization",
            "status",
            "type",
            "before",
            "limit");

    /** Newest first. */
    Uni<List<DeliveryView>> list(UUID organization, UUID webhook, Filter filter, Optional<UUID> before, int rowsMax) {
        return LIST.on(pool, webhook, organization, filter.status(), filter.type(), before.orElse(null), rowsMax)
                .map(rows -> Rows.list(rows, DeliveryReads::view));
    }

    private static final Sql FIND = Sql.of(
            VIEW + " FROM webhook_deliveries d WHERE d.id = :id AND " + OF_WEBHOOK, "id", "webhook", "organization");

    Uni<Optional<DeliveryDetail>> find(UUID organization, UUID webhook, UUID id) {
        return FIND.on(pool, id, webhook, organization)
                .map(rows ->
                        Rows.first(rows, row -> new DeliveryDetail(view(row), row.getString("body"), attempts(row))));
    }

    static DeliveryView view(Row row) {
        return new DeliveryView(
                row.getUUID("id"),
                row.getUUID("webhook_id"),
                row.getString("event"),
                row.getString("type"),
                row.getString("status"),
                new Progress(
                        Rows.instant(row, "created_at"),
                        Rows.instantOrNull(row, "ended_at"),
                        Rows.instantOrNull(row, "due_at"),
                        Rows.instant(row, "expires_at"),
                        row.getInteger("attempts"),
                        row.getInteger("status_code"),
                        row.getString("error_code")));
    }

    private static List<AttemptView> attempts(Row row) {
        return row.getJsonArray("attempt_log").stream()
                .map(JsonObject.class::cast)
                .map(one -> new AttemptView(
                        one.getInteger("number"),
                        Instant.parse(one.getString("at")),
                        one.getLong("millis"),
                        one.getInteger("statusCode"),
                        one.getString("errorCode")))
                .toList();
    }

    // One that is due for long: servers do not keep up, or none sends. A webhook that fails is sent one delivery at a
    // time, so that its others wait by intent.
    private static final Sql OLDEST_DUE = Sql.of("""
            SELECT (SELECT count(*) FROM webhooks WHERE enabled_at IS NOT NULL) AS enabled,
                   (SELECT count(*) FROM webhooks WHERE enabled_at IS NOT NULL AND failing_since IS NOT NULL) AS failing,
                   (SELECT min(n.due_at)
                      FROM webhooks w CROSS JOIN LATERAL (
                           SELECT d.due_at FROM webhook_deliveries d
                            WHERE d.webhook_id = w.id AND d.status = 'pending' ORDER BY d.due_at, d.id LIMIT 1) n
                     WHERE w.enabled_at IS NOT NULL AND w.failing_since IS NULL) AS oldest""");

    /**
     * How webhooks fare in the whole deployment.
     *
     * @param enabled webhooks
     * @param failing of them those whose last attempt failed
     * @param oldestDue when the delivery was due that waits for a server longest, of a webhook that does not fail; it
     *     may be in the future
     */
    record Condition(long enabled, long failing, @Nullable Instant oldestDue) {}

    Uni<Condition> condition() {
        return OLDEST_DUE
                .on(pool)
                .map(rows -> Rows.first(
                                rows,
                                row -> new Condition(
                                        row.getLong("enabled"),
                                        row.getLong("failing"),
                                        Rows.instantOrNull(row, "oldest")))
                        .orElseThrow());
    }
}
