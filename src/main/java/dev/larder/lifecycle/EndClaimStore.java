package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Renews claims and ends them (design, section 3.6): a claim is released, expires, fails, or its waiting ends.
 * Each is one statement that checks the claim's state itself, so of two that come at once one wins.
 */
@ApplicationScoped
public class EndClaimStore {

    /** The bound in the statements that end many. */
    public static final int AT_ONCE = 100;

    private final Pool pool;

    public EndClaimStore(Pool pool) {
        this.pool = pool;
    }

    // In the order of their indexes: before the tables are analyzed for the first time, all of them would be read.
    private static final Sql TO_DO = Sql.of("""
            SELECT EXISTS (SELECT FROM claims WHERE workspace_id IS NULL AND ended_at IS NULL) AS waiting,
                   EXISTS (SELECT FROM (SELECT FROM claims WHERE ended_at IS NULL AND expires_at <= :at::timestamptz
                                         ORDER BY expires_at LIMIT 1) first) AS expired,
                   EXISTS (SELECT FROM (SELECT FROM workspaces w
                                         WHERE w.verifying AND w.deleted_at IS NULL
                                           AND (w.deletion_wanted_at IS NOT NULL
                                                OR w.build_status IN ('failed', 'canceled')
                                                OR (w.build_status = 'pending'
                                                    AND w.claimed_at <= :at::timestamptz - interval '1 second'
                                                    AND NOT %s))
                                         ORDER BY w.id LIMIT 1) first) AS unfit,
                   EXISTS (SELECT FROM (SELECT FROM workspaces w
                                         WHERE NOT w.prebuild AND w.build_number = 1 AND w.transition = 'start'
                                           AND w.build_status IN ('failed', 'canceled')
                                           AND w.deleted_at IS NULL AND w.deletion_wanted_at IS NULL
                                           AND w.quarantined_at IS NULL
                                         ORDER BY w.prebuild, w.build_number, w.id LIMIT 1) first)
                     AS failed_cold""".formatted(BuildProgress.isBegun("w")), "at");

    /**
     * Work that is due for claims that have not ended.
     *
     * @param waiting a claim waits
     * @param expired a lease has run out
     * @param unfit the verification of a claimed workspace failed, or no worker has begun it within a second
     * @param failedCold a cold build failed or was canceled, and its claim has not ended
     */
    public record ToDo(boolean waiting, boolean expired, boolean unfit, boolean failedCold) {}

    public Uni<ToDo> toDo(Instant at) {
        return TO_DO.on(pool, Rows.utc(at))
                .map(rows -> rows.iterator().next())
                .map(row -> new ToDo(
                        row.getBoolean("waiting"),
                        row.getBoolean("expired"),
                        row.getBoolean("unfit"),
                        row.getBoolean("failed_cold")));
    }

    private static final Sql RENEW = Sql.of("""
            UPDATE claims c
               SET ttl_seconds = coalesce(:ttl::integer, ttl_seconds),
                   expires_at = :at::timestamptz + make_interval(secs => coalesce(:ttl::integer, ttl_seconds))
             WHERE c.id = :claim AND c.ended_at IS NULL AND c.workspace_id IS NOT NULL
               AND (c.expires_at IS NULL OR c.expires_at > :at::timestamptz)
               AND (:generation::integer IS NULL OR c.generation = :generation)
               AND coalesce(:ttl::integer, ttl_seconds) IS NOT NULL""", "claim", "at", "ttl", "generation");

    /**
     * Renews a claim: it lasts this long from now on.
     *
     * @param ttl null for the same time as before; a part of a second counts as one
     * @param generation that it must have, where given
     * @return false where it has ended or expired, waits, has another generation, or was never given a time
     */
    public Uni<Boolean> renew(UUID claim, @Nullable Duration ttl, OptionalInt generation, Instant at) {
        return RENEW.on(
                        pool,
                        claim,
                        Rows.utc(at),
                        ttl == null ? null : Rows.wholeSeconds(ttl),
                        generation.isPresent() ? generation.getAsInt() : null)
                .map(rows -> rows.rowCount() == 1);
    }

