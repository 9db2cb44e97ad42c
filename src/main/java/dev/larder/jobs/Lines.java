package dev.larder.jobs;

import dev.larder.lifecycle.Mutations;
import dev.larder.lifecycle.TagMatch;

/**
 * The queue as SQL. It is a set of lines: the waiting jobs of one organization with one tag set and of one kind.
 * The index {@code jobs_waiting} (V11) holds each line in order, so lines are found, and the first jobs of each are
 * read, without reading a backlog.
 */
final class Lines {

    private Lines() {}

    /** A value of the index: 0 a user's job, 1 a prebuild's, 2 a prebuild's with a timeout of more than an hour. */
    static String kind(String job) {
        return "(CASE WHEN NOT %1$s.prebuild THEN 0 WHEN %1$s.timeout_seconds <= 3600 THEN 1 ELSE 2 END)"
                .formatted(job);
    }

    /** {@code kinds}: the tag sets and kinds of jobs that {@code me}, the worker, may get now. */
    static final String KINDS = """
            kinds AS (
                SELECT s.id AS tagset_id, k.kind
                  FROM me JOIN tagsets s ON %s CROSS JOIN (VALUES (0), (1), (2)) k (kind)
                 WHERE k.kind = 0
                    OR ((me.prebuild_room IS NULL OR me.prebuild_room > 0)
                        AND (k.kind = 1 OR me.long_room IS NULL OR me.long_room > 0)))""".formatted(TagMatch.tags("me", "s"));

    /**
     * A value: the first organization with a line of this tag set and kind; NULL if there is none.
     *
     * @param line the row with the tag set and the kind
     * @param condition on the organization of the job {@code j}
     */
    static String firstOrganization(String line, String condition) {
        return """
                (SELECT j.organization_id FROM jobs j
                  WHERE j.tagset_id = %1$s.tagset_id AND %2$s = %1$s.kind
                    AND j.started_at IS NULL AND j.completed_at IS NULL AND %3$s
                  ORDER BY j.organization_id LIMIT 1)""".formatted(line, kind("j"), condition);
    }

    /** The jobs of the line {@code a} that {@code me} may get, in their order. */
    static String jobs(String condition) {
        return """
                SELECT j.id, j.queue_at, j.organization_id, j.preset_id, j.deletes, j.backend FROM jobs j
                 WHERE j.tagset_id = a.tagset_id AND %1$s = a.kind AND j.organization_id = a.organization_id
                   AND j.started_at IS NULL AND j.completed_at IS NULL AND j.backend = ANY (me.backends)
                   AND %3$s AND %2$s
                 ORDER BY j.queue_at, j.id""".formatted(kind("j"), condition, Mutations.mayBegin("j"));
    }
}
