package dev.larder.webhooks;

import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AdminNotification;
import dev.larder.webhooks.Verdict.Outcome;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Leases deliveries to a server, and settles what became of them. */
@ApplicationScoped
class DeliveryStore {

    private final Pool pool;
    private final Encryption encryption;

    DeliveryStore(Pool pool, Encryption encryption) {
        this.pool = pool;
        this.encryption = encryption;
    }

    /**
     * A delivery that this server sends.
     *
     * @param token of the lease
     * @param failing whether the last attempt of its webhook failed
     */
    record Leased(
            UUID id, UUID webhook, UUID token, int attempt, Instant expiresAt, boolean failing, Message message) {}

    /** @param secrets the one that holds, and the one before while it does; empty where they cannot be decrypted */
    record Message(String url, String body, List<Secret> secrets) {}

    /**
     * How much is leased.
     *
     * @param slots deliveries in all
     * @param failingSlots of them those of webhooks that fail, so that they never hold up the others
     * @param each of one webhook, those that are being sent included
     */
    record Room(int slots, int failingSlots, int each) {}

    /** A condition: the lease of the delivery has not ended. */
    private static final String SENDING = "d.lease_token IS NOT NULL AND d.due_at > :at::timestamptz";

    // The rows of the webhooks are locked, so that two servers do not count the same room. One that is locked because
    // an attempt of it is being settled is skipped; the end of that attempt wakes its server.
    private static final String WEBHOOKS = """
            WITH hooks AS MATERIALIZED (
                SELECT w.id, w.failing_since IS NOT NULL AS failing
                  FROM webhooks w
                 WHERE w.enabled_at IS NOT NULL
                   AND EXISTS (SELECT FROM webhook_deliveries d
                                WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.due_at <= :at::timestamptz)
                   AND EXISTS (SELECT FROM organizations o WHERE o.id = w.organization_id AND o.deleted_at IS NULL)
                   FOR NO KEY UPDATE OF w SKIP LOCKED),
            room AS MATERIALIZED (
                SELECT h.*, CASE WHEN h.failing THEN 1 ELSE :each::integer END
                            - (SELECT count(*)::integer FROM webhook_deliveries d WHERE d.webhook_id = h.id AND {sending}) AS free
                  FROM hooks h)""".replace("{sending}", SENDING);

    private static final String PICKED = """
            due AS MATERIALIZED (
                SELECT r.failing, n.id, n.due_at
                  FROM room r CROSS JOIN LATERAL (
                       SELECT d.id, d.due_at FROM webhook_deliveries d
                        WHERE d.webhook_id = r.id AND d.status = 'pending' AND d.due_at <= :at
                        ORDER BY d.due_at, d.id LIMIT greatest(r.free, 0)) n),
            picked AS MATERIALIZED (
                SELECT p.id, p.due_at
                  FROM (SELECT d.*, row_number() OVER (PARTITION BY d.failing ORDER BY d.due_at, d.id) AS n FROM due d) p
                 WHERE NOT p.failing OR p.n <= :failing_slots::integer
                 ORDER BY p.failing, p.due_at, p.id LIMIT :slots::integer)""";

    // Whether it is still due is asked again: another server may have leased it since this statement began.
    private static final Sql LEASE =
            Sql.of(WEBHOOKS + ",\n" + PICKED + """
            , leased AS (
                UPDATE webhook_deliveries d
                   SET lease_token = gen_random_uuid(), due_at = :until::timestamptz, attempts = d.attempts + 1, attempted_at = :at
                 WHERE d.id = ANY (ARRAY(SELECT id FROM picked)) AND d.status = 'pending' AND d.due_at <= :at
                RETURNING d.id, d.webhook_id, d.lease_token, d.attempts, d.expires_at, d.body)
            SELECT l.*, w.url, w.failing_since IS NOT NULL AS failing, w.secret_sealed,
                   CASE WHEN w.previous_until > :at THEN w.previous_sealed END AS previous_sealed
              FROM leased l JOIN webhooks w ON w.id = l.webhook_id JOIN picked p ON p.id = l.id
             ORDER BY p.due_at, l.id""", "at", "each", "slots", "failing_slots", "until");