    // What a version was tried with is not reset for a client.
    static final String GIVE_BACK = """
            UPDATE workspaces w
               SET deletion_wanted_at = coalesce(deletion_wanted_at, :at::timestamptz), version = version + 1,
                   verifying = false,
                   dirty = deletion_wanted_at IS NULL AND parameters IS NULL AND NOT trial
                           AND uses + 1 < coalesce((SELECT p.max_uses FROM presets p WHERE p.id = w.preset_id), 1),
                   uses = uses + 1
              FROM claim WHERE w.id = claim.workspace_id""";

    // The workspace first, as the end of a deletion does it: the other way round the two would wait for each other.
    private static final Sql RELEASE = Sql.of("""
            WITH workspace AS (
                SELECT w.id FROM claims c JOIN workspaces w ON w.id = c.workspace_id
                 WHERE c.id = :claim AND c.ended_at IS NULL
                   AND (:generation::integer IS NULL OR c.generation = :generation)
                   FOR NO KEY UPDATE OF w),
            claim AS (
                UPDATE claims c SET ended_at = :at::timestamptz, ended_reason = 'released'
                  FROM workspace w WHERE c.id = :claim AND c.ended_at IS NULL AND c.workspace_id = w.id
                RETURNING c.workspace_id)
            """ + GIVE_BACK + " RETURNING w.dirty", "claim", "at", "generation");

    /** What happens to the workspace of a released claim. */
    public enum Return {
        /** No claim was released. */
        NONE,
        /** It is to be deleted. */
        TO_DELETE,
        /** It is reset for the stock, as long as the stock has room for it. */
        TO_RESET
    }

    /**
     * Ends a claim; its workspace is to be deleted or reset. Nothing where it has ended before.
     *
     * @param generation that it must have, where given
     */
    public Uni<Return> release(UUID claim, OptionalInt generation, Instant at) {
        return RELEASE.on(pool, claim, Rows.utc(at), generation.isPresent() ? generation.getAsInt() : null)
                .map(rows -> Rows.first(rows, EndClaimStore::returned).orElse(Return.NONE));
    }

    private static Return returned(Row row) {
        return row.getBoolean("dirty") ? Return.TO_RESET : Return.TO_DELETE;
    }

    private static final Sql RELEASE_ALL_OF = Sql.of("""
            WITH workspace AS (
                SELECT c.id AS claim_id, w.id FROM claims c JOIN workspaces w ON w.id = c.workspace_id
                 WHERE c.user_id = :user AND c.ended_at IS NULL
                 ORDER BY w.id
                   FOR NO KEY UPDATE OF w),
            claim AS (
                UPDATE claims c SET ended_at = :at::timestamptz, ended_reason = 'released'
                  FROM workspace w WHERE c.id = w.claim_id AND c.ended_at IS NULL AND c.workspace_id = w.id
                RETURNING c.workspace_id)
            """ + GIVE_BACK, "user", "at");

    /** Ends all claims that a user holds, as {@link #release} does, in the caller's transaction. */
    public static Uni<Integer> releaseAllOf(SqlClient connection, UUID user, Instant at) {
        return RELEASE_ALL_OF.on(connection, user, Rows.utc(at)).map(rows -> rows.rowCount());
    }

    private static final Sql CANCEL_ALL_OF = Sql.of("""
            UPDATE claims SET ended_at = :at::timestamptz, ended_reason = 'canceled'
             WHERE user_id = :user AND workspace_id IS NULL AND ended_at IS NULL""", "user", "at");

    /** Ends all claims of a user that wait, in the caller's transaction. */
    public static Uni<Integer> cancelAllOf(SqlClient connection, UUID user, Instant at) {
        return CANCEL_ALL_OF.on(connection, user, Rows.utc(at)).map(rows -> rows.rowCount());
    }

    private static final Sql EXPIRE = Sql.of("""
            WITH workspace AS (
                SELECT c.id AS claim_id, w.id FROM claims c JOIN workspaces w ON w.id = c.workspace_id
                 WHERE c.ended_at IS NULL AND c.expires_at <= :at::timestamptz AND NOT w.verifying AND {trusted}
                 ORDER BY c.expires_at LIMIT 100
                   FOR NO KEY UPDATE OF w SKIP LOCKED),
            claim AS (
                UPDATE claims c SET ended_at = :at::timestamptz, ended_reason = 'expired'
                  FROM workspace w
                 WHERE c.id = w.claim_id AND c.ended_at IS NULL AND c.expires_at <= :at::timestamptz
                RETURNING c.workspace_id)
            """.replace("{trusted}", Rules.TRUSTED) + GIVE_BACK, "at");

