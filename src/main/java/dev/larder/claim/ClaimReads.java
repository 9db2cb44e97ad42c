package dev.larder.claim;

import dev.larder.claim.ClaimStore.IdempotencyKey;
import dev.larder.claim.ClaimStore.Order;
import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.lifecycle.BuildProgress;
import dev.larder.model.Scope;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Claims as they are looked at: what was handed out, who waits where, and why there is nothing to be had. */
@ApplicationScoped
public class ClaimReads {

    private final Pool pool;
    private final Encryption seal;

    public ClaimReads(Pool pool, Encryption seal) {
        this.pool = pool;
        this.seal = seal;
    }

    /**
     * A claim as it was recorded, with what it handed out as it is now.
     *
     * @param ordinal which of the claims of one request, from 0
     * @param generation the workspace's version when it was given; null while the claim waits
     * @param waitsUntil the deadline of one that waits or waited
     * @param unfit how many workspaces it was given that failed their verification
     * @param failure what went wrong last; final once the claim has ended
     * @param readyLeft how many more stood ready when this was taken from stock, 100 for more than that; empty later on
     * @param workspace empty while none is given, where the claim ended without one, and where another holding has followed
     */
    public record Claim(
            UUID id,
            UUID userId,
            UUID organizationId,
            @Nullable UUID presetId,
            String path,
            int ordinal,
            @Nullable Integer generation,
            Instant createdAt,
            Optional<Instant> grantedAt,
            Optional<Instant> expiresAt,
            Optional<Instant> waitsUntil,
            Optional<Instant> endedAt,
            Optional<String> endedReason,
            int unfit,
            Optional<Failure> failure,
            Optional<Integer> readyLeft,
            Optional<Step> step,
            Optional<Workspace> workspace) {

        public boolean waits() {
            return endedAt.isEmpty() && (workspace.isEmpty() || isVerified());
        }

        /** Whether it waits, or its cold build has not ended yet: there is more to be told soon. */
        public boolean isUnsettled() {
            return waits()
                    || (endedAt.isEmpty()
                            && workspace.filter(Workspace::inFirstBuild).isPresent());
        }

        /** Whether it has been given a workspace that may turn out to be unfit. */
        public boolean isVerified() {
            return endedAt.isEmpty() && workspace.filter(Workspace::verifying).isPresent();
        }
    }

