package dev.larder.webhooks;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.model.Ids;
import dev.larder.webhooks.WebhookViews.DeliveryView;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/** Deliveries that people ask for: one to try a webhook out, and one that is sent once more. */
@ApplicationScoped
class DeliveryRequestStore {

    private final Pool pool;
    private final Ids ids;

    DeliveryRequestStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    /** Of an enabled webhook. */
    record Asked(UUID organization, UUID webhook, UUID actor, Instant at, Duration giveUpAfter) {}

    private static final String ENABLED =
            "w.id = :webhook AND w.organization_id = :organization AND w.enabled_at IS NOT NULL";

    private static final Sql TEST = Sql.of(
            """
            WITH made AS (
                INSERT INTO webhook_deliveries (id, webhook_id, event, type, body, created_at, expires_at, due_at)
                SELECT :id::uuid, w.id, 'test:' || :id, '%1$s',
                       json_build_object('type', '%1$s', 'timestamp', to_char(:at::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                         'id', 'test:' || :id, 'partition', 'test:' || :id, 'seq', 1,
                                         'organizationId', w.organization_id, 'data', '{}'::json)::text,
                       :at, :expires::timestamptz, :at
                  FROM webhooks w WHERE %2$s
                RETURNING *),
            changed AS (SELECT webhook_id AS id, :organization::uuid AS organization_id FROM made),
            audited AS (
                %3$s)
            %4$s FROM made d""".formatted(
                            EventTypes.TEST,
                            ENABLED,
                            AuditEntry.of("webhook.test", "'{}'::jsonb", "changed"),
                            DeliveryReads.VIEW),
            "id",
            "at",
            "expires",
            "webhook",
            "organization",
            "entry",
            "actor");

    /** A delivery that tells nothing. Empty where the webhook is disabled or gone. */
    Uni<Optional<DeliveryView>> test(Asked asked) {
        return TEST.on(
                        pool,
                        ids.next(),
                        Rows.utc(asked.at()),
                        Rows.utc(asked.at().plus(asked.giveUpAfter())),
                        asked.webhook(),
                        asked.organization(),
                        ids.next(),
                        asked.actor())
                .map(rows -> Rows.first(rows, DeliveryReads::view));
    }

    // One that is being sent now is left to its server: it is tried again if that fails.
    private static final Sql AGAIN = Sql.of(
            """
            WITH again AS (
                UPDATE webhook_deliveries d
                   SET status = 'pending', ended_at = NULL, expires_at = :expires::timestamptz,
                       due_at = CASE WHEN d.lease_token IS NULL THEN :at::timestamptz ELSE d.due_at END,
                       attempts = CASE WHEN d.status = 'pending' THEN d.attempts ELSE 0 END
                  FROM webhooks w
                 WHERE d.id = :id AND d.webhook_id = w.id AND %1$s
                RETURNING d.*),
            changed AS (SELECT id, :organization::uuid AS organization_id FROM again),
            audited AS (
                %2$s)
            %3$s FROM again d""".formatted(
                    ENABLED,
                    AuditEntry.of("webhook.redeliver", "jsonb_build_object('webhook', :webhook::uuid)", "changed"),
                    DeliveryReads.VIEW),
            "id",
            "at",
            "expires",
            "webhook",
            "organization",
            "entry",
            "actor");

    /** The same delivery, at once and with its whole time again. Empty where it or its webhook is gone or disabled. */
    Uni<Optional<DeliveryView>> again(Asked asked, UUID delivery) {
        return AGAIN.on(
                        pool,
                        delivery,
                        Rows.utc(asked.at()),
                        Rows.utc(asked.at().plus(asked.giveUpAfter())),
                        asked.webhook(),
                        asked.organization(),
                        ids.next(),
                        asked.actor())
                .map(rows -> Rows.first(rows, DeliveryReads::view));
    }
}