    /** Ends expired claims, as {@link #release} does. At most 100 at a time. */
    public Uni<Integer> expire(Instant at) {
        return EXPIRE.on(pool, Rows.utc(at)).map(rows -> rows.rowCount());
    }

    private static final String UNFIT = """
            WITH unfit AS (
                SELECT w.id, c.id AS claim_id, w.deletion_wanted_at IS NOT NULL AS going,
                       w.build_status = 'canceled' AND j.attempt = 0 AS untouched,
                       CASE WHEN w.deletion_wanted_at IS NOT NULL
                            THEN 'The workspace was deleted while it was verified.'
                            WHEN w.build_status = 'failed' THEN 'The workspace failed its verification: '
                                                                 || coalesce(j.error, 'no reason given')
                            WHEN j.attempt = 0 THEN 'No worker began the verification in time.'
                            ELSE 'The verification was canceled.' END AS failure,
                       w.build_status = 'failed' AND w.deletion_wanted_at IS NULL AS failed,
                       (SELECT n.id FROM workspaces n
                         WHERE n.preset_id = ANY (ARRAY(
                               SELECT q.id FROM presets p JOIN presets q ON q.id = p.id OR q.rollout_id = p.rollout_id
                                WHERE p.id = c.preset_id AND q.rollout_role IS DISTINCT FROM 'canary'))
                           AND n.prebuild AND n.deleted_at IS NULL
                           AND n.transition = 'start'
                           AND n.build_status IN ('pending', 'succeeded')
                           AND (n.build_status = 'pending' OR n.ready_at IS NOT NULL)
                         ORDER BY n.preset_id, n.created_at, n.id LIMIT 1) IS NULL AS last
                  FROM workspaces w
                  JOIN claims c ON c.workspace_id = w.id AND c.ended_at IS NULL
                  JOIN jobs j ON j.build_id = w.build_id
                 WHERE w.verifying AND w.deleted_at IS NULL
                   AND (w.deletion_wanted_at IS NOT NULL OR w.build_status IN ('failed', 'canceled')) AND {trusted}
                 ORDER BY w.id LIMIT 100
                   FOR NO KEY UPDATE OF w SKIP LOCKED),
            """.replace("{trusted}", Rules.TRUSTED);

    // A failed workspace stays as evidence. An untouched one is in stock again as it was. One that its owner wants
    // deleted is deleted by the janitor. One that went missing while it was claimed is deleted, and no other client
    // gets it.
    private static final String MOVE_WORKSPACES =
            """
            going AS (
                UPDATE workspaces w SET verifying = false, claim_step_wanted_at = NULL
                  FROM unfit u WHERE w.id = u.id AND u.going),
            back AS (
                UPDATE workspaces w
                   SET {to_stock},
                       build_status = CASE WHEN u.untouched THEN 'succeeded' ELSE w.build_status END,
                       ready_at = CASE WHEN u.untouched THEN :at::timestamptz END,
                       deletion_wanted_at = CASE WHEN w.missing_since IS NOT NULL
                                                      OR (w.build_status = 'canceled' AND NOT u.untouched)
                                                 THEN :at::timestamptz END
                  FROM unfit u WHERE w.id = u.id AND NOT u.going
                RETURNING w.preset_id),
            dirty AS (
                {dirty}),
            """.replace("{to_stock}", Ownership.TO_STOCK).replace("{dirty}", DirtyPresets.mark("back"));