    /**
     * What went wrong.
     *
     * @param code stable, for programs
     * @param detail one sentence for people
     */
    public record Failure(String code, String detail) {}

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
     * @param verifying whether its verification has not succeeded yet
     * @param claimStepWanted whether a claim build is still to come
     * @param outputs sealed; {@link #open} gives them to the claimer alone
     */
    public record Workspace(
            UUID id,
            String organization,
            String template,
            @Nullable String preset,
            String name,
            int version,
            int buildNumber,
            String transition,
            String buildStatus,
            Instant createdAt,
            Optional<Instant> readyAt,
            boolean verifying,
            boolean claimStepWanted,
            Optional<Instant> deletedAt,
            byte @Nullable [] outputs) {

        boolean inFirstBuild() {
            return buildNumber == 1 && transition.equals("start") && readyAt.isEmpty();
        }
    }

    /** Opens the outputs of a workspace: a JSON object. Empty where there are none. */
    public Optional<String> open(Workspace workspace) {
        return Optional.ofNullable(workspace.outputs()).map(bytes -> seal.open(workspace.id(), bytes));
    }

    /**
     * A preset that can be claimed.
     *
     * @param order in which its prebuilds are given; as declared, so it never changes
     * @param verified whether what is claimed is verified first; likewise
     */
    public record Claimable(UUID id, Order order, boolean verified) {}

    private static Claimable claimable(Row row) {
        return new Claimable(
                row.getUUID("id"),
                Order.valueOf(row.getString("claim_order").toUpperCase(Locale.ROOT)),
                Boolean.TRUE.equals(row.getBoolean("verify_step")));
    }

    private static final String FIND_PRESETS = """
            SELECT p.id, p.name, p.claim_order,
                   (SELECT v.verify_step FROM template_versions v WHERE v.id = p.version_id) AS verify_step
              FROM organizations o
              JOIN templates t ON t.organization_id = o.id AND t.deleted_at IS NULL
              JOIN presets p ON p.version_id = t.active_version_id
             WHERE ($1::text IS NULL OR o.name = $1) AND t.name = $2 AND p.name = ANY ($3::text[])
               AND ($4::uuid IS NULL OR o.id = $4)""";

    /**
     * Those of these presets that the template's active version has, by their names.
     *
     * @param organization its name; empty for the caller's own, which must be given then
     */
    public Uni<Map<String, Claimable>> findPresets(
            Optional<String> organization, String template, List<String> presets, Optional<UUID> callersOrganization) {
        return pool.preparedQuery(FIND_PRESETS)
                .execute(Tuple.of(
                        organization.orElse(null),
                        template,
                        presets.toArray(String[]::new),
                        callersOrganization.orElse(null)))
                .map(ClaimReads::byName);
    }

    private static Map<String, Claimable> byName(RowSet<Row> rows) {
        Map<String, Claimable> named = new HashMap<>();
        rows.forEach(row -> named.put(row.getString("name"), claimable(row)));
        return named;
    }

    // A sensitive value cannot be compared, so that a preset with one is never found by its parameters.
    private static final String FIND_BY_PARAMETERS = """
            SELECT p.id, p.claim_order,
                   (SELECT v.verify_step FROM template_versions v WHERE v.id = p.version_id) AS verify_step,
                   (SELECT jsonb_agg(jsonb_build_object('name', q.name, 'type', q.type, 'sensitive', q.sensitive,
                                                        'standard', CASE WHEN s.name IS NULL THEN q.default_value ELSE s.value END)
                                     ORDER BY q.ordinal)
                      FROM version_parameters q LEFT JOIN preset_parameters s ON s.preset_id = p.id AND s.name = q.name
                     WHERE q.version_id = p.version_id) AS declared
              FROM organizations o
              JOIN templates t ON t.organization_id = o.id AND t.deleted_at IS NULL
              JOIN presets p ON p.version_id = t.active_version_id
              LEFT JOIN preset_parameters g ON g.preset_id = p.id
              LEFT JOIN unnest($3::text[], $4::text[]) a (name, value) ON a.name = g.name AND a.value = g.value
             WHERE ($1::text IS NULL OR o.name = $1) AND t.name = $2
               AND ($5::uuid IS NULL OR o.id = $5)
             GROUP BY p.id
            HAVING count(g.name) = count(a.name)
             ORDER BY count(g.name) DESC, p.name
             LIMIT 1""";

    /**
     * The preset all of whose parameters are among these; the one with most of them, then the first by name (design,
     * section 3.2).
     */
    public Uni<Optional<Fitting>> findByParameters(
            Optional<String> organization,
            String template,
            Map<String, String> parameters,
            Optional<UUID> callersOrganization) {
        List<Map.Entry<String, String>> entries = List.copyOf(parameters.entrySet());
        return pool.preparedQuery(FIND_BY_PARAMETERS)
                .execute(Tuple.of(
                        organization.orElse(null),
                        template,
                        entries.stream().map(Map.Entry::getKey).toArray(String[]::new),
                        entries.stream().map(Map.Entry::getValue).toArray(String[]::new),
                        callersOrganization.orElse(null)))
                .map(rows -> Rows.first(rows, ClaimReads::fitting));
    }

    /**
     * A preset that was found by parameters.
     *
     * @param declared all parameters of its version
     */
    public record Fitting(Claimable preset, List<Declared> declared) {}

    /**
     * A parameter as stock of the preset has it.
     *
     * @param type {@code string}, {@code number} or {@code bool}
     * @param standard the preset's value, or else the default; null where there is none, and where it is sealed
     */
    public record Declared(
            String name,
            String type,
            boolean sensitive,
            @Nullable String standard) {}

    private static Fitting fitting(Row row) {
        List<Declared> declared = new ArrayList<>();
        if (row.getValue("declared") instanceof JsonArray all) {
            for (int i = 0; i < all.size(); i++) {
                JsonObject one = all.getJsonObject(i);
                declared.add(new Declared(
                        one.getString("name"),
                        one.getString("type"),
                        Boolean.TRUE.equals(one.getBoolean("sensitive")),
                        one.getString("standard")));
            }
        }
        return new Fitting(claimable(row), List.copyOf(declared));
    }

    private static final String FIND_PRESET = """
            SELECT p.id, p.claim_order, v.verify_step
              FROM presets p JOIN template_versions v ON v.id = p.version_id
             WHERE p.id = $1 AND ($2::uuid IS NULL OR p.organization_id = $2)""";

    /** This preset, whether it is active or not. */
    public Uni<Optional<Claimable>> findPreset(UUID preset, Optional<UUID> callersOrganization) {
        return pool.preparedQuery(FIND_PRESET)
                .execute(Tuple.of(preset, callersOrganization.orElse(null)))
                .map(rows -> Rows.first(rows, ClaimReads::claimable));
    }

    private static final String PRESETS_WAITED_FOR = """
            SELECT p.id, p.claim_order,
                   (SELECT v.verify_step FROM template_versions v WHERE v.id = p.version_id) AS verify_step
              FROM presets p
             WHERE p.id IN (SELECT c.preset_id FROM claims c WHERE c.workspace_id IS NULL AND c.ended_at IS NULL)
               AND EXISTS (SELECT FROM workspaces w
                            WHERE w.preset_id = p.id AND w.prebuild AND w.ready_at IS NOT NULL
                              AND w.transition = 'start' AND w.build_status = 'succeeded' AND w.deletion_wanted_at IS NULL
                              AND (p.last_invalidated_at IS NULL OR w.created_at >= p.last_invalidated_at)
                              AND (p.ttl_seconds IS NULL
                                   OR w.created_at >= $2::timestamptz - make_interval(secs => p.ttl_seconds)))
             ORDER BY random() LIMIT $1""";

    /** Presets for which somebody waits and that have something ready. */
    public Uni<List<Claimable>> presetsWaitedFor(int limit, Instant at) {
        return pool.preparedQuery(PRESETS_WAITED_FOR)
                .execute(Tuple.of(limit, Rows.utc(at)))
                .map(rows -> Rows.list(rows, ClaimReads::claimable));
    }

    private static final String FIND_BY_KEY = """
            SELECT id, path, request_hash FROM claims WHERE user_id = $1 AND idempotency_key = $2 ORDER BY ordinal""";

    /** What an earlier request under the user's key came to; empty where there was none. */
    public Uni<Optional<Earlier>> findByKey(UUID user, IdempotencyKey key) {
        return pool.preparedQuery(FIND_BY_KEY)
                .execute(Tuple.of(user, key.key()))
                .map(rows -> {
                    List<UUID> claims = Rows.list(rows, row -> row.getUUID("id"));
                    return Rows.first(rows, row -> earlier(row, claims, key));
                });
    }

    /**
     * @param claims in the order of their ordinals; at least one
     * @param sameRequest whether it asked for the same; otherwise the key was reused
     */
    public record Earlier(List<UUID> claims, String path, boolean sameRequest) {}

    private static Earlier earlier(Row row, List<UUID> claims, IdempotencyKey key) {
        byte[] stored = row.getBuffer("request_hash").getBytes();
        boolean same = Arrays.equals(stored, key.hash()) || Arrays.equals(stored, key.earlierHash());
        return new Earlier(claims, row.getString("path"), same);
    }

    // A build that no worker has begun is at most as far as the newest ones were when theirs began.
    private static final String SHORTAGE = """
            SELECT t.active_version_id = p.version_id AND t.deleted_at IS NULL AND t.deprecated_reason IS NULL AS active,
                   t.deprecated_reason, o.claims_max IS NOT NULL OR o.claims_max_per_user IS NOT NULL AS limited,
                   (SELECT count(*)
                      FROM workspaces w
                     WHERE w.preset_id = p.id AND w.prebuild AND w.ready_at IS NOT NULL
                       AND w.transition = 'start' AND w.build_status = 'succeeded' AND w.deletion_wanted_at IS NULL
                       AND (p.last_invalidated_at IS NULL OR w.created_at >= p.last_invalidated_at)
                       AND (p.ttl_seconds IS NULL OR w.created_at >= $2::timestamptz - make_interval(secs => p.ttl_seconds))) AS claimable,
                   (SELECT count(*) FROM claims c
                     WHERE c.preset_id = p.id AND c.workspace_id IS NULL AND c.ended_at IS NULL) AS waiting,
                   (SELECT count(*) FROM claims c
                     WHERE c.organization_id = p.organization_id AND c.workspace_id IS NULL AND c.ended_at IS NULL)
                       AS waiting_in_organization,
                   ARRAY(SELECT extract(epoch FROM CASE WHEN j.started_at IS NULL
                                                        THEN least($2::timestamptz - j.created_at, coalesce(r.queued, interval '0'))
                                                        ELSE coalesce(r.queued, interval '0') + ($2::timestamptz - j.started_at) END)::float8 AS progress
                      FROM workspaces w JOIN jobs j ON j.build_id = w.build_id
                     WHERE w.preset_id = p.id AND w.prebuild AND w.deleted_at IS NULL
                       AND w.transition = 'start' AND w.build_status = 'pending'
                     ORDER BY progress DESC LIMIT 1000) AS starting,
                   extract(epoch FROM r.took)::float8 AS build_seconds
              FROM presets p
              JOIN templates t ON t.id = p.template_id
              JOIN organizations o ON o.id = p.organization_id
              LEFT JOIN LATERAL (
                   SELECT avg(n.took) AS took, avg(n.queued) AS queued
                     FROM (SELECT j.completed_at - j.created_at AS took, j.started_at - j.created_at AS queued
                             FROM builds b JOIN jobs j ON j.build_id = b.id
                            WHERE b.preset_id = p.id AND b.attempt IS NOT NULL AND j.status = 'succeeded'
                            ORDER BY b.attempt DESC LIMIT 10) n) r ON true
             WHERE p.id = $1 AND ($3::uuid IS NULL OR p.organization_id = $3)""";

    /** Why nothing could be claimed, and when it may be worth asking again. Empty for an unknown preset. */
    public Uni<Optional<Shortage>> shortage(UUID preset, Optional<UUID> callersOrganization, Instant at) {
        return pool.preparedQuery(SHORTAGE)
                .execute(Tuple.of(preset, Rows.utc(at), callersOrganization.orElse(null)))
                .map(rows -> Rows.first(rows, ClaimReads::shortage));
    }

    /**
     * @param limited whether the organization has a quota
     * @param claimable prebuilds that could be claimed but were locked by somebody a moment ago
     * @param waiting claims that wait for this preset
     * @param starting how far each prebuild under way is, compared with {@code buildTime}; the furthest first
     * @param buildTime what the newest starts took from being asked for to being ready; empty where none succeeded yet
     */
    public record Shortage(
            boolean active,
            Optional<String> deprecated,
            boolean limited,
            long claimable,
            long waiting,
            long waitingInOrganization,
            List<Duration> starting,
            Optional<Duration> buildTime) {}

    private static Shortage shortage(Row row) {
        return new Shortage(
                Boolean.TRUE.equals(row.getBoolean("active")),
                Optional.ofNullable(row.getString("deprecated_reason")),
                Boolean.TRUE.equals(row.getBoolean("limited")),
                row.getLong("claimable"),
                row.getLong("waiting"),
                row.getLong("waiting_in_organization"),
                Stream.of(row.getArrayOfDoubles("starting"))
                        .map(ClaimReads::seconds)
                        .toList(),
                Optional.ofNullable(row.getDouble("build_seconds")).map(ClaimReads::seconds));
    }

    private static Duration seconds(Double seconds) {
        return Duration.ofMillis(Math.round(seconds * 1000));
    }

    // At the server that has most left for the organization.
    private static final String CONNECTIONS = """
            SELECT l.connections, l.connections_per_organization, l.connections_per_workspace,
                   c.of_organization * l.connections_per_workspace AS of_organization, c.in_all * l.connections_per_workspace AS in_all
              FROM presets p
              JOIN template_versions v ON v.id = p.version_id AND v.backend = 'postgres'
              JOIN inventory_locations l ON l.backend = 'postgres' AND l.connections IS NOT NULL
                                        AND (l.organization_id IS NULL OR l.organization_id = p.organization_id)
             CROSS JOIN LATERAL (
                   SELECT count(*) FILTER (WHERE w.organization_id = p.organization_id) AS of_organization, count(*) AS in_all
                     FROM workspaces w
                    WHERE w.place_id = l.id AND NOT w.prebuild AND w.deleted_at IS NULL
                      AND NOT (w.build_number = 1 AND w.build_status IN ('failed', 'canceled'))) c
             WHERE p.id = $1
             ORDER BY least(l.connections - c.in_all * l.connections_per_workspace,
                            l.connections_per_organization - c.of_organization * l.connections_per_workspace) DESC
             LIMIT 1""";

    /** How far the connections of the PostgreSQL server are given away; empty where none are counted. */
    public Uni<Optional<Connections>> connections(UUID preset) {
        return pool.preparedQuery(CONNECTIONS)
                .execute(Tuple.of(preset))
                .map(rows -> Rows.first(
                        rows,
                        row -> new Connections(
                                row.getInteger("connections_per_workspace"),
                                row.getLong("of_organization"),
                                row.getInteger("connections_per_organization"),
                                row.getLong("in_all"),
                                row.getInteger("connections"))));
    }

    /**
     * Connections of a PostgreSQL server that claimed workspaces may open.
     *
     * @param each of one workspace
     * @param ofOrganization those of the preset's organization, of {@code organizationMax}
     * @param inAll those of all, of {@code max}
     */
    public record Connections(int each, long ofOrganization, int organizationMax, long inAll, int max) {

        /** Whether the organization's share leaves none for one more workspace. */
        public boolean organizationFull() {
            return ofOrganization + each > organizationMax;
        }

        /** Whether there are none for one more workspace of this organization. */
        public boolean full() {
            return organizationFull() || inAll + each > max;
        }
    }

    private static final String WAITING = """
            SELECT count(*) FILTER (WHERE c.user_id = $2) AS of_user, count(*) AS in_all
              FROM presets p
              JOIN claims c ON c.organization_id = p.organization_id AND c.workspace_id IS NULL AND c.ended_at IS NULL
             WHERE p.id = $1""";

    /** How many claims wait in the preset's organization, and how many of them are this user's. */
    public Uni<Waiting> waiting(UUID preset, UUID user) {
        return pool.preparedQuery(WAITING)
                .execute(Tuple.of(preset, user))
                .map(rows -> rows.iterator().next())
                .map(row -> new Waiting(row.getLong("of_user"), row.getLong("in_all")));
    }

    /** Claims that wait: a user's, and all of the organization. */
    public record Waiting(long ofUser, long inOrganization) {}

    private static final String POSITION = """
            SELECT count(*) AS position
              FROM claims mine
              JOIN claims c ON c.preset_id = mine.preset_id AND c.workspace_id IS NULL AND c.ended_at IS NULL
               AND (c.priority > mine.priority
                    OR (c.priority = mine.priority AND (c.created_at, c.id) <= (mine.created_at, mine.id)))
             WHERE mine.id = $1 AND mine.workspace_id IS NULL AND mine.ended_at IS NULL""";

    /** As how many-th a waiting claim will be served, from 1; 0 where it waits no longer. */
    public Uni<Long> position(UUID claim) {
        return pool.preparedQuery(POSITION)
                .execute(Tuple.of(claim))
                .map(rows -> rows.iterator().next().getLong("position"));
    }

    private static final String STILL_WAITING = """
            SELECT c.id FROM claims c
             WHERE c.id = ANY ($1::uuid[]) AND c.ended_at IS NULL
               AND (c.workspace_id IS NULL
                    OR EXISTS (SELECT FROM workspaces w
                                WHERE w.id = c.workspace_id
                                  AND (w.verifying OR (w.build_number = 1 AND w.transition = 'start' AND w.ready_at IS NULL))))""";

    /** Those of these claims that are not settled: see {@link Claim#isUnsettled}. */
    public Uni<Set<UUID>> unsettled(Collection<UUID> claims) {
        return pool.preparedQuery(STILL_WAITING)
                .execute(Tuple.of(claims.toArray(UUID[]::new)))
                .map(rows -> Set.copyOf(Rows.list(rows, row -> row.getUUID("id"))));
    }

    // The version grows by one when a claim ends and again when somebody else is given the workspace.
    private static final String SELECT_CLAIM = """
            SELECT c.id AS claim_id, c.user_id, c.organization_id, c.preset_id, c.path, c.ordinal, c.generation,
                   c.created_at AS claim_created_at, c.granted_at, c.expires_at, c.waits_until, c.ended_at, c.ended_reason,
                   c.unfit, c.failure_code, c.failure,
                   w.id, o.name AS organization, t.name AS template, p.name AS preset, w.name, w.version, w.build_number,
                   w.transition, %s AS build_status, w.created_at, w.ready_at, w.deleted_at,
                   w.outputs_sealed, w.claim_step_wanted_at, w.verifying, s.status AS step_status, s.error_code AS step_error_code, s.error AS step_error,
                   NULL::integer AS ready_left
              FROM claims c
              JOIN organizations o ON o.id = c.organization_id
              LEFT JOIN workspaces w ON w.id = c.workspace_id AND (c.ended_at IS NULL OR (w.version <= c.generation + 1 AND NOT w.prebuild))
              LEFT JOIN templates t ON t.id = w.template_id
              LEFT JOIN presets p ON p.id = c.preset_id
              LEFT JOIN LATERAL (
                   SELECT j.status, j.error_code, j.error FROM builds b JOIN jobs j ON j.build_id = b.id
                    WHERE b.workspace_id = w.id AND b.reason = 'claim'
                      AND NOT EXISTS (SELECT FROM builds r
                                       WHERE r.workspace_id = w.id AND r.reason = 'recycle' AND r.number > b.number)
                    ORDER BY b.number DESC LIMIT 1) s ON true
            """.formatted(BuildProgress.status("w"));

    private static final String FIND = SELECT_CLAIM + """
             WHERE c.id = ANY ($1::uuid[]) AND ($2::uuid IS NULL OR c.organization_id = $2) AND ($3::uuid IS NULL OR c.user_id = $3)
             ORDER BY c.ordinal, c.id""";

    public Uni<Optional<Claim>> find(UUID claim, Scope scope) {
        return findAll(List.of(claim), scope).map(claims -> claims.stream().findFirst());
    }

    /** Those of these that are in the scope, in the order of their ordinals. */
    public Uni<List<Claim>> findAll(Collection<UUID> claims, Scope scope) {
        return pool.preparedQuery(FIND)
                .execute(Tuple.of(
                        claims.toArray(UUID[]::new),
                        scope.organization().orElse(null),
                        scope.owner().orElse(null)))
                .map(rows -> Rows.list(rows, ClaimReads::claim));
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
                .map(rows -> Rows.list(rows, ClaimReads::claim));
    }

    static Claim claim(Row row) {
        return new Claim(
                row.getUUID("claim_id"),
                row.getUUID("user_id"),
                row.getUUID("organization_id"),
                row.getUUID("preset_id"),
                row.getString("path"),
                row.getInteger("ordinal"),
                row.getInteger("generation"),
                Rows.instant(row, "claim_created_at"),
                Optional.ofNullable(Rows.instantOrNull(row, "granted_at")),
                Optional.ofNullable(Rows.instantOrNull(row, "expires_at")),
                Optional.ofNullable(Rows.instantOrNull(row, "waits_until")),
                Optional.ofNullable(Rows.instantOrNull(row, "ended_at")),
                Optional.ofNullable(row.getString("ended_reason")),
                row.getInteger("unfit"),
                failure(row),
                Optional.ofNullable(row.getInteger("ready_left")),
                step(row),
                row.getUUID("id") == null ? Optional.empty() : Optional.of(workspace(row)));
    }

    private static Optional<Failure> failure(Row row) {
        return Optional.ofNullable(row.getString("failure_code"))
                .map(code -> new Failure(code, row.getString("failure")));
    }

    private static Optional<Step> step(Row row) {
        // One that is wanted and will never begin is none: its claim has ended, or there is nothing to prepare.
        boolean wanted = row.getOffsetDateTime("claim_step_wanted_at") != null
                && row.getOffsetDateTime("ended_at") == null
                && !Boolean.TRUE.equals(row.getBoolean("verifying"))
                && "start".equals(row.getString("transition"))
                && !Set.of("failed", "canceled").contains(row.getString("build_status"));
        String status = wanted ? "pending" : row.getString("step_status");
        return Optional.ofNullable(status)
                .map(known -> new Step(known, row.getString("step_error_code"), row.getString("step_error")));
    }

    private static Workspace workspace(Row row) {
        Buffer outputs = row.getBuffer("outputs_sealed");
        return new Workspace(
                row.getUUID("id"),
                row.getString("organization"),
                row.getString("template"),
                row.getString("preset"),
                row.getString("name"),
                row.getInteger("version"),
                row.getInteger("build_number"),
                row.getString("transition"),
                row.getString("build_status"),
                Rows.instant(row, "created_at"),
                Optional.ofNullable(Rows.instantOrNull(row, "ready_at")),
                Boolean.TRUE.equals(row.getBoolean("verifying")),
                row.getOffsetDateTime("claim_step_wanted_at") != null,
                Optional.ofNullable(Rows.instantOrNull(row, "deleted_at")),
                outputs == null ? null : outputs.getBytes());
    }

    private static final String CLAIM_COUNTS = """
            SELECT count(workspace_id) AS held, count(*) - count(workspace_id) AS waiting FROM claims WHERE ended_at IS NULL""";

    /** Claims that have not ended: with a workspace, and waiting for one. */
    public record ClaimCounts(long held, long waiting) {}

    public Uni<ClaimCounts> claimCounts() {
        return pool.preparedQuery(CLAIM_COUNTS)
                .execute()
                .map(rows -> rows.iterator().next())
                .map(row -> new ClaimCounts(row.getLong("held"), row.getLong("waiting")));
    }
}
