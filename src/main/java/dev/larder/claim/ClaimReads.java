package dev.larder.claim;

import dev.larder.claim.Claim.End;
import dev.larder.claim.Claim.Failure;
import dev.larder.claim.Claim.Grant;
import dev.larder.claim.Claim.LatestBuild;
import dev.larder.claim.Claim.Misses;
import dev.larder.claim.Claim.Names;
import dev.larder.claim.Claim.Preparation;
import dev.larder.claim.Claim.Step;
import dev.larder.claim.Claim.Times;
import dev.larder.claim.Claim.Workspace;
import dev.larder.database.Encryption;
import dev.larder.database.RowList;
import dev.larder.database.Rows;
import dev.larder.database.Slice;
import dev.larder.database.Sql;
import dev.larder.database.Total;
import dev.larder.lifecycle.BuildProgress;
import dev.larder.lifecycle.LabelStore;
import dev.larder.lifecycle.ListRules;
import dev.larder.lifecycle.Rules;
import dev.larder.model.LabelSelector;
import dev.larder.model.PresetFilter;
import dev.larder.model.StateSummary;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Reads recorded claims. */
@ApplicationScoped
public class ClaimReads {

    private final Pool client;
    private final Encryption encryption;

    public ClaimReads(Pool client, Encryption encryption) {
        this.client = client;
        this.encryption = encryption;
    }

    /** Decrypts the outputs of a workspace: a JSON object. Empty if there are none. */
    public Optional<String> open(Workspace workspace) {
        return Optional.ofNullable(workspace.outputs()).map(bytes -> encryption.decrypt(workspace.id(), bytes));
    }

    private static final Sql FIND_BY_KEY = Sql.of("""
            SELECT id, path, request_hash FROM claims WHERE user_id = :user AND idempotency_key = :key ORDER BY ordinal""", "user", "key");

    /** The result of an earlier request under the user's key. Empty if there was none. */
    public Uni<Optional<Earlier>> findByKey(UUID user, IdempotencyKey key) {
        return FIND_BY_KEY.on(client, user, key.key()).map(rows -> earlier(rows, key));
    }

    /**
     * @param claims in the order of their ordinals; at least one
     * @param sameRequest whether it asked for the same; otherwise the key was reused
     */
    public record Earlier(List<UUID> claims, String path, boolean sameRequest) {}

    private static Optional<Earlier> earlier(RowSet<Row> rows, IdempotencyKey key) {
        List<UUID> claims = Rows.list(rows, row -> row.getUUID("id"));
        return Rows.first(rows, row -> earlier(row, claims, key));
    }

    private static Earlier earlier(Row row, List<UUID> claims, IdempotencyKey key) {
        byte[] stored = row.getBuffer("request_hash").getBytes();
        boolean same = Arrays.equals(stored, key.hash()) || Arrays.equals(stored, key.earlierHash());
        return new Earlier(claims, row.getString("path"), same);
    }

    // The version grows by one when a claim ends and again when another claim is given the workspace.
    private static final String SELECT_CLAIM = """
            SELECT c.id AS claim_id, c.user_id, c.organization_id, c.preset_id, c.path, c.ordinal, c.generation,
                   c.created_at AS claim_created_at, c.granted_at, c.expires_at, c.waits_until, c.ended_at, c.ended_reason,
                   c.unfit, c.failure_code, c.failure,
                   w.id, o.name AS organization, t.name AS template, p.name AS preset, w.name, w.version, w.build_number,
                   w.transition, %s AS build_status, %s AS word, w.created_at, w.ready_at, w.deleted_at,
                   w.outputs_sealed, w.claim_step_wanted_at, w.verifying, s.status AS step_status, s.error_code AS step_error_code, s.error AS step_error,
                   {state}, {labels}, NULL::integer AS ready_left,
                   CASE WHEN c.ended_at IS NULL
                        THEN coalesce(w.parameters, '{}') || coalesce(c.late_parameters, '{}') END AS parameters
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
            """.formatted(BuildProgress.status("w"), BuildProgress.word("w"))
            .replace("{state}", BuildProgress.state("w"))
            .replace("{labels}", LabelStore.of("c.id"));

    private static final Sql FIND = Sql.of(
            SELECT_CLAIM + """
             WHERE c.id = ANY (:claims::uuid[]) AND {visible}
               AND (:owner::uuid IS NULL OR c.user_id = :owner)
             ORDER BY c.ordinal, c.id""".replace("{visible}", Rules.visibleTo("c.organization_id")),
            "claims",
            "organization",
            "owner");

    public Uni<Optional<Claim>> find(UUID claim, Visibility scope) {
        return findAll(List.of(claim), scope).map(claims -> claims.stream().findFirst());
    }

    /** Those of these that are in the scope, in the order of their ordinals. */
    public Uni<List<Claim>> findAll(Collection<UUID> claims, Visibility scope) {
        return FIND.on(
                        client,
                        claims.toArray(UUID[]::new),
                        scope.organization().orElse(null),
                        scope.owner().orElse(null))
                .map(rows -> Rows.list(rows, ClaimReads::claim));
    }

    static final RowList LIST = new RowList("claims x", "x.id");

    /** As a status: active or waiting. */
    static final String LIVE = "live";

    /** Words of a claim's status that end it, and are rare: an index has them alone. */
    private static final String ENDED_BADLY =
            "x.ended_reason IN ('failed', 'verify_failed', 'timed_out', 'preset_not_active')";

    private static final String VERIFIED =
            "EXISTS (SELECT FROM workspaces v WHERE v.id = x.workspace_id AND v.verifying)";