    // The claim waits again, at the position that its age gives it. It ends instead where it asked for exactly this
    // workspace, where its client would not have waited and neither stock nor a build is left to try, and where it has
    // had as many unfit workspaces as it may. A claim that is to be built cold in the end is due for that at once.
    private static final String MOVE_CLAIMS = """
            judged AS (
                SELECT u.*, c.waits_until IS NULL AS exactly,
                       u.failed AND ((c.impatient AND u.last)
                                     OR c.unfit + 1 >= CASE WHEN c.impatient THEN :unfit_max::integer
                                                            ELSE :unfit_waiting_max::integer END) AS enough
                  FROM unfit u JOIN claims c ON c.id = u.claim_id)
            UPDATE claims c
               SET workspace_id = CASE WHEN j.exactly THEN c.workspace_id END,
                   granted_at = CASE WHEN j.exactly THEN c.granted_at END,
                   generation = CASE WHEN j.exactly THEN c.generation END,
                   expires_at = CASE WHEN j.exactly THEN c.expires_at END,
                   waits_until = CASE WHEN j.enough AND c.then_cold THEN least(c.waits_until, :at::timestamptz)
                                      ELSE c.waits_until END,
                   unfit = c.unfit + CASE WHEN j.failed THEN 1 ELSE 0 END,
                   failure_code = CASE WHEN j.exactly OR j.failed THEN 'verification_failed' ELSE c.failure_code END,
                   failure = CASE WHEN j.exactly OR j.failed THEN j.failure ELSE c.failure END,
                   ended_at = CASE WHEN j.exactly OR (j.enough AND NOT c.then_cold) THEN :at::timestamptz END,
                   ended_reason = CASE WHEN j.exactly OR (j.enough AND NOT c.then_cold) THEN 'failed' END
              FROM judged j WHERE c.id = j.claim_id""";

    private static final Sql RETURN_UNFIT =
            Sql.of(UNFIT + MOVE_WORKSPACES + MOVE_CLAIMS, "at", "unfit_max", "unfit_waiting_max");

    /** Unfit workspaces that a claim may be given if its client would not have waited. */
    public static final int UNFIT_MAX = 3;

    /** Unfit workspaces that a waiting claim may be given. */
    public static final int UNFIT_WAITING_MAX = 10;

    /**
     * Takes workspaces whose verification failed from their claims, and returns them to the stock (design,
     * section 3.6). The claims wait again, or end as failed, code {@code verification_failed}: after
     * {@link #UNFIT_MAX} or {@link #UNFIT_WAITING_MAX} unfit ones, or where their clients would not have
     * waited and nothing is left to try. At most 100 at a time.
     */
    public Uni<Integer> returnUnfit(Instant at) {
        return RETURN_UNFIT.on(pool, Rows.utc(at), UNFIT_MAX, UNFIT_WAITING_MAX).map(rows -> rows.rowCount());
    }

    // A cold build that no worker began has made nothing, so that its workspace is gone at once. Jobs are
    // only read: they have ended.
    private static final Sql END_FAILED_COLD = Sql.of("""
            WITH failed AS (
                SELECT w.id, w.build_status = 'canceled' AND j.attempt = 0 AS untouched,
                       coalesce(j.error_code, 'build_canceled') AS code,
                       coalesce(j.error, CASE WHEN j.attempt = 0
                                THEN 'The build was canceled before a worker began it.'
                                              ELSE 'The build was canceled.' END) AS detail
                  FROM workspaces w JOIN jobs j ON j.build_id = w.build_id
                 WHERE NOT w.prebuild AND w.build_number = 1 AND w.transition = 'start'
                   AND w.build_status IN ('failed', 'canceled')
                   AND w.deleted_at IS NULL AND w.deletion_wanted_at IS NULL AND w.quarantined_at IS NULL
                   AND {trusted}
                 ORDER BY w.prebuild, w.build_number, w.id LIMIT 100
                   FOR NO KEY UPDATE OF w SKIP LOCKED),
            ended AS (
                UPDATE claims c SET ended_at = :at::timestamptz, ended_reason = 'failed', failure_code = f.code,
                       failure = f.detail
                  FROM failed f WHERE c.workspace_id = f.id AND c.ended_at IS NULL)
            UPDATE workspaces w
               SET version = w.version + 1, claim_step_wanted_at = NULL, deletion_wanted_at = :at::timestamptz,
                   deleted_at = CASE WHEN f.untouched THEN :at::timestamptz END
              FROM failed f WHERE w.id = f.id""".replace("{trusted}", Rules.TRUSTED), "at");

    /**
     * Ends the claims whose cold build failed or was canceled, as failed with the build's code and reason, and
     * has their workspaces deleted (design, section 3.5). At most 100 at a time.
     *
     * @return how many workspaces are to be deleted
     */
    public Uni<Integer> endFailedCold(Instant at) {
        return END_FAILED_COLD.on(pool, Rows.utc(at)).map(rows -> rows.rowCount());
    }

    private static final Sql CANCEL = Sql.of("""
            UPDATE claims SET ended_at = :at::timestamptz, ended_reason = 'canceled'
             WHERE id = :claim AND workspace_id IS NULL AND ended_at IS NULL""", "claim", "at");

