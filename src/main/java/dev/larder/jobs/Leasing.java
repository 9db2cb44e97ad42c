package dev.larder.jobs;

import dev.larder.database.Sql;
import dev.larder.lifecycle.Handicap;
import dev.larder.lifecycle.LocationHolds;
import dev.larder.lifecycle.Mutations;
import dev.larder.lifecycle.Rules;

/**
 * The two statements that lease jobs (decisions 0017, 0022), in named parts. Each part is a common table expression
 * that reads those before it: {@code next} holds the leased jobs in their order, {@code summary} further facts for
 * the server. {@link AssignmentReads} then reads the assignments of the leased jobs in the same round trip.
 *
 * <p>{@link #SHARED} handles every case: several lines, fair shares, limits. Starting its forty parts costs more
 * than the lease itself. {@link #ONLY_LINE} handles the most frequent case, one waiting line without limits and of
 * jobs that begin no mutation, for a third of the cost, and reports any other case.
 */
final class Leasing {

    /** Organizations that one lease looks at, for each tag set and kind. The next lease continues after them. */
    static final int ORGANIZATIONS_MAX = 64;

    private Leasing() {}

    // The worker: the backends whose place is open, whether one of the others is due for a probe, and how many more
    // prebuilds, and long prebuilds, its reserves allow.
    private static final String ME = """
            me AS (
                SELECT k.id, k.organization_id, k.tags, {offered} AS backends, {probes} AS probes,
                       CASE WHEN k.reserved_slots > 0 THEN k.slots - k.reserved_slots - r.jobs END AS prebuild_room,
                       CASE WHEN k.long_reserved_slots > 0 THEN greatest(k.slots - k.long_reserved_slots - r.long_jobs, 0) END
                         AS long_room
                  FROM workers k
                  LEFT JOIN LATERAL (
                       SELECT count(*) AS jobs, count(*) FILTER (WHERE j.timeout_seconds > 3600) AS long_jobs FROM jobs j
                        WHERE j.worker_id = k.id AND j.started_at IS NOT NULL AND j.completed_at IS NULL AND j.prebuild) r
                    ON k.reserved_slots > 0 OR k.long_reserved_slots > 0
                 WHERE k.id = :worker::uuid AND k.stopped_at IS NULL AND {trusted})""".replace("{offered}", LocationHolds.offered("k", ":at"))
            .replace("{probes}", LocationHolds.probes("k", ":at"))
            .replace("{trusted}", Rules.TRUSTED);

    // A probe is one job. If the prebuilds' share is smaller than the free slots, at most that share is leased at
    // once.
    private static final String WANTED = """
            wanted AS (
                SELECT CASE WHEN probes THEN 1 WHEN prebuild_room > 0 THEN least(:slots::integer, prebuild_room)
                            ELSE :slots::integer END AS jobs
                  FROM me)""";

    private static final String TAKEN = """
            taken AS (
                UPDATE jobs j
                   SET started_at = :at::timestamptz, deadline_at = :at::timestamptz + make_interval(secs => j.timeout_seconds),
                       worker_id = :worker::uuid, lease_token = gen_random_uuid(), attempt = j.attempt + 1,
                       mutation_id = {mutation}
                 WHERE j.id = ANY (ARRAY(SELECT id FROM next))
                RETURNING j.*)""";

    private static final String TAKEN_WITHOUT_STATES = TAKEN.replace("{mutation}", "NULL");

    private static final String TAKEN_WITH_STATES =
            TAKEN.replace("{mutation}", "CASE WHEN " + Mutations.stateful("j") + " THEN gen_random_uuid() END") + ",\n"
                    + Mutations.BEGUN;

    // The first organization of each tag set and kind, and whether there is a second.
    private static final String HEADS = """
            heads AS (
                SELECT k.tagset_id, k.kind, f.organization_id, me.organization_id IS NULL AND %2$s IS NOT NULL AS several
                  FROM kinds k
                 CROSS JOIN me
                 CROSS JOIN LATERAL (
                       SELECT CASE WHEN me.organization_id IS NULL THEN %1$s ELSE %3$s END AS organization_id OFFSET 0) f
                 WHERE f.organization_id IS NOT NULL),
            only_line AS MATERIALIZED (
                SELECT tagset_id, kind, organization_id FROM heads
                 WHERE NOT several AND (SELECT count(*) FROM heads) = 1 AND NOT EXISTS (SELECT FROM job_limits))""".formatted(
                    Lines.firstOrganization("k", "true"),
                    Lines.firstOrganization("k", "j.organization_id > f.organization_id"),
                    Lines.firstOrganization("k", "j.organization_id = me.organization_id"));

