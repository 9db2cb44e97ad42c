package dev.larder.jobs;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.database.RowList;
import dev.larder.database.Rows;
import dev.larder.database.Slice;
import dev.larder.database.Sql;
import dev.larder.database.Total;
import dev.larder.lifecycle.AvailableWorkers;
import dev.larder.lifecycle.ListRules;
import dev.larder.lifecycle.Rules;
import dev.larder.model.JobStatus;
import dev.larder.model.LogLine;
import dev.larder.model.PresetFilter;
import dev.larder.model.Visibility;
import dev.larder.model.WorkerSupply;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** Jobs and their logs as the API shows them. */
@ApplicationScoped
public class JobReads {

    private final Pool pool;

    public JobReads(Pool pool) {
        this.pool = pool;
    }

    /**
     * A job as the API shows it.
     */
    @Schema(name = "Job")
    public record Seen(
            UUID id,
            UUID workspaceId,
            UUID organizationId,
            String transition,
            String backend,
            @JsonUnwrapped Progress progress,
            @JsonUnwrapped Fault fault,
            @JsonUnwrapped Queued queued) {}

    /** How far a job is. */
    public record Progress(
            @Schema(implementation = JobStatus.class) String status,
            int attempt,
            Instant createdAt,
            @Nullable Instant startedAt,
            @Nullable Instant deadlineAt,
            @Nullable Instant completedAt,
            @Nullable UUID workerId) {}

    /** Why a job failed; nulls where it did not. */
    public record Fault(
            @Nullable String errorCode, @Nullable String error) {}

    /**
     * The place in the queue; nulls where the job does not wait, and in lists.
     *
     * @param position the job's place among its organization's waiting jobs with the same tags, from 1; jobs far back
     *     all show some number between 1,000 and 3,000; null in a list, and for a job that does not wait
     * @param waiting why no worker takes it; null where a worker may, in a list, and for a job that does not wait
     */
    public record Queued(
            @Nullable Integer position, @Nullable Waiting waiting) {}

    /**
     * The reason why no worker takes a job now.
     *
     * @param code {@code no_worker}: no living worker fits; {@code place_held}: the places of the workers that fit
     *     are held
     * @param until for a held place: when the next build is tried there
     */
    @Schema(name = "JobWaiting")
    public record Waiting(
            String code,
            String detail,
            Instant since,
            @Nullable Instant until) {}

    private static final String BUILDERS = AvailableWorkers.select("g", "j.backend", "j.organization_id", "%s");

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

    // A workspace may have had another owner. Jobs of that owner, and the reset after it, are hidden from the next
    // owner.
    private static final String VISIBLE = """
            %s
               AND (:owner::uuid IS NULL
                    OR (w.owner_id = :owner AND (b.initiator_id = :owner OR (s.is_system AND b.reason <> 'recycle'))))""".formatted(Rules.visibleTo("j.organization_id"));

    static final RowList LIST = new RowList("jobs x", "x.id");

    private static final String LISTED =
            SELECT.formatted("false", BUILDERS.formatted("NULL::timestamptz"), Lines.kind("a"));

    private static final String SEEN_BY_OWNER = """
            EXISTS (SELECT FROM builds b
                      JOIN users s ON s.id = b.initiator_id
                      JOIN workspaces w ON w.id = x.workspace_id
                     WHERE b.id = x.build_id AND w.owner_id = :viewer
                       AND (b.initiator_id = :viewer OR (s.is_system AND b.reason <> 'recycle')))""";

    private static final String WORKSPACE = "(SELECT w.%s FROM workspaces w WHERE w.id = x.workspace_id)";

    /**
     * What a list of jobs shows.
     *
     * @param owner the name or the id of the workspace's owner
     */
    public record JobFilter(
            PresetFilter presets, Optional<JobStatus> status, Optional<String> owner, Optional<Instant> since) {

        /** All jobs. */
        public static final JobFilter ALL =
                new JobFilter(PresetFilter.ALL, Optional.empty(), Optional.empty(), Optional.empty());
    }

    static RowList.Query query(Visibility scope, JobFilter filter) {
        RowList.Query query = ListRules.seenBy(LIST.all(), scope.organization());
        query.filter(SEEN_BY_OWNER, "viewer", scope.owner());
        ListRules.ofPresets(query, filter.presets(), WORKSPACE.formatted("preset_id"), false);
        filter.status().ifPresent(status -> restrict(query, status));
        filter.owner()
                .ifPresent(name -> query.with("owner_name", name)
                        .filter(WORKSPACE.formatted("owner_id") + " IN (" + ListRules.USERS + ")"));
        return ListRules.since(query, filter.since());
    }