    /**
     * Ends the waiting of a claim.
     *
     * @return false where the claim was served or has ended
     */
    public Uni<Boolean> cancel(UUID claim, Instant at) {
        return CANCEL.on(pool, claim, Rows.utc(at)).map(rows -> rows.rowCount() == 1);
    }

    private static final Sql TIME_OUT = Sql.of("""
            UPDATE claims
               SET ended_at = :at::timestamptz, ended_reason = 'timed_out',
                   failure_code = coalesce(failure_code, 'no_claimable_workspace'),
                   failure = coalesce(failure, 'No workspace of this preset became ready in time.')
             WHERE id IN (SELECT id FROM claims
                           WHERE workspace_id IS NULL AND ended_at IS NULL AND NOT then_cold
                             AND waits_until <= :at::timestamptz
                           ORDER BY waits_until LIMIT 100
                             FOR UPDATE SKIP LOCKED)""", "at");

    /** Ends the waiting of claims whose deadline has passed. At most 100 at a time. */
    public Uni<Integer> timeOut(Instant at) {
        return TIME_OUT.on(pool, Rows.utc(at)).map(rows -> rows.rowCount());
    }

    private static final Sql DUE_COLD = Sql.of("""
            SELECT id FROM claims
             WHERE workspace_id IS NULL AND ended_at IS NULL AND then_cold AND waits_until <= :at::timestamptz
             ORDER BY waits_until LIMIT 100""", "at");

    /** The claims that have waited long enough for a cold build. At most 100 at a time. */
    public Uni<List<UUID>> dueCold(Instant at) {
        return DUE_COLD.on(pool, Rows.utc(at)).map(rows -> Rows.list(rows, row -> row.getUUID("id")));
    }

    // A claim that waits for a preset of a version that is no longer active goes on with the preset of that name in
    // the active version, if that version takes the late values of the claim in the same way, and its stock has the
    // values that the claim asked for. If not, it stays as long as its preset is served.
    private static final Sql FOLLOW = Sql.of(
            """
            WITH stranded AS (
                SELECT c.id, n.id AS preset_id, (SELECT string_agg(m.key, ', ' ORDER BY m.key)
                                                   FROM presets o, LATERAL ({misfits}) m
                                                  WHERE o.version_id = t.active_version_id AND o.name = p.name) AS misfits
                  FROM claims c
                  JOIN presets p ON p.id = c.preset_id
                  JOIN templates t ON t.id = p.template_id
                  LEFT JOIN presets n ON n.version_id = t.active_version_id AND n.name = p.name AND {offered} AND {alike} AND {fits}
                 WHERE c.workspace_id IS NULL AND c.ended_at IS NULL
                   AND ({active}) IS NOT TRUE AND (n.id IS NOT NULL OR ({served}) IS NOT TRUE)
                 LIMIT 100
                   FOR UPDATE OF c SKIP LOCKED)
            UPDATE claims c
               SET preset_id = coalesce(s.preset_id, c.preset_id),
                   ended_at = CASE WHEN s.preset_id IS NULL THEN :at::timestamptz END,
                   ended_reason = CASE WHEN s.preset_id IS NULL THEN 'preset_not_active' END,
                   failure_code = CASE WHEN s.preset_id IS NULL THEN 'preset_not_active' ELSE c.failure_code END,
                   failure = CASE WHEN s.preset_id IS NULL
                                  THEN 'The preset was no longer active while the claim waited.'
                                       || coalesce(' That of the active version has other values of: ' || s.misfits || '.', '')
                                  ELSE c.failure END
              FROM stranded s WHERE c.id = s.id""".replace("{active}", Rules.active("p", "t"))
                    .replace("{served}", Rules.served("p", "t"))
                    .replace("{offered}", Rules.offered("t"))
                    .replace("{fits}", Rules.fits("n", "c.fitting"))
                    .replace("{misfits}", Rules.misfits("o", "c.fitting"))
                    .replace("{alike}", Rules.takesAlike("p.version_id", "n.version_id", "c.late_parameters")),
            "at");

    /**
     * Moves claims that wait for a preset of a superseded version to the preset of the same name in the active
     * version, and ends them where it has none and theirs is not served. At most 100 at a time.
     */
    public Uni<Integer> follow(Instant at) {
        return FOLLOW.on(pool, Rows.utc(at)).map(rows -> rows.rowCount());
    }
}
