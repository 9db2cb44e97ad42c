package dev.larder.webhooks;

import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Ids;
import dev.larder.webhooks.WebhookViews.Health;
import dev.larder.webhooks.WebhookViews.WebhookView;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Webhooks as people declare them. Each change writes its audit entry, which names the host and never the URL. */
@ApplicationScoped
class WebhookStore {

    private final Pool pool;
    private final Ids ids;
    private final Encryption encryption;

    WebhookStore(Pool pool, Ids ids, Encryption encryption) {
        this.pool = pool;
        this.ids = ids;
        this.encryption = encryption;
    }

    /** @param host of the URL, for the audit log: a URL may hold a token */
    record Address(String url, String host) {}

    /** A webhook to be made. */
    record NewWebhook(
            UUID organization,
            Address address,
            List<String> events,
            String description,
            boolean enabled,
            Secret secret) {}

    /** What a change leaves as it is, is null. */
    record WebhookChange(
            @Nullable Address address,
            @Nullable List<String> events,
            @Nullable String description,
            @Nullable Boolean enabled) {}

    private static final String VIEW = """
            SELECT w.id, w.organization_id, w.url, w.events, w.description, w.created_at, w.enabled_at IS NOT NULL AS enabled,
                   w.disabled_at, w.disabled_reason, w.failing_since,
                   CASE WHEN w.previous_until > :at::timestamptz THEN w.previous_until END AS previous_until
            """;

    // Two calls that make webhooks of one organization wait for each other here: the second counts the first's.
    private static final Sql LOCK_ORGANIZATION = Sql.of(
            "SELECT FROM organizations WHERE id = :organization AND deleted_at IS NULL FOR NO KEY UPDATE",
            "organization");

    // Without an enabled webhook no server moves the cursor. The first one is sent what commits from now on.
    private static final Sql ANCHOR = Sql.of("""
            UPDATE webhook_cursor SET previous = pg_current_snapshot(), until = NULL, last = '0', rescan = false
             WHERE NOT EXISTS (SELECT FROM webhooks WHERE enabled_at IS NOT NULL)""");

    private static final Sql CREATE = Sql.of(
            """
            WITH created AS (
                INSERT INTO webhooks (id, organization_id, url, events, description, secret_sealed, created_at,
                                      enabled_at, disabled_at, disabled_reason)
                SELECT :id::uuid, :organization, :url, :events::text[], :description, :sealed, :at::timestamptz,
                       CASE WHEN :enabled THEN :at END, CASE WHEN NOT :enabled THEN :at END,
                       CASE WHEN NOT :enabled THEN 'by_user' END
                 WHERE (SELECT count(*) FROM webhooks WHERE organization_id = :organization::uuid) < :most::integer
                RETURNING *),
            audited AS (
                %s)
            %s FROM created w""".formatted(
                            AuditEntry.of(
                                    "webhook.create",
                                    "jsonb_build_object('host', :host::text, 'events', to_jsonb(events))",
                                    "created"),
                            VIEW),
            "id",
            "organization",
            "url",
            "events",
            "description",
            "sealed",
            "at",
            "enabled",
            "most",
            "entry",
            "actor",
            "host");

    /** Empty where the organization has as many as it may have, or was deleted. */
    Uni<Optional<WebhookView>> create(NewWebhook wanted, int most, UUID actor, Instant at) {
        return pool.withTransaction(connection -> LOCK_ORGANIZATION
                .on(connection, wanted.organization())
                .chain(locked -> locked.size() == 0
                        ? Uni.createFrom().item(Optional.empty())
                        : ANCHOR.on(connection).chain(() -> insert(connection, wanted, most, actor, at))));
    }

    private Uni<Optional<WebhookView>> insert(
            SqlConnection connection, NewWebhook wanted, int most, UUID actor, Instant at) {
        UUID id = ids.next();
        return CREATE.on(
                        connection,
                        id,
                        wanted.organization(),
                        wanted.address().url(),
                        wanted.events().toArray(String[]::new),
                        wanted.description(),
                        encrypted(id, wanted.secret()),
                        Rows.utc(at),
                        wanted.enabled(),
                        most,
                        ids.next(),
                        actor,
                        wanted.address().host())
                .map(rows -> Rows.first(rows, WebhookStore::view));
    }

    private Buffer encrypted(UUID id, Secret secret) {
        return Buffer.buffer(encryption.encrypt(id, secret.reveal()));
    }

    private static final Sql CHANGE = Sql.of(
            """
            WITH changed AS (
                UPDATE webhooks w SET url = coalesce(:url, w.url), events = coalesce(:events::text[], w.events),
                       description = coalesce(:description, w.description),
                       enabled_at = CASE WHEN coalesce(:enabled, w.enabled_at IS NOT NULL)
                                         THEN coalesce(w.enabled_at, :at::timestamptz) END,
                       disabled_at = CASE WHEN NOT coalesce(:enabled, w.enabled_at IS NOT NULL)
                                          THEN coalesce(w.disabled_at, :at) END,
                       disabled_reason = CASE WHEN NOT coalesce(:enabled, w.enabled_at IS NOT NULL)
                                              THEN coalesce(w.disabled_reason, 'by_user') END,
                       failing_since = CASE WHEN NOT (:enabled::boolean IS TRUE AND w.enabled_at IS NULL)
                                            THEN w.failing_since END
                 WHERE w.id = :id AND w.organization_id = :organization
                RETURNING *),
            audited AS (
                %s)
            %s FROM changed w""".formatted(
                            AuditEntry.of(
                                    "webhook.change",
                                    "jsonb_strip_nulls(jsonb_build_object('host', :host::text, 'events', to_jsonb(:events), 'enabled', :enabled))",
                                    "changed"),
                            VIEW),
            "id",
            "organization",
            "url",
            "events",
            "description",
            "enabled",
            "at",
            "entry",
            "actor",
            "host");

