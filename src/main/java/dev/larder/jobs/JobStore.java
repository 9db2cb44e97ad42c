package dev.larder.jobs;

import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.model.Assignment;
import dev.larder.model.JobOutcome;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The queue: leases jobs and keeps their logs. A job is leased with a random token. Every later write of the job
 * carries the token, so a worker that has lost its lease cannot change the job. {@code lifecycle} ends, requeues
 * and cancels jobs.
 */
@ApplicationScoped
public class JobStore {

    private static final JobOutcome.Failed UNREADABLE = new JobOutcome.Failed(
            "parameters_unreadable",
            "A sensitive parameter or output cannot be opened: larder.encryption.key is not the one it was sealed with.");

    /** After a lease that needed {@link Leasing#SHARED}, this many leases begin with that statement. */
    private static final int SHARED_AT_ONCE = 50;

    private final Pool pool;
    private final AssignmentReads assignments;
    private final EndBuildStore ends;

    /** The next lease starts with the organizations after this one, so that each gets its turn. */
    private volatile UUID askedTo = new UUID(0, 0);

    private final AtomicInteger sharedFor = new AtomicInteger();

    public JobStore(Pool pool, Encryption encryption, EndBuildStore ends) {
        this.pool = pool;
        this.assignments = new AssignmentReads(encryption);
        this.ends = ends;
    }

    private static final Sql LEASED = Sql.of("""
            SELECT j.id, j.lease_token, j.attempt, j.workspace_id, j.mutation_id, b.transition, b.reason
              FROM jobs j
              JOIN builds b ON b.id = j.build_id
              JOIN workers k ON k.id = j.worker_id
             WHERE j.id = :job AND j.lease_token = :token AND k.user_id = :user""", "job", "token", "user");

    /** The lease of a job that a worker of this user holds. Empty if it was lost or belongs to another user. */
    public Uni<Optional<Lease>> leased(UUID job, UUID token, UUID user) {
        return LEASED.on(pool, job, token, user).map(rows -> Rows.first(rows, AssignmentReads::lease));
    }

    private static final Sql OWNER_OF_FILE = Sql.of("""
            SELECT f.organization_id
              FROM jobs j
              JOIN builds b ON b.id = j.build_id
              JOIN version_files f ON f.version_id = b.version_id AND f.digest = :digest
             WHERE j.id = :job AND j.lease_token = :token AND j.completed_at IS NULL
             LIMIT 1""", "digest", "job", "token");

    /**
     * The organization that has a file to which the version of a leased job refers. Empty if the lease was lost, or the
     * version does not refer to the file.
     */
    Uni<Optional<UUID>> ownerOfFile(Lease lease, String digest) {
        return OWNER_OF_FILE
                .on(pool, digest, lease.jobId(), lease.token())
                .map(rows -> Rows.first(rows, row -> row.getUUID("organization_id")));
    }

    /**
     * Leases up to {@code slots} jobs that fit this worker, the most urgent first. {@link Batch#more} says whether
     * to ask again: at the worker's reserve, or at a limit of {@link JobLimitStore}, fewer jobs are leased than
     * wait. A job whose sensitive parameters or outputs cannot be decrypted fails at once with code
     * {@code parameters_unreadable}.
     */
    public Uni<Batch> take(UUID worker, int slots, Instant at) {
        return sharedFor.getAndUpdate(left -> Math.max(0, left - 1)) > 0
                ? takeShared(new Asking(worker, slots, at), Tries.FIRST)
                : Leasing.ONLY_LINE
                        .on(pool, worker, slots, Rows.utc(at))
                        .chain(rows -> takenAlone(rows, new Asking(worker, slots, at)));
    }

    /** What a worker asks for. */
    private record Asking(UUID worker, int slots, Instant at) {}

    private Uni<Batch> takenAlone(RowSet<Row> rows, Asking asking) {
        if (leasedNone(rows) && says(rows, "shared")) {
            sharedFor.set(SHARED_AT_ONCE);
            return takeShared(asking, Tries.FIRST);
        }
        return batch(rows, asking.at());
    }

    /**
     * How often one lease may repeat its statement.
     *
     * @param heldUp after it found only jobs beyond a limit that concurrent leases have reached
     * @param further after no job fits in the {@value Leasing#ORGANIZATIONS_MAX} organizations of the statement
     */
    private record Tries(int heldUp, int further) {

        static final Tries FIRST = new Tries(2, 7);
    }