    /** @param until when the lease ends; another server sends it then */
    Uni<List<Leased>> lease(Room room, Instant at, Instant until) {
        return LEASE.on(pool, Rows.utc(at), room.each(), room.slots(), room.failingSlots(), Rows.utc(until))
                .map(rows -> Rows.list(rows, this::leased));
    }

    private Leased leased(Row row) {
        return new Leased(
                row.getUUID("id"),
                row.getUUID("webhook_id"),
                row.getUUID("lease_token"),
                row.getInteger("attempts"),
                Rows.instant(row, "expires_at"),
                row.getBoolean("failing"),
                new Message(row.getString("url"), row.getString("body"), secrets(row)));
    }

    private List<Secret> secrets(Row row) {
        List<Secret> secrets = new ArrayList<>();
        for (String column : List.of("secret_sealed", "previous_sealed")) {
            Optional.ofNullable(row.getBuffer(column))
                    .flatMap(encrypted -> secret(row.getUUID("webhook_id"), encrypted.getBytes()))
                    .ifPresent(secrets::add);
        }
        return secrets;
    }

    private Optional<Secret> secret(UUID webhook, byte[] encrypted) {
        try {
            return Secret.read(encryption.decrypt(webhook, encrypted));
        } catch (Encryption.UnreadableException otherKey) {
            return Optional.empty();
        }
    }

    // The webhook's row is written only where its health changes, so that its deliveries do not wait for each other.
    private static final String SETTLED = """
            WITH settled AS (
                UPDATE webhook_deliveries d
                   SET status = :status, due_at = :due::timestamptz, ended_at = CASE WHEN :due IS NULL THEN :at::timestamptz END,
                       lease_token = NULL, status_code = :status_code::integer, error_code = :error_code,
                       attempt_log = CASE WHEN jsonb_array_length(d.attempt_log) < 20 THEN d.attempt_log ELSE d.attempt_log - 0 END
                                     || :attempt::jsonb
                 WHERE d.id = :id AND d.lease_token = :token
                RETURNING d.webhook_id),
            """;

    private static final String DISABLES =
            "coalesce(w.enabled_at IS NOT NULL AND (:reason = 'gone' OR :failed AND w.failing_since <= :failing_before::timestamptz), false)";

    private static final String HEALTH = """
            changed AS (
                UPDATE webhooks w
                   SET failing_since = CASE WHEN :failed::boolean THEN coalesce(w.failing_since, :at) END,
                       enabled_at = CASE WHEN NOT ({disables}) THEN w.enabled_at END,
                       disabled_at = CASE WHEN {disables} THEN :at ELSE w.disabled_at END,
                       disabled_reason = CASE WHEN {disables} THEN coalesce(:reason::text, 'failing') ELSE w.disabled_reason END
                  FROM settled s
                 WHERE w.id = s.webhook_id AND ((w.failing_since IS NULL) = :failed OR {disables})
                RETURNING w.id, w.organization_id, w.disabled_at, w.disabled_reason),
            disabled AS (SELECT * FROM changed WHERE disabled_at = :at)
            """.replace("{disables}", DISABLES);

    private static final String TOLD = AdminNotification.of(
            "webhook_disabled",
            "webhook::text || ':' || disabled_at::text",
            "jsonb_build_object('webhook_id', webhook, 'reason', disabled_reason)",
            "(SELECT time_ordered_id(:at::timestamptz) AS id, organization_id, id AS webhook, disabled_at, disabled_reason FROM disabled) t");

    private static final Sql SETTLE = Sql.of(
            SETTLED + HEALTH + """
            , told AS (
                %s)
            SELECT (SELECT count(*) FROM settled) AS settled, (SELECT d.disabled_reason FROM disabled d) AS disabled""".formatted(TOLD),
            "status",
            "due",
            "at",
            "status_code",
            "error_code",
            "attempt",
            "id",
            "token",
            "failed",
            "reason",
            "failing_before");

    /**
     * What an attempt came to.
     *
     * @param disabled why the webhook was disabled with it; null where it was not
     * @param lost whether the lease had ended before, so that nothing was written
     */
    record Settled(@Nullable String disabled, boolean lost) {}

