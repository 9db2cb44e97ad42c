package dev.larder.jobs;

import dev.larder.database.Rows;
import dev.larder.lifecycle.Places;
import dev.larder.model.Builders;
import dev.larder.model.LogLine;
import dev.larder.model.Scope;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Jobs and their logs as people look at them; {@link JobStore} is where they change. */
@ApplicationScoped
public class JobReads {

    private final Pool pool;

    public JobReads(Pool pool) {
        this.pool = pool;
    }

    /**
     * A job as the API shows it.
     *
     * @param position of a waiting job that is looked at by itself: as how many-th of its organization's jobs with its tags it
     *     will be leased (organizations take turns), some 1,000 to 3,000 for all that are far back; null otherwise
     * @param waiting why no worker takes it, of a waiting job that is looked at by itself; null where one may
     */
    public record Seen(
            UUID id,
            UUID workspaceId,
            UUID organizationId,
            String transition,
            String backend,
            String status,
            int attempt,
            Instant createdAt,
            @Nullable Instant startedAt,
            @Nullable Instant deadlineAt,
            @Nullable Instant completedAt,
            @Nullable UUID workerId,
            @Nullable String errorCode,
            @Nullable String error,
            @Nullable Integer position,
            @Nullable Waiting waiting) {}

    /**
     * Why no worker takes a job now.
     *
     * @param code {@code no_worker}: no living worker fits; {@code place_held}: the places of those that fit are in trouble
     * @param until of a held place: when the next build is tried there
     */
    public record Waiting(
            String code,
            String detail,
            Instant since,
            @Nullable Instant until) {}

    private static final String BUILDERS = Places.builders("g", "j.backend", "j.organization_id", "%s");

    // A workspace may have had another owner: what was done for that one, and its reset, is not the next one's to see.
    private static final String SELECT = """
            SELECT j.id, j.workspace_id, j.organization_id, b.transition, j.backend, j.status, j.attempt, j.created_at,
                   j.started_at, j.deadline_at, j.completed_at, j.worker_id, j.error_code, j.error,
                   CASE WHEN %1$s AND j.status = 'pending' THEN
                        1 + (SELECT count(*)::integer
                               FROM (VALUES (0), (1), (2)) k (kind)
                              CROSS JOIN LATERAL (
                                    SELECT FROM jobs a
                                     WHERE a.tagset_id = j.tagset_id AND %3$s = k.kind AND a.organization_id = j.organization_id
                                       AND a.started_at IS NULL AND a.completed_at IS NULL
                                       AND (a.queue_at, a.id) < (j.queue_at, j.id)
                                     LIMIT 1000) ahead)
                   END AS position, g.tags, %1$s AND j.status = 'pending' AS looked_at, builders.*
              FROM jobs j
              JOIN builds b ON b.id = j.build_id
              JOIN tagsets g ON g.id = j.tagset_id
             CROSS JOIN LATERAL (
                   %2$s AND %1$s AND j.status = 'pending') builders
              JOIN users s ON s.id = b.initiator_id
              JOIN workspaces w ON w.id = j.workspace_id
            """;

    private static final String LIST =
            SELECT.formatted("false", BUILDERS.formatted("NULL::timestamptz"), JobStore.kind("a")) + """
             WHERE ($1::uuid IS NULL OR j.organization_id = $1) AND ($2::uuid IS NULL OR (w.owner_id = $2 AND (b.initiator_id = $2 OR (s.is_system AND b.reason <> 'recycle'))))
               AND ($3::uuid IS NULL OR j.id < $3) AND ($4::text IS NULL OR j.status = $4)
             ORDER BY j.id DESC LIMIT $5""";

    /** The newest first. */
    public Uni<List<Seen>> list(Scope scope, Optional<String> status, Optional<UUID> after, int limit) {
        return pool.preparedQuery(LIST)
                .execute(Tuple.of(
                        scope.organization().orElse(null),
                        scope.owner().orElse(null),
                        after.orElse(null),
                        status.orElse(null),
                        limit))
                .map(rows -> Rows.list(rows, JobReads::seen));
    }

    private static final String FIND =
            SELECT.formatted("$4::timestamptz IS NOT NULL", BUILDERS.formatted("$4::timestamptz"), JobStore.kind("a"))
                    + """
             WHERE j.id = $1 AND ($2::uuid IS NULL OR j.organization_id = $2)
               AND ($3::uuid IS NULL OR (w.owner_id = $3 AND (b.initiator_id = $3 OR (s.is_system AND b.reason <> 'recycle'))))""";

    /** @param at now */
    public Uni<Optional<Seen>> find(UUID job, Scope scope, Instant at) {
        return found(job, scope, Rows.utc(at));
    }

    /** The same without its position and why it waits, for those who look again and again. */
    public Uni<Optional<Seen>> look(UUID job, Scope scope) {
        return found(job, scope, null);
    }

    private Uni<Optional<Seen>> found(UUID job, Scope scope, @Nullable OffsetDateTime at) {
        return pool.preparedQuery(FIND)
                .execute(Tuple.of(
                        job, scope.organization().orElse(null), scope.owner().orElse(null), at))
                .map(rows -> Rows.first(rows, JobReads::seen));
    }

    private static Seen seen(Row row) {
        return new Seen(
                row.getUUID("id"),
                row.getUUID("workspace_id"),
                row.getUUID("organization_id"),
                row.getString("transition"),
                row.getString("backend"),
                row.getString("status"),
                row.getInteger("attempt"),
                Rows.instant(row, "created_at"),
                Rows.instantOrNull(row, "started_at"),
                Rows.instantOrNull(row, "deadline_at"),
                Rows.instantOrNull(row, "completed_at"),
                row.getUUID("worker_id"),
                row.getString("error_code"),
                row.getString("error"),
                row.getInteger("position"),
                Boolean.TRUE.equals(row.getBoolean("looked_at")) ? waiting(row) : null);
    }

    private static @Nullable Waiting waiting(Row row) {
        return switch (Places.builders(row, row.getString("backend"), Places.tags(row))) {
            case Builders.Some some -> null;
            case Builders.None none -> new Waiting("no_worker", none.detail(), Rows.instant(row, "created_at"), null);
            case Builders.Held held -> new Waiting("place_held", held.detail(), held.since(), held.until());
        };
    }

    private static final String LOG = """
            SELECT seq, at, stream, line FROM job_logs WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT $3""";

    /** @param after number of the last line seen; -1 for none */
    public Uni<List<Numbered>> log(UUID job, int after, int limit) {
        return pool.preparedQuery(LOG)
                .execute(Tuple.of(job, after, limit))
                .map(rows -> Rows.list(rows, JobReads::line));
    }

    /** A line with its place in the log. */
    public record Numbered(int seq, LogLine line) {}

    private static Numbered line(Row row) {
        return new Numbered(
                row.getInteger("seq"),
                new LogLine(Rows.instant(row, "at"), row.getString("stream"), row.getString("line")));
    }
}
