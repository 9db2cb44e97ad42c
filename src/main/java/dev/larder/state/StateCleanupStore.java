package dev.larder.state;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupRows.Walk;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;

/** Removes rejects, mutations and rotations of keys after their retention (decision 0036). */
class StateCleanupStore {

    private static final Duration DAY = Duration.ofDays(1);

    // Such a reject may be the only record of resources that exist.
    private static final String REJECT_IS_OVER =
            "(SELECT s.status NOT IN ('unreliable', 'corrupt', 'in_flight') FROM states s WHERE s.id = t.state_id) AND "
                    + CleanupRows.enoughNewer("state_rejects", "n.state_id = t.state_id AND n.id > t.id");

    /** The last rejects of each state stay, and those of states that cannot be trusted. */
    @Produces
    @Singleton
    CleanupType rejects() {
        return CleanupRows.walking(
                Retention.of(Duration.ofDays(14), Duration.ofHours(1), 5),
                new Walk(
                                "state_rejects",
                                REJECT_IS_OVER,
                                "SELECT created_at AS at FROM state_rejects ORDER BY id LIMIT 1")
                        .sized("coalesce(octet_length(t.body), 0)"));
    }

    private static final String MUTATION_IS_OVER = """
            t.fence < (SELECT max(l.fence) FROM state_mutations l WHERE l.state_id = t.state_id)
                       AND NOT EXISTS (SELECT FROM state_versions v WHERE v.mutation_id = t.id)
                       AND NOT EXISTS (SELECT FROM state_rejects r WHERE r.mutation_id = t.id)""";

    // The ids of jobs' mutations are no times: an index by their ends leads.
    private static final String REMOVE_MUTATIONS =
            """
            WITH examined AS (
                SELECT t.id, t.ended_at, {over} AS removable
                  FROM state_mutations t
                 WHERE t.ended_at < :before::timestamptz
                   AND (t.ended_at, t.id) >
                       (coalesce(split_part(:position::text, ' ', 1)::timestamptz, '-infinity'),
                        coalesce(split_part(:position, ' ', 2)::uuid, '00000000-0000-0000-0000-000000000000'))
                 ORDER BY t.ended_at, t.id LIMIT :rows::integer),
            locked AS (
                SELECT m.id FROM state_mutations m
                 WHERE m.id = ANY (ARRAY(SELECT id FROM examined WHERE removable)) FOR UPDATE SKIP LOCKED),
            deleted AS (
                DELETE FROM state_mutations m WHERE m.id = ANY (ARRAY(SELECT id FROM locked))
                RETURNING pg_column_size(m) AS bytes)
            """.replace("{over}", MUTATION_IS_OVER) + CleanupRows.COUNTED.replace("{position}", """
            (SELECT to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || ' ' || id
                                FROM examined ORDER BY ended_at DESC, id DESC LIMIT 1)""");

    /** The latest mutation of each state stays, and those whose versions or rejects are kept. */
    @Produces
    @Singleton
    CleanupType mutations() {
        return CleanupRows.by(
                "state_mutations",
                Retention.of(Duration.ofDays(90), DAY),
                List.of("state_mutations"),
                REMOVE_MUTATIONS,
                """
                SELECT min(t.ended_at) AS at
                  FROM (SELECT * FROM state_mutations WHERE ended_at IS NOT NULL ORDER BY ended_at LIMIT 1000) t
                 WHERE %s HAVING min(t.ended_at) IS NOT NULL""".formatted(MUTATION_IS_OVER));
    }

    /** Rotations of keys that have ended; the last ones stay. */
    @Produces
    @Singleton
    CleanupType rotations() {
        return CleanupRows.walking(
                Retention.of(Duration.ofDays(90), DAY, 50),
                new Walk(
                        "key_rotations",
                        "t.ended_at < :before::timestamptz AND "
                                + CleanupRows.enoughNewer("key_rotations", "n.id > t.id"),
                        "SELECT started_at AS at FROM key_rotations ORDER BY id LIMIT 1"));
    }
}
