package dev.larder.jobs;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.Caller;
import dev.larder.model.HeartbeatAnswer;
import dev.larder.model.Ids;
import dev.larder.model.WorkerEntry;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The workers and their heartbeats: one row per worker process. */
@ApplicationScoped
public class WorkerStore {

    private final Pool pool;
    private final Ids ids;

    public WorkerStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    private static final Sql REGISTER = Sql.of(
            """
            INSERT INTO workers (id, name, tags, backends, slots, reserved_slots, long_reserved_slots, created_at, last_seen_at,
                                 user_id, organization_id)
            VALUES (:worker, :name, :tags, :backends, :slots, :reserved, :long_reserved, :at::timestamptz, :at::timestamptz,
                    :user, :organization)""",
            "worker",
            "name",
            "tags",
            "backends",
            "slots",
            "reserved",
            "long_reserved",
            "at",
            "user",
            "organization");

    /** Registers the worker of a server's own process, a new one at each start. It serves every organization. */
    public Uni<UUID> register(WorkerEntry entry, Instant at) {
        return register(entry, at, null, null);
    }

    /**
     * Registers a remote worker.
     *
     * @param caller the worker serves the caller's organization, or every organization where the caller has none
     */
    public Uni<UUID> register(Caller caller, WorkerEntry entry, Instant at) {
        return register(entry, at, caller.userId(), caller.organization().orElse(null));
    }

    private Uni<UUID> register(WorkerEntry entry, Instant at, @Nullable UUID user, @Nullable UUID organization) {
        UUID worker = ids.next();
        JsonObject tags = new JsonObject();
        entry.tags().forEach(tags::put);
        return REGISTER.on(
                        pool,
                        worker,
                        entry.name(),
                        tags,
                        entry.backends().toArray(String[]::new),
                        entry.slots(),
                        entry.reservedSlots(),
                        entry.longReservedSlots(),
                        Rows.utc(at),
                        user,
                        organization)
                .replaceWith(worker);
    }

    private static final Sql REGISTERED = Sql.of(
            "SELECT EXISTS (SELECT FROM workers WHERE id = :worker AND user_id = :user AND stopped_at IS NULL) AS registered",
            "worker",
            "user");

    /** Whether this user registered this worker, and it has not stopped. */
    public Uni<Boolean> registered(UUID worker, UUID user) {
        return REGISTERED
                .on(pool, worker, user)
                .map(rows -> rows.iterator().next().getBoolean("registered"));
    }

    private static final Sql STOP =
            Sql.of("UPDATE workers SET stopped_at = :at WHERE id = :worker AND stopped_at IS NULL", "worker", "at");

    /** Marks a worker as stopped. The worker requeues its jobs itself. */
    public Uni<Void> stop(UUID worker, Instant at) {
        return STOP.on(pool, worker, Rows.utc(at)).replaceWithVoid();
    }

    private static final Sql STOP_SILENT = Sql.of("""
            UPDATE workers SET stopped_at = :at::timestamptz
             WHERE stopped_at IS NULL AND last_seen_at < :silent_since::timestamptz""", "at", "silent_since");

    /**
     * Marks workers as stopped whose last heartbeat is older than this: their processes ended without notice. A
     * worker that comes back registers again.
     *
     * @return the number of workers
     */
    public Uni<Integer> stopSilent(Instant at, Instant silentSince) {
        return STOP_SILENT.on(pool, Rows.utc(at), Rows.utc(silentSince)).map(RowSet::rowCount);
    }

    private static final Sql HEARTBEAT = Sql.of("""
            WITH me AS (
                UPDATE workers SET last_seen_at = :at, last_ask = greatest(last_ask, :number::integer)
                 WHERE id = :worker AND stopped_at IS NULL AND (:number::integer = 0 OR last_ask < :number::integer)
                RETURNING id)
            SELECT me.id, ARRAY(SELECT j.id FROM jobs j
                                 WHERE j.worker_id = :worker AND j.started_at IS NOT NULL AND j.completed_at IS NULL) AS held,
                   ARRAY(SELECT j.id FROM jobs j
                          WHERE j.worker_id = :worker AND j.started_at IS NOT NULL AND j.completed_at IS NULL
                            AND j.canceled_at IS NOT NULL) AS canceling,
                   (SELECT s.sweep_wanted_at FROM settings s) AS sweep_wanted_at
              FROM me""", "worker", "number", "at");

    /**
     * Records a heartbeat, which keeps a worker and its leases alive: one row per worker, not per job. Empty if the
     * worker is not registered any more.
     */
    public Uni<Optional<HeartbeatAnswer>> heartbeat(UUID worker, Instant at) {
        return ask(worker, 0, at);
    }

    /**
     * A heartbeat that comes with a request for jobs.
     *
     * @param number of the request, counted by the worker; 0 if the worker does not count
     * @return empty if the worker is not registered any more, or has sent a request with this or a higher number
     */
    public Uni<Optional<HeartbeatAnswer>> ask(UUID worker, int number, Instant at) {
        return HEARTBEAT.on(pool, worker, number, Rows.utc(at)).map(rows -> Rows.first(rows, row -> pulse(row, at)));
    }

    private static HeartbeatAnswer pulse(Row row, Instant at) {
        return new HeartbeatAnswer(
                Set.of(row.getArrayOfUUIDs("held")),
                Set.of(row.getArrayOfUUIDs("canceling")),
                at,
                Rows.instantOrNull(row, "sweep_wanted_at"));
    }

    /** How long a worker may be silent before it counts as lost: three missed heartbeats (design, section 4.4). */
    public static Instant silentSince(Instant at, Duration heartbeat) {
        return at.minus(heartbeat.multipliedBy(3));
    }
}