    /**
     * What a list of claims shows.
     *
     * @param status a word of {@link ClaimView}
     * @param owner the name or the id of the claimer
     * @param labels that they have
     */
    public record ClaimFilter(
            PresetFilter presets,
            Optional<String> status,
            Optional<String> owner,
            Optional<LabelSelector> labels,
            Optional<Instant> since) {

        /** All claims. */
        public static final ClaimFilter ALL = new ClaimFilter(
                PresetFilter.ALL, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
    }

    static RowList.Query query(Visibility scope, ClaimFilter filter) {
        RowList.Query query = ListRules.seenBy(LIST.all(), scope.organization());
        query.where("x.user_id = :viewer", "viewer", scope.owner());
        ListRules.ofPresets(query, filter.presets(), true);
        ListRules.ownedBy(query, "x.user_id", filter.owner());
        filter.status().ifPresent(status -> restrict(query, status));
        ListRules.labelled(query, LabelStore.labelled("x.id"), filter.labels());
        return ListRules.since(query, filter.since());
    }

    private static void restrict(RowList.Query query, String status) {
        switch (status) {
            case LIVE -> query.where("x.ended_at IS NULL");
            case "active" -> query.where("x.ended_at IS NULL AND x.workspace_id IS NOT NULL AND NOT " + VERIFIED);
            case "waiting" -> query.where("x.ended_at IS NULL AND (x.workspace_id IS NULL OR " + VERIFIED + ")");
            case "failed" -> query.where(ENDED_BADLY).filter("x.ended_reason IN ('failed', 'verify_failed')");
            case "timed_out", "preset_not_active" ->
                query.where(ENDED_BADLY).with("status", status).filter("x.ended_reason = :status");
            default -> query.with("status", status).filter("x.ended_reason = :status");
        }
    }

    /** As {@link #find}, a page of them, newest first. */
    public Uni<Slice<Claim>> list(Visibility scope, ClaimFilter filter, Optional<UUID> after, int limit) {
        return query(scope, filter).page(client, SELECT_CLAIM, "c.id", after, limit, ClaimReads::claim);
    }

    /** How many claims the list has. */
    public Uni<Total> total(Visibility scope, ClaimFilter filter) {
        return query(scope, filter).total(client);
    }

    static Claim claim(Row row) {
        return new Claim(
                row.getUUID("claim_id"),
                request(row),
                row.getString("path"),
                time(row, "granted_at").map(at -> grant(row, at)),
                time(row, "ended_at").map(at -> new End(at, row.getString("ended_reason"))),
                new Misses(row.getInteger("unfit"), failure(row)),
                step(row),
                row.getUUID("id") == null ? Optional.empty() : Optional.of(workspace(row)));
    }

    private static Claim.Request request(Row row) {
        return new Claim.Request(
                row.getUUID("user_id"),
                row.getUUID("organization_id"),
                row.getUUID("preset_id"),
                row.getInteger("ordinal"),
                Rows.instant(row, "claim_created_at"),
                time(row, "waits_until"),
                LabelStore.in(row),
                Optional.ofNullable(row.getJsonObject("parameters"))
                        .map(SealedValues::clear)
                        .orElse(Map.of()));
    }

    private static Grant grant(Row row, Instant at) {
        return new Grant(
                row.getInteger("generation"),
                at,
                time(row, "expires_at"),
                Optional.ofNullable(row.getInteger("ready_left")));
    }

    private static Optional<Instant> time(Row row, String column) {
        return Optional.ofNullable(Rows.instantOrNull(row, column));
    }

    private static Optional<Failure> failure(Row row) {
        return Optional.ofNullable(row.getString("failure_code"))
                .map(code -> new Failure(code, row.getString("failure")));
    }

    private static Optional<Step> step(Row row) {
        // A step that will never begin does not count: its claim has ended, or there is nothing to prepare.
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
                new Names(
                        row.getString("organization"),
                        row.getString("template"),
                        row.getString("preset"),
                        row.getString("name")),
                row.getInteger("version"),
                new LatestBuild(
                        row.getInteger("build_number"),
                        row.getString("transition"),
                        row.getString("build_status"),
                        row.getString("word")),
                new Times(Rows.instant(row, "created_at"), time(row, "ready_at"), time(row, "deleted_at")),
                new Preparation(
                        Boolean.TRUE.equals(row.getBoolean("verifying")),
                        row.getOffsetDateTime("claim_step_wanted_at") != null),
                state(row),
                outputs == null ? null : outputs.getBytes());
    }

    /** How far what is known of the row's workspace can be trusted; null where no build of it has ended yet. */
    static @Nullable StateSummary state(Row row) {
        String status = row.getString("state_status");
        return status == null
                ? null
                : new StateSummary(status, row.getString("state_reason"), Rows.instant(row, "state_since"));
    }

    private static final Sql CLAIM_COUNTS = Sql.of("""
            SELECT count(workspace_id) AS held, count(*) - count(workspace_id) AS waiting
              FROM claims c WHERE ended_at IS NULL AND %s""".formatted(Rules.ofClient("c")));

    /** Claims of clients that have not ended: with a workspace, and waiting for one. */
    public record ClaimCounts(long held, long waiting) {}

    public Uni<ClaimCounts> claimCounts() {
        return CLAIM_COUNTS
                .on(client)
                .map(rows -> rows.iterator().next())
                .map(row -> new ClaimCounts(row.getLong("held"), row.getLong("waiting")));
    }
}