    // If one of the jobs begins a mutation, none is leased: SHARED, which follows at once, leases them.
    private static final String NEXT_OF_ONLY_LINE =
            """
            locked AS (
                SELECT j.id, j.queue_at, {stateful} AS changing
                  FROM only_line a
                 CROSS JOIN me
                 CROSS JOIN wanted w
                 CROSS JOIN LATERAL (
                       {line}
                        LIMIT CASE WHEN a.kind = 2 THEN least(w.jobs, me.long_room) ELSE w.jobs END
                          FOR NO KEY UPDATE OF j SKIP LOCKED) j),
            next AS (
                SELECT id, row_number() OVER (ORDER BY queue_at, id) AS place FROM locked
                 WHERE NOT EXISTS (SELECT FROM locked WHERE changing)),
            summary AS MATERIALIZED (
                SELECT false AS held_up, (SELECT count(*) FROM next) = (SELECT jobs FROM wanted) AS more, NULL::uuid AS asked_to,
                       EXISTS (SELECT FROM locked WHERE changing)
                         OR (EXISTS (SELECT FROM heads) AND NOT EXISTS (SELECT FROM only_line)) AS shared)""".replace("{line}", Lines.jobs("true")).replace("{stateful}", Mutations.stateful("j"));

    /**
     * Leases from the only waiting line. Leases nothing, and returns {@code shared}, if there are several lines or
     * limits, or a job begins a mutation.
     */
    static final Sql ONLY_LINE = Sql.of(
            "WITH "
                    + String.join(",\n", ME, WANTED, Lines.KINDS, HEADS, NEXT_OF_ONLY_LINE, TAKEN_WITHOUT_STATES)
                    + "\n"
                    + AssignmentReads.FETCH_WITHOUT_STATES,
            "worker",
            "slots",
            "at");

    // The limits that are reached, as far as this statement sees them. Jobs under these limits are skipped.
    private static final String FULL_SCOPES = """
            full_scopes AS (
                SELECT s.scope, count(*) >= l.jobs AS closed
                  FROM jobs j
                 CROSS JOIN LATERAL (VALUES (:deployment::uuid), (j.organization_id), (j.preset_id)) s (scope)
                  JOIN job_limits l ON l.scope = s.scope
                 WHERE j.started_at IS NOT NULL AND j.completed_at IS NULL AND EXISTS (SELECT FROM job_limits)
                 GROUP BY s.scope, l.jobs, l.deletes
                HAVING count(*) >= l.jobs OR count(*) FILTER (WHERE j.deletes) >= l.deletes)""";

    // The lines that this lease asks: one organization after the other in the order of their ids, starting after
    // :after and wrapping around. A worker of one organization asks only that organization's lines.
    private static final String ASKED = """
            asked (tagset_id, kind, organization_id, began_with, wraps, nth) AS (
                SELECT k.tagset_id, k.kind, s.organization_id, s.organization_id, s.wraps, 1
                  FROM kinds k
                 CROSS JOIN me
                 CROSS JOIN LATERAL (
                       SELECT CASE WHEN me.organization_id IS NULL THEN %1$s END AS organization_id OFFSET 0) later
                 CROSS JOIN LATERAL (
                       SELECT coalesce(later.organization_id, me.organization_id, %2$s) AS organization_id,
                              later.organization_id IS NOT NULL AS wraps OFFSET 0) s
                 WHERE s.organization_id IS NOT NULL
                UNION ALL
                SELECT a.tagset_id, a.kind, s.organization_id, a.began_with, a.wraps, a.nth + 1
                  FROM asked a
                 CROSS JOIN me
                 CROSS JOIN LATERAL (
                       SELECT coalesce(%3$s, CASE WHEN a.wraps THEN %5$s END) AS organization_id OFFSET 0) s
                 WHERE me.organization_id IS NULL AND a.nth < %4$d AND s.organization_id <> a.began_with)""".formatted(
                    Lines.firstOrganization("k", "j.organization_id > :after::uuid"),
                    Lines.firstOrganization("k", "true"),
                    Lines.firstOrganization("a", "j.organization_id > a.organization_id"),
                    ORGANIZATIONS_MAX,
                    Lines.firstOrganization("a", "true"));