    /** One that is enabled again is sent what happens from now on, and what was pending. Empty where there is none. */
    Uni<Optional<WebhookView>> change(UUID organization, UUID id, WebhookChange change, UUID actor, Instant at) {
        return pool.withTransaction(connection ->
                ANCHOR.on(connection).chain(() -> update(connection, organization, id, change, actor, at)));
    }

    private Uni<Optional<WebhookView>> update(
            SqlConnection connection, UUID organization, UUID id, WebhookChange change, UUID actor, Instant at) {
        Address address = change.address();
        List<String> events = change.events();
        return CHANGE.on(
                        connection,
                        id,
                        organization,
                        address == null ? null : address.url(),
                        events == null ? null : events.toArray(String[]::new),
                        change.description(),
                        change.enabled(),
                        Rows.utc(at),
                        ids.next(),
                        actor,
                        address == null ? null : address.host())
                .map(rows -> Rows.first(rows, WebhookStore::view));
    }

    private static final Sql ROTATE = Sql.of(
            """
            WITH rotated AS (
                UPDATE webhooks w SET secret_sealed = :sealed, previous_sealed = CASE WHEN :until::timestamptz > :at THEN w.secret_sealed END,
                       previous_until = CASE WHEN :until > :at::timestamptz THEN :until END
                 WHERE w.id = :id AND w.organization_id = :organization
                RETURNING *),
            audited AS (
                %s)
            %s FROM rotated w""".formatted(
                    AuditEntry.of("webhook.rotate", "jsonb_build_object('previousUntil', previous_until)", "rotated"),
                    VIEW),
            "id",
            "organization",
            "sealed",
            "until",
            "at",
            "entry",
            "actor");

    /**
     * Replaces the secret. A third secret ends the first one.
     *
     * @param until how long the old secret signs too
     */
    Uni<Optional<WebhookView>> rotate(
            UUID organization, UUID id, Secret secret, Instant until, UUID actor, Instant at) {
        return ROTATE.on(
                        pool, id, organization, encrypted(id, secret), Rows.utc(until), Rows.utc(at), ids.next(), actor)
                .map(rows -> Rows.first(rows, WebhookStore::view));
    }

    private static final Sql DELETE = Sql.of(
            """
            WITH deleted AS (
                DELETE FROM webhooks WHERE id = :id AND organization_id = :organization RETURNING *),
            audited AS (
                %s)
            SELECT id FROM deleted""".formatted(AuditEntry.of("webhook.delete", "'{}'::jsonb", "deleted")),
            "id",
            "organization",
            "at",
            "entry",
            "actor");

    /** Its deliveries are sent no more; clean-up removes them. */
    Uni<Boolean> delete(UUID organization, UUID id, UUID actor, Instant at) {
        return DELETE.on(pool, id, organization, Rows.utc(at), ids.next(), actor)
                .map(rows -> rows.size() > 0);
    }

    private static final Sql FIND = Sql.of(
            VIEW + " FROM webhooks w WHERE w.id = :id AND w.organization_id = :organization",
            "at",
            "id",
            "organization");

    Uni<Optional<WebhookView>> find(UUID organization, UUID id, Instant at) {
        return FIND.on(pool, Rows.utc(at), id, organization).map(rows -> Rows.first(rows, WebhookStore::view));
    }

    private static final Sql LIST = Sql.of(
            VIEW + " FROM webhooks w WHERE w.organization_id = :organization AND " + Rules.before("w.id")
                    + " ORDER BY w.id DESC LIMIT :limit",
            "at",
            "organization",
            "before",
            "limit");

    /** Newest first. */
    Uni<List<WebhookView>> list(UUID organization, Optional<UUID> before, int rowsMax, Instant at) {
        return LIST.on(pool, Rows.utc(at), organization, before.orElse(null), rowsMax)
                .map(rows -> Rows.list(rows, WebhookStore::view));
    }

    private static WebhookView view(Row row) {
        return new WebhookView(
                row.getUUID("id"),
                row.getUUID("organization_id"),
                row.getString("url"),
                List.of(row.getArrayOfStrings("events")),
                row.getString("description"),
                Rows.instant(row, "created_at"),
                new Health(
                        row.getBoolean("enabled"),
                        Rows.instantOrNull(row, "disabled_at"),
                        row.getString("disabled_reason"),
                        Rows.instantOrNull(row, "failing_since")),
                Rows.instantOrNull(row, "previous_until"));
    }
}