    /**
     * Writes what became of an attempt.
     *
     * @param began when the attempt did
     * @param disableAfter a webhook is disabled that has failed for so long
     */
    Uni<Settled> settle(
            Leased leased, Outcome outcome, Verdict verdict, Instant began, Instant at, Duration disableAfter) {
        @Nullable Integer statusCode = outcome instanceof Outcome.Answered(int status, var unused) ? status : null;
        @Nullable String errorCode = errorCode(outcome);
        JsonObject attempt = new JsonObject()
                .put("number", leased.attempt())
                .put("at", began.toString())
                .put("millis", Duration.between(began, at).toMillis())
                .put("statusCode", statusCode)
                .put("errorCode", errorCode);
        return SETTLE.on(
                        pool,
                        status(verdict),
                        verdict instanceof Verdict.Again(Instant due) ? Rows.utc(due) : null,
                        Rows.utc(at),
                        statusCode,
                        errorCode,
                        attempt,
                        leased.id(),
                        leased.token(),
                        !(verdict instanceof Verdict.Delivered),
                        verdict instanceof Verdict.Gone ? "gone" : null,
                        Rows.utc(at.minus(disableAfter)))
                .map(rows -> Rows.first(rows, DeliveryStore::settled).orElseThrow());
    }

    private static Settled settled(Row row) {
        return new Settled(row.getString("disabled"), row.getLong("settled") == 0);
    }

    private static String status(Verdict verdict) {
        return switch (verdict) {
            case Verdict.Delivered() -> "delivered";
            case Verdict.Again(Instant unused) -> "pending";
            case Verdict.GivenUp() -> "failed";
            case Verdict.Gone() -> "failed";
        };
    }

    private static @Nullable String errorCode(Outcome outcome) {
        return switch (outcome) {
            case Outcome.Failed(String code) -> code;
            case Outcome.Answered(int status, var unused) when status / 100 == 2 -> null;
            case Outcome.Answered(int status, var unused) when status / 100 == 3 -> "redirected";
            case Outcome.Answered(int status, var unused) when status == 410 -> "gone";
            case Outcome.Answered(int status, var unused) -> "refused";
        };
    }

    // What no server sends ends here: the webhook is disabled or deleted. The server that sends one settles it.
    private static final Sql EXPIRE = Sql.of("""
            WITH over AS (
                SELECT d.id FROM webhook_deliveries d
                 WHERE d.status = 'pending' AND d.expires_at <= :at::timestamptz AND NOT (%s)
                 ORDER BY d.expires_at LIMIT :limit FOR UPDATE SKIP LOCKED)
            UPDATE webhook_deliveries d
               SET status = 'failed', due_at = NULL, lease_token = NULL, ended_at = :at, error_code = coalesce(d.error_code, 'expired')
              FROM over o WHERE d.id = o.id""".formatted(SENDING), "at", "limit");

    /** @return how many deliveries were given up */
    Uni<Integer> expire(Instant at, int limit) {
        return EXPIRE.on(pool, Rows.utc(at), limit).map(rows -> rows.rowCount());
    }

    private static final Sql LIMIT_BACKLOG = Sql.of("""
            WITH disabled AS (
                UPDATE webhooks w SET enabled_at = NULL, disabled_at = :at::timestamptz, disabled_reason = 'backlog'
                 WHERE w.enabled_at IS NOT NULL
                   AND :most::integer < (SELECT count(*) FROM (SELECT FROM webhook_deliveries d
                                                                 WHERE d.webhook_id = w.id AND d.status = 'pending'
                                                                 LIMIT :most + 1) pending)
                RETURNING w.id, w.organization_id, w.disabled_at, w.disabled_reason)
            %s""".formatted(TOLD), "at", "most");

    /** @return how many webhooks were disabled because they had more pending deliveries than this */
    Uni<Integer> limitBacklog(int most, Instant at) {
        return LIMIT_BACKLOG.on(pool, Rows.utc(at), most).map(rows -> rows.rowCount());
    }
}