    // The organizations' jobs in flight that compete for the same workers. Counted only if several organizations
    // wait.
    private static final String IN_FLIGHT = """
            in_flight AS MATERIALIZED (
                SELECT j.organization_id, count(*) AS jobs
                  FROM jobs j JOIN workers k ON k.id = j.worker_id
                 WHERE j.started_at IS NOT NULL AND j.completed_at IS NULL AND k.organization_id IS NULL
                   AND j.tagset_id IN (SELECT tagset_id FROM kinds)
                   AND (SELECT count(DISTINCT organization_id) FROM asked) > 1
                 GROUP BY j.organization_id)""";

    // Users' jobs and jobs that have waited out their handicap, then jobs within the handicap of deletes, then the
    // rest.
    private static final String URGENCY =
            "CASE WHEN j.queue_at <= :at::timestamptz THEN 0 WHEN j.queue_at <= :at::timestamptz + interval '%d seconds' THEN 1 ELSE 2 END"
                    .formatted(Handicap.DELETE.toSeconds());

    // The organization with the fewest jobs goes first; of equals the next one after :after.
    private static final String TURNS =
            "c.urgency, c.turn, c.organization_id <= :after::uuid, c.organization_id, c.queue_at, c.id";

    private static final String NOT_FULL = """
            NOT EXISTS (SELECT FROM full_scopes s
                         WHERE s.scope IN (:deployment::uuid, j.organization_id, j.preset_id) AND (s.closed OR j.deletes))""";

    // The jobs that would be leased if no other worker leased any. This gives the number of jobs from each line.
    // Nothing is locked.
    private static final String SHARES = """
            candidates AS MATERIALIZED (
                SELECT a.tagset_id, a.kind, a.organization_id, j.id, j.queue_at, {urgency} AS urgency,
                       coalesce(f.jobs, 0) + row_number() OVER (PARTITION BY a.organization_id ORDER BY j.queue_at, j.id) AS turn
                  FROM asked a
                 CROSS JOIN me
                 CROSS JOIN LATERAL (
                       {line}
                        LIMIT (SELECT jobs FROM wanted)) j
                  LEFT JOIN in_flight f ON f.organization_id = a.organization_id
                 WHERE (SELECT count(*) FROM asked) > 1),
            shares AS MATERIALIZED (
                SELECT c.tagset_id, c.kind, c.organization_id, count(*) AS jobs
                  FROM (SELECT c.*, row_number() OVER (ORDER BY {turns}) AS place
                          FROM (SELECT c.*, count(*) FILTER (WHERE c.kind = 2) OVER (ORDER BY {turns}) AS nth_long FROM candidates c) c
                         CROSS JOIN me
                         WHERE c.kind < 2 OR me.long_room IS NULL OR c.nth_long <= me.long_room) c
                 WHERE c.place <= (SELECT jobs FROM wanted)
                 GROUP BY c.tagset_id, c.kind, c.organization_id
                UNION ALL
                SELECT a.tagset_id, a.kind, a.organization_id,
                       CASE WHEN a.kind = 2 THEN least(w.jobs, me.long_room) ELSE w.jobs END
                  FROM asked a CROSS JOIN me CROSS JOIN wanted w
                 WHERE (SELECT count(*) FROM asked) = 1)""".replace("{urgency}", URGENCY)
            .replace("{line}", Lines.jobs(NOT_FULL))
            .replace("{turns}", TURNS);

