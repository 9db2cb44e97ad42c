package dev.larder.store;

import dev.larder.pool.Ids;
import dev.larder.pool.Scope;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Hands workspaces out and takes them back (design, section 3). The database decides: a claim is one statement that
 * locks the row it picks, so that concurrent claims never get the same one and a claim and a deletion exclude each other.
 */
@ApplicationScoped
public class ClaimStore {

    private static final String UNIQUE_VIOLATION = "23505";

    private final Pool pool;
    private final Seal seal;
    private final Ids ids;

    public ClaimStore(Pool pool, Seal seal, Ids ids) {
        this.pool = pool;
        this.seal = seal;
        this.ids = ids;
    }

    /**
     * Under which a claim is told from its retry.
     *
     * @param hash of the request; 32 bytes
     */
    public record IdempotencyKey(String key, byte[] hash) {}

    /** A claim as it was recorded, with what it handed out as it is now. */
    public record Claim(
            UUID id,
            UUID userId,
            String path,
            Instant createdAt,
            Optional<Instant> endedAt,
            Optional<String> endedReason,
            Optional<Step> step,
            Workspace workspace) {}

    /**
     * The claim build (design, section 3.5).
     *
     * @param status of its job; {@code pending} as well before it has one
     */
    public record Step(
            String status,
            @Nullable String errorCode,
            @Nullable String error) {}

    /**
     * What was handed out.
     *
     * @param claimStepWanted whether a claim build is still to come
     * @param outputs sealed; {@link #open} gives them to the claimer alone
     */
    public record Workspace(
            UUID id,
            UUID organizationId,
            String organization,
            String template,
            @Nullable String preset,
            String name,
            int version,
            String transition,
            String buildStatus,
            Instant createdAt,
            Optional<Instant> readyAt,
            boolean claimStepWanted,
            Optional<Instant> deletedAt,
            byte @Nullable [] outputs) {}

    /** Opens the outputs of a workspace: a JSON object. Empty where there are none. */
    public Optional<String> open(Workspace workspace) {
        return Optional.ofNullable(workspace.outputs()).map(bytes -> seal.open(workspace.id(), bytes));
    }

    private static final String FIND_PRESET = """
            SELECT p.id, p.organization_id
              FROM organizations o
              JOIN templates t ON t.organization_id = o.id AND t.deleted_at IS NULL
              JOIN presets p ON p.version_id = t.active_version_id
             WHERE ($1::text IS NULL OR o.name = $1) AND t.name = $2 AND p.name = $3
               AND ($4::uuid IS NULL OR o.id = $4)""";