    // Indexes have the jobs that have not ended, and those that ended badly.
    private static void restrict(RowList.Query query, JobStatus status) {
        switch (status) {
            case PENDING -> query.where("x.started_at IS NULL AND x.completed_at IS NULL");
            case RUNNING, CANCELING -> query.where("x.started_at IS NOT NULL AND x.completed_at IS NULL");
            case FAILED, CANCELED -> query.where("x.status IN ('failed', 'canceled')");
            case SUCCEEDED -> {}
        }
        query.with("status", status.word()).filter("x.status = :status");
    }

    /** The newest first. */
    public Uni<Slice<Seen>> list(Visibility scope, JobFilter filter, Optional<UUID> after, int limit) {
        return query(scope, filter).page(pool, LISTED, "j.id", after, limit, JobReads::seen);
    }

    /** How many jobs the list has. */
    public Uni<Total> total(Visibility scope, JobFilter filter) {
        return query(scope, filter).total(pool);
    }

    private static final Sql FIND = Sql.of(
            SELECT.formatted(":at::timestamptz IS NOT NULL", BUILDERS.formatted(":at::timestamptz"), Lines.kind("a"))
                    + " WHERE j.id = :job AND "
                    + VISIBLE,
            "job",
            "organization",
            "owner",
            "at");

    /** @param at now */
    public Uni<Optional<Seen>> find(UUID job, Visibility scope, Instant at) {
        return found(job, scope, Rows.utc(at));
    }

    /** The same without {@code position} and {@code waiting}: cheaper, for repeated reads. */
    public Uni<Optional<Seen>> look(UUID job, Visibility scope) {
        return found(job, scope, null);
    }

    private Uni<Optional<Seen>> found(UUID job, Visibility scope, @Nullable OffsetDateTime at) {
        return FIND.on(
                        pool,
                        job,
                        scope.organization().orElse(null),
                        scope.owner().orElse(null),
                        at)
                .map(rows -> Rows.first(rows, JobReads::seen));
    }

    private static Seen seen(Row row) {
        return new Seen(
                row.getUUID("id"),
                row.getUUID("workspace_id"),
                row.getUUID("organization_id"),
                row.getString("transition"),
                row.getString("backend"),
                new Progress(
                        row.getString("status"),
                        row.getInteger("attempt"),
                        Rows.instant(row, "created_at"),
                        Rows.instantOrNull(row, "started_at"),
                        Rows.instantOrNull(row, "deadline_at"),
                        Rows.instantOrNull(row, "completed_at"),
                        row.getUUID("worker_id")),
                new Fault(row.getString("error_code"), row.getString("error")),
                new Queued(
                        row.getInteger("position"),
                        Boolean.TRUE.equals(row.getBoolean("looked_at")) ? waiting(row) : null));
    }

    private static @Nullable Waiting waiting(Row row) {
        return switch (AvailableWorkers.read(row, row.getString("backend"), AvailableWorkers.tags(row))) {
            case WorkerSupply.Available available -> null;
            case WorkerSupply.Missing none ->
                new Waiting("no_worker", none.detail(), Rows.instant(row, "created_at"), null);
            case WorkerSupply.Held held -> new Waiting("place_held", held.detail(), held.since(), held.until());
        };
    }

    private static final Sql LOG = Sql.of("""
            SELECT seq, at, stream, line FROM job_logs WHERE job_id = :job AND seq > :after ORDER BY seq LIMIT :limit""", "job", "after", "limit");

    /**
     * Lines of a job's log, in order.
     *
     * @param after number of the last line seen; -1 for none
     */
    public Uni<List<Numbered>> log(UUID job, int after, int limit) {
        return LOG.on(pool, job, after, limit).map(rows -> Rows.list(rows, JobReads::line));
    }

    /** A line with its place in the log. */
    public record Numbered(int seq, LogLine line) {}

    private static Numbered line(Row row) {
        return new Numbered(
                row.getInteger("seq"),
                new LogLine(Rows.instant(row, "at"), row.getString("stream"), row.getString("line")));
    }
}