    // Locks the jobs line by line, and skips jobs that another worker is leasing. If slots are left, all lines are
    // asked once more (rest).
    private static final String LOCKED = """
            locked AS (
                SELECT j.*, a.kind
                  FROM shares a
                 CROSS JOIN me
                 CROSS JOIN LATERAL (
                       {line}
                        LIMIT a.jobs
                          FOR NO KEY UPDATE OF j SKIP LOCKED) j),
            rest AS (
                SELECT j.*, a.kind
                  FROM asked a
                 CROSS JOIN me
                 CROSS JOIN LATERAL (
                       {further}
                        LIMIT (SELECT jobs FROM wanted) - (SELECT count(*) FROM locked)
                          FOR NO KEY UPDATE OF j SKIP LOCKED) j
                 WHERE (SELECT count(*) FROM locked) < least((SELECT jobs FROM wanted), (SELECT count(*) FROM candidates))),
            ranked AS MATERIALIZED (
                SELECT c.*, row_number() OVER turns AS place, count(*) FILTER (WHERE c.kind = 2) OVER turns AS nth_long
                  FROM (SELECT j.*, {urgency} AS urgency,
                               coalesce(f.jobs, 0) + row_number() OVER (PARTITION BY j.organization_id ORDER BY j.queue_at, j.id)
                                 AS turn
                          FROM (SELECT * FROM locked UNION ALL SELECT * FROM rest) j
                          LEFT JOIN in_flight f ON f.organization_id = j.organization_id) c
                WINDOW turns AS (ORDER BY {turns}))""".replace("{line}", Lines.jobs(NOT_FULL))
            .replace("{further}", Lines.jobs(NOT_FULL + " AND j.id <> ALL (ARRAY(SELECT id FROM locked))"))
            .replace("{urgency}", URGENCY)
            .replace("{turns}", TURNS);

    // A job counts for its preset, its organization and the deployment. Servers that lease at the same time take
    // turns in jobs_in_flight (V7), so that each counts the jobs of those before it. A job beyond a limit stays in
    // the queue.
    private static final String BEYOND_LIMITS = """
            limited AS MATERIALIZED (
                SELECT DISTINCT l.scope, l.jobs, l.deletes
                  FROM ranked j
                 CROSS JOIN LATERAL (VALUES (:deployment::uuid), (j.organization_id), (j.preset_id)) s (scope)
                  JOIN job_limits l ON l.scope = s.scope
                 ORDER BY l.scope),
            room AS MATERIALIZED (
                SELECT l.scope, l.jobs - f.jobs AS jobs, l.deletes - f.deletes AS deletes
                  FROM limited l CROSS JOIN LATERAL jobs_in_flight(l.scope) f),
            beyond AS (
                SELECT n.id
                  FROM (SELECT j.id, j.deletes, r.jobs AS room, r.deletes AS delete_room, row_number() OVER turn AS nth,
                               count(*) FILTER (WHERE j.deletes) OVER turn AS nth_delete
                          FROM ranked j
                         CROSS JOIN LATERAL (VALUES (:deployment::uuid), (j.organization_id), (j.preset_id)) s (scope)
                          JOIN room r ON r.scope = s.scope
                        WINDOW turn AS (PARTITION BY r.scope ORDER BY j.place)) n
                 WHERE n.nth > n.room OR (n.deletes AND n.nth_delete > n.delete_room))""";

    // held_up: jobs were locked and not leased, so other workers may have skipped them.
    // asked_to: where the first line was cut off, so that the next lease continues there.
    private static final String NEXT_OF_SHARES = """
            next AS (
                SELECT j.id, j.place
                  FROM ranked j CROSS JOIN me
                 WHERE j.id NOT IN (SELECT id FROM beyond) AND (j.kind < 2 OR me.long_room IS NULL OR j.nth_long <= me.long_room)
                 ORDER BY j.place
                 LIMIT (SELECT jobs FROM wanted)),
            summary AS MATERIALIZED (
                SELECT (SELECT count(*) FROM ranked) > given.jobs AS held_up,
                       given.jobs = (SELECT jobs FROM wanted)
                         OR (given.jobs > 0 AND (given.jobs < (SELECT count(*) FROM candidates) OR cut.asked_to IS NOT NULL)) AS more,
                       cut.asked_to, false AS shared
                  FROM (SELECT count(*) AS jobs FROM next) given
                 CROSS JOIN (
                       SELECT (SELECT organization_id FROM asked WHERE nth = %d
                                ORDER BY organization_id <= :after::uuid, organization_id LIMIT 1) AS asked_to) cut)""".formatted(ORGANIZATIONS_MAX);

    /** Leases by fair shares and within all limits. */
    static final Sql SHARED = Sql.of(
            "WITH RECURSIVE "
                    + String.join(
                            ",\n",
                            ME,
                            WANTED,
                            FULL_SCOPES,
                            Lines.KINDS,
                            ASKED,
                            IN_FLIGHT,
                            SHARES,
                            LOCKED,
                            BEYOND_LIMITS,
                            NEXT_OF_SHARES,
                            TAKEN_WITH_STATES)
                    + "\n"
                    + AssignmentReads.FETCH_WITH_STATES,
            "worker",
            "slots",
            "at",
            "deployment",
            "after");
}