    /**
     * The preset of the template's active version.
     *
     * @param organization its name; empty for the caller's own, which must be given then
     */
    public Uni<Optional<UUID>> findPreset(
            Optional<String> organization, String template, String preset, Optional<UUID> callersOrganization) {
        return pool.preparedQuery(FIND_PRESET)
                .execute(Tuple.of(organization.orElse(null), template, preset, callersOrganization.orElse(null)))
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    // What follows once a workspace is picked, however it was: $2 user, $3 instant, $4 claim, $5 key, $6 request hash.
    private static final String HAND_OVER = """
            moved AS (
                UPDATE workspaces w SET owner_id = $2::uuid, prebuild = false, version = w.version + 1, claimed_at = $3::timestamptz,
                       claim_step_wanted_at = CASE WHEN v.claim_step THEN $3::timestamptz END
                  FROM picked, template_versions v WHERE w.id = picked.id AND v.id = w.version_id
                RETURNING w.id, w.organization_id, w.preset_id),
            recorded AS (
                INSERT INTO claims (id, organization_id, user_id, workspace_id, preset_id, path, idempotency_key,
                                    request_hash, created_at)
                SELECT $4::uuid, organization_id, $2::uuid, id, preset_id, 'warm', $5::text, $6::bytea, $3::timestamptz FROM moved),
            dirty AS (
                INSERT INTO dirty_presets (preset_id) SELECT preset_id FROM moved)
            SELECT id FROM moved""";

    // The row lock is on the base table, so SKIP LOCKED works; a key that was used before picks nothing.
    private static final String CLAIM_OLDEST_READY = """
            WITH preset AS (
                SELECT p.id, greatest(p.last_invalidated_at, $3::timestamptz - make_interval(secs => p.ttl_seconds)) AS fresh_from
                  FROM presets p
                  JOIN templates t ON t.id = p.template_id AND t.active_version_id = p.version_id
                 WHERE p.id = $1::uuid AND t.deleted_at IS NULL AND t.deprecated_reason IS NULL
                   AND ($7::uuid IS NULL OR p.organization_id = $7)
                   AND NOT EXISTS (SELECT FROM claims c WHERE c.user_id = $2::uuid AND c.idempotency_key = $5::text)),
            picked AS (
                SELECT w.id
                  FROM workspaces w, preset p
                 WHERE w.preset_id = $1::uuid AND w.prebuild AND w.ready_at IS NOT NULL
                   AND w.transition = 'start' AND w.build_status = 'succeeded' AND w.deletion_wanted_at IS NULL
                   AND (p.fresh_from IS NULL OR w.created_at >= p.fresh_from)
                 ORDER BY w.created_at, w.id
                 LIMIT 1
                   FOR UPDATE OF w SKIP LOCKED),
            """ + HAND_OVER;

    /**
     * Gives the oldest claimable prebuild of the preset to the user.
     *
     * @return the claim's id; empty where nothing was picked, or where the key has been used: {@link #findByKey} tells
     */
    public Uni<Optional<UUID>> claimOldestReady(
            UUID preset, UUID user, Optional<UUID> callersOrganization, Optional<IdempotencyKey> key, Instant at) {
        UUID claim = ids.next();
        Tuple values = Tuple.tuple()
                .addValue(preset)
                .addValue(user)
                .addValue(Rows.utc(at))
                .addValue(claim)
                .addValue(key(key))
                .addValue(hash(key))
                .addValue(callersOrganization.orElse(null));
        return pool.preparedQuery(CLAIM_OLDEST_READY)
                .execute(values)
                .map(rows -> claimed(rows, claim))
                .onFailure(ClaimStore::keyTaken)
                .recoverWithItem(Optional.empty());
    }

    private static final String CLAIM_EXACTLY = """
            WITH picked AS (
                SELECT w.id
                  FROM workspaces w
                  JOIN presets p ON p.id = w.preset_id
                  JOIN templates t ON t.id = p.template_id AND t.active_version_id = p.version_id
                 WHERE w.id = $1::uuid AND w.version = $7 AND ($8::uuid IS NULL OR w.organization_id = $8)
                   AND w.prebuild AND w.ready_at IS NOT NULL
                   AND w.transition = 'start' AND w.build_status = 'succeeded' AND w.deletion_wanted_at IS NULL
                   AND t.deleted_at IS NULL AND t.deprecated_reason IS NULL
                   AND (p.last_invalidated_at IS NULL OR w.created_at >= p.last_invalidated_at)
                   AND (p.ttl_seconds IS NULL OR w.created_at >= $3::timestamptz - make_interval(secs => p.ttl_seconds))
                   AND NOT EXISTS (SELECT FROM claims c WHERE c.user_id = $2::uuid AND c.idempotency_key = $5::text)
                   FOR UPDATE OF w),
            """ + HAND_OVER;

    /** Gives this prebuild to the user if it still has this version and is claimable; otherwise as above. */
    public Uni<Optional<UUID>> claimExactly(
            UUID workspace,
            int version,
            UUID user,
            Optional<UUID> callersOrganization,
            Optional<IdempotencyKey> key,
            Instant at) {
        UUID claim = ids.next();
        Tuple values = Tuple.tuple()
                .addValue(workspace)
                .addValue(user)
                .addValue(Rows.utc(at))
                .addValue(claim)
                .addValue(key(key))
                .addValue(hash(key))
                .addValue(version)
                .addValue(callersOrganization.orElse(null));
        return pool.preparedQuery(CLAIM_EXACTLY)
                .execute(values)
                .map(rows -> claimed(rows, claim))
                .onFailure(ClaimStore::keyTaken)
                .recoverWithItem(Optional.empty());
    }

    private static final String CLAIM_COLD = """
            WITH preset AS (
                SELECT p.*, v.backend, v.claim_step, v.start_timeout_seconds AS timeout,
                       (SELECT s.id FROM tagsets s WHERE s.tags = v.tags) AS tagset_id
                  FROM presets p
                  JOIN templates t ON t.id = p.template_id AND t.active_version_id = p.version_id
                  JOIN template_versions v ON v.id = p.version_id
                 WHERE p.id = $1::uuid AND t.deleted_at IS NULL AND t.deprecated_reason IS NULL
                   AND NOT EXISTS (SELECT FROM claims c WHERE c.user_id = $2::uuid AND c.idempotency_key = $5::text)
                   FOR SHARE OF t),
            workspace AS (
                INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name,
                                        created_at, claimed_at, claim_step_wanted_at, build_id, build_number, transition, build_status)
                SELECT $7::uuid, organization_id, $2::uuid, false, template_id, version_id, id, $10::text, $3::timestamptz, $3::timestamptz,
                       CASE WHEN claim_step THEN $3::timestamptz END, $8::uuid, 1, 'start', 'pending'
                  FROM preset),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                    created_at)
                SELECT $8::uuid, $7::uuid, 1, 'start', $2::uuid, 'cold_claim', version_id, id, $3::timestamptz FROM preset),
            job AS (
                INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                                  timeout_seconds)
                SELECT $9::uuid, $8::uuid, $7::uuid, organization_id, backend, tagset_id, $3::timestamptz, $3::timestamptz, timeout FROM preset)
            INSERT INTO claims (id, organization_id, user_id, workspace_id, preset_id, path, idempotency_key,
                                request_hash, created_at)
            SELECT $4::uuid, organization_id, $2::uuid, $7::uuid, id, 'cold', $5::text, $6::bytea, $3::timestamptz FROM preset
            RETURNING workspace_id AS id""";

    /** Starts a build for the user where nothing was in stock; otherwise as above. */
    public Uni<Optional<UUID>> claimCold(UUID preset, UUID user, Optional<IdempotencyKey> key, Instant at) {
        UUID claim = ids.next();
        Tuple values = Tuple.tuple()
                .addValue(preset)
                .addValue(user)
                .addValue(Rows.utc(at))
                .addValue(claim)
                .addValue(key(key))
                .addValue(hash(key))
                .addValue(ids.next())
                .addValue(ids.next())
                .addValue(ids.next())
                .addValue("cold-" + ids.suffix());
        return pool.preparedQuery(CLAIM_COLD)
                .execute(values)
                .map(rows -> claimed(rows, claim))
                .onFailure(ClaimStore::keyTaken)
                .recoverWithItem(Optional.empty());
    }

    private static @Nullable String key(Optional<IdempotencyKey> key) {
        return key.map(IdempotencyKey::key).orElse(null);
    }

    private static @Nullable Buffer hash(Optional<IdempotencyKey> key) {
        return key.map(IdempotencyKey::hash).map(Buffer::buffer).orElse(null);
    }

    private static Optional<UUID> claimed(RowSet<Row> rows, UUID claim) {
        return rows.rowCount() == 0 ? Optional.empty() : Optional.of(claim);
    }

    /** A request with the same key committed first: everything this one did is undone. */
    private static boolean keyTaken(Throwable failure) {
        return failure instanceof PgException refused
                && UNIQUE_VIOLATION.equals(refused.getSqlState())
                && "claims_by_key".equals(refused.getConstraint());
    }

    private static final String FIND_BY_KEY =
            "SELECT id, path, request_hash FROM claims WHERE user_id = $1 AND idempotency_key = $2";

    /** What an earlier request under the user's key came to; empty where there was none. */
    public Uni<Optional<Earlier>> findByKey(UUID user, IdempotencyKey key) {
        return pool.preparedQuery(FIND_BY_KEY)
                .execute(Tuple.of(user, key.key()))
                .map(rows -> Rows.first(rows, row -> earlier(row, key)));
    }

    /** @param sameRequest whether it asked for the same; otherwise the key was reused */
    public record Earlier(UUID claim, String path, boolean sameRequest) {}

    private static Earlier earlier(Row row, IdempotencyKey key) {
        return new Earlier(
                row.getUUID("id"),
                row.getString("path"),
                Arrays.equals(row.getBuffer("request_hash").getBytes(), key.hash()));
    }

    private static final String SHORTAGE = """
            SELECT t.active_version_id = p.version_id AND t.deleted_at IS NULL AND t.deprecated_reason IS NULL AS active,
                   t.deprecated_reason,
                   (SELECT count(*)
                      FROM workspaces w
                     WHERE w.preset_id = p.id AND w.prebuild AND w.ready_at IS NOT NULL
                       AND w.transition = 'start' AND w.build_status = 'succeeded' AND w.deletion_wanted_at IS NULL
                       AND (p.last_invalidated_at IS NULL OR w.created_at >= p.last_invalidated_at)
                       AND (p.ttl_seconds IS NULL OR w.created_at >= $2::timestamptz - make_interval(secs => p.ttl_seconds))) AS claimable,
                   (SELECT count(*)
                      FROM workspaces w
                     WHERE w.preset_id = p.id AND w.prebuild AND w.deleted_at IS NULL
                       AND w.transition = 'start' AND w.build_status IN ('pending', 'running')) AS starting,
                   (SELECT extract(epoch FROM avg(r.took))::float8
                      FROM (SELECT j.completed_at - j.created_at AS took
                              FROM builds b JOIN jobs j ON j.build_id = b.id
                             WHERE b.preset_id = p.id AND b.attempt IS NOT NULL AND j.status = 'succeeded'
                             ORDER BY b.attempt DESC LIMIT 10) r) AS build_seconds
              FROM presets p
              JOIN templates t ON t.id = p.template_id
             WHERE p.id = $1 AND ($3::uuid IS NULL OR p.organization_id = $3)""";

    /** Why nothing could be claimed, and when it may be worth asking again. Empty for an unknown preset. */
    public Uni<Optional<Shortage>> shortage(UUID preset, Optional<UUID> callersOrganization, Instant at) {
        return pool.preparedQuery(SHORTAGE)
                .execute(Tuple.of(preset, Rows.utc(at), callersOrganization.orElse(null)))
                .map(rows -> Rows.first(rows, ClaimStore::shortage));
    }

    /**
     * @param claimable prebuilds that could be claimed but were locked by somebody a moment ago
     * @param starting prebuilds under way
     * @param buildTime what the newest starts took from being asked for to being ready; empty where none succeeded yet
     */
    public record Shortage(
            boolean active, Optional<String> deprecated, long claimable, long starting, Optional<Duration> buildTime) {}

    private static Shortage shortage(Row row) {
        Double seconds = row.getDouble("build_seconds");
        return new Shortage(
                Boolean.TRUE.equals(row.getBoolean("active")),
                Optional.ofNullable(row.getString("deprecated_reason")),
                row.getLong("claimable"),
                row.getLong("starting"),
                Optional.ofNullable(seconds).map(s -> Duration.ofMillis(Math.round(s * 1000))));
    }

    private static final String SELECT_CLAIM = """
            SELECT c.id AS claim_id, c.user_id, c.path, c.created_at AS claim_created_at, c.ended_at, c.ended_reason,
                   w.id, w.organization_id, o.name AS organization, t.name AS template, p.name AS preset, w.name, w.version,
                   w.transition, w.build_status, w.created_at, w.ready_at, w.deleted_at, w.outputs_sealed,
                   w.claim_step_wanted_at, s.status AS step_status, s.error_code AS step_error_code, s.error AS step_error
              FROM claims c
              JOIN workspaces w ON w.id = c.workspace_id
              JOIN organizations o ON o.id = w.organization_id
              JOIN templates t ON t.id = w.template_id
              LEFT JOIN presets p ON p.id = w.preset_id
              LEFT JOIN builds b ON b.workspace_id = w.id AND b.number = 2 AND b.reason = 'claim'
              LEFT JOIN jobs s ON s.build_id = b.id
            """;

    private static final String FIND = SELECT_CLAIM + """
             WHERE c.id = $1 AND ($2::uuid IS NULL OR c.organization_id = $2) AND ($3::uuid IS NULL OR c.user_id = $3)""";

    public Uni<Optional<Claim>> find(UUID claim, Scope scope) {
        return pool.preparedQuery(FIND)
                .execute(Tuple.of(
                        claim, scope.organization().orElse(null), scope.owner().orElse(null)))
                .map(rows -> Rows.first(rows, ClaimStore::claim));
    }

    private static final String LIST = SELECT_CLAIM + """
             WHERE ($1::uuid IS NULL OR c.organization_id = $1) AND ($2::uuid IS NULL OR c.user_id = $2)
               AND ($3::uuid IS NULL OR c.id > $3)
             ORDER BY c.id LIMIT $4""";

    /** As {@link #find}, a page of them. */
    public Uni<List<Claim>> list(Scope scope, Optional<UUID> after, int limit) {
        return pool.preparedQuery(LIST)
                .execute(Tuple.of(
                        scope.organization().orElse(null), scope.owner().orElse(null), after.orElse(null), limit))
                .map(rows -> Rows.list(rows, ClaimStore::claim));
    }

    private static Claim claim(Row row) {
        return new Claim(
                row.getUUID("claim_id"),
                row.getUUID("user_id"),
                row.getString("path"),
                Rows.instant(row, "claim_created_at"),
                Optional.ofNullable(Rows.instantOrNull(row, "ended_at")),
                Optional.ofNullable(row.getString("ended_reason")),
                step(row),
                workspace(row));
    }

    private static Optional<Step> step(Row row) {
        String status =
                row.getOffsetDateTime("claim_step_wanted_at") == null ? row.getString("step_status") : "pending";
        return Optional.ofNullable(status)
                .map(known -> new Step(known, row.getString("step_error_code"), row.getString("step_error")));
    }

    private static Workspace workspace(Row row) {
        io.vertx.mutiny.core.buffer.Buffer outputs = row.getBuffer("outputs_sealed");
        return new Workspace(
                row.getUUID("id"),
                row.getUUID("organization_id"),
                row.getString("organization"),
                row.getString("template"),
                row.getString("preset"),
                row.getString("name"),
                row.getInteger("version"),
                row.getString("transition"),
                row.getString("build_status"),
                Rows.instant(row, "created_at"),
                Optional.ofNullable(Rows.instantOrNull(row, "ready_at")),
                row.getOffsetDateTime("claim_step_wanted_at") != null,
                Optional.ofNullable(Rows.instantOrNull(row, "deleted_at")),
                outputs == null ? null : outputs.getBytes());
    }

    // The workspace first, as the end of a deletion does it: the other way round the two would wait for each other.
    private static final String RELEASE = """
            WITH workspace AS (
                SELECT w.id FROM claims c JOIN workspaces w ON w.id = c.workspace_id
                 WHERE c.id = $1 AND c.ended_at IS NULL
                   FOR NO KEY UPDATE OF w),
            claim AS (
                UPDATE claims c SET ended_at = $2::timestamptz, ended_reason = 'released'
                  FROM workspace WHERE c.id = $1 AND c.ended_at IS NULL
                RETURNING c.workspace_id)
            UPDATE workspaces w SET deletion_wanted_at = coalesce(deletion_wanted_at, $2::timestamptz), version = version + 1
              FROM claim WHERE w.id = claim.workspace_id""";

    /** Ends a claim; its workspace is to be deleted. Nothing where it has ended before. */
    public Uni<Boolean> release(UUID claim, Instant at) {
        return pool.preparedQuery(RELEASE)
                .execute(Tuple.of(claim, Rows.utc(at)))
                .map(rows -> rows.rowCount() == 1);
    }
}