    private Uni<Batch> takeShared(Asking asking, Tries tries) {
        return Leasing.SHARED
                .on(pool, asking.worker(), asking.slots(), Rows.utc(asking.at()), JobLimitStore.DEPLOYMENT, askedTo)
                .chain(rows -> leasedNone(rows) ? takeAgain(rows, asking, tries) : batch(rows, asking.at()));
    }

    private Uni<Batch> takeAgain(RowSet<Row> rows, Asking asking, Tries tries) {
        Row summary = rows.iterator().next();
        if (says(rows, "held_up")) {
            return tries.heldUp() == 0
                    ? Uni.createFrom().item(Batch.HELD_UP)
                    : takeShared(asking, new Tries(tries.heldUp() - 1, tries.further()));
        }
        askedTo = summary.getUUID("asked_to");
        return tries.further() == 0
                ? Uni.createFrom().item(Batch.NONE)
                : takeShared(asking, new Tries(tries.heldUp(), tries.further() - 1));
    }

    /** Whether there is only the row with the summary. */
    private static boolean leasedNone(RowSet<Row> rows) {
        return rows.size() == 1 && rows.iterator().next().getUUID("id") == null;
    }

    private static boolean says(RowSet<Row> rows, String column) {
        return Boolean.TRUE.equals(rows.iterator().next().getBoolean(column));
    }

    /**
     * The result of one call.
     *
     * @param unreadable jobs that have failed at once, because they cannot be decrypted
     * @param heldUp whether jobs were locked but not leased: other workers may have skipped them and should ask
     *     again
     * @param more whether there may be more jobs for this worker
     */
    public record Batch(List<Taken> jobs, int unreadable, boolean heldUp, boolean more) {

        static final Batch NONE = new Batch(List.of(), 0, false, false);
        static final Batch HELD_UP = new Batch(List.of(), 0, true, false);
    }

    /**
     * A leased job.
     *
     * @param queuedAt when the job was created
     */
    public record Taken(Assignment assignment, Instant queuedAt) {}

    private Uni<Batch> batch(RowSet<Row> rows, Instant at) {
        if (rows.size() == 0) {
            return Uni.createFrom().item(Batch.NONE);
        }
        List<Taken> taken = new ArrayList<>(rows.size());
        List<Lease> unreadable = new ArrayList<>();
        for (Row row : rows) {
            askedTo = row.getUUID("organization_id");
            try {
                taken.add(new Taken(assignments.assignment(row), Rows.instant(row, "created_at")));
            } catch (Encryption.UnreadableException sealed) {
                unreadable.add(AssignmentReads.lease(row));
            }
        }
        boolean heldUp = says(rows, "held_up");
        Batch batch = new Batch(taken, unreadable.size(), heldUp, heldUp || says(rows, "more"));
        return unreadable.isEmpty()
                ? Uni.createFrom().item(batch)
                : ends.failAll(unreadable, UNREADABLE, at).replaceWith(batch);
    }

    // The length of the arrays is hidden from the planner. Otherwise it plans each call, which takes longer than
    // the call.
    private static final Sql APPEND = Sql.of("""
            INSERT INTO job_logs (job_id, seq, at, stream, line)
            SELECT :job::uuid, :seq::integer + ordinality - 1, l.at, l.stream, l.line
              FROM unnest((SELECT :times::timestamptz[]), (SELECT :streams::text[]), (SELECT :lines::text[]))
                   WITH ORDINALITY l (at, stream, line)
             WHERE EXISTS (SELECT FROM jobs WHERE id = :job::uuid AND lease_token = :token)
                ON CONFLICT DO NOTHING""", "job", "seq", "times", "streams", "lines", "token");

    /**
     * Appends to a leased job's log. Does nothing if the lease was lost, and skips lines that the log already has.
     *
     * @param seq the number of the first line; lines of one lease are numbered from {@code attempt * 1,000,000}
     */
    public Uni<Void> append(Lease lease, int seq, List<LogLine> lines) {
        OffsetDateTime[] times = lines.stream().map(line -> Rows.utc(line.at())).toArray(OffsetDateTime[]::new);
        String[] streams = lines.stream().map(LogLine::stream).toArray(String[]::new);
        String[] texts = lines.stream().map(line -> Rows.storable(line.line())).toArray(String[]::new);
        return APPEND.on(pool, lease.jobId(), seq, times, streams, texts, lease.token())
                .replaceWithVoid();
    }
}
