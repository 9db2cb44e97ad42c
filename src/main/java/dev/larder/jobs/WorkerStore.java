package dev.larder.jobs;

import dev.larder.database.Rows;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import dev.larder.model.Pulse;
import dev.larder.model.WorkerEntry;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Who works on jobs, and whether it still does (design, section 4): one row per worker process. */
@ApplicationScoped
public class WorkerStore {

    private final Pool pool;
    private final Ids ids;

    public WorkerStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    private static final String REGISTER = """
            INSERT INTO workers (id, name, tags, backends, slots, reserved_slots, created_at, last_seen_at, user_id, organization_id,
                                 long_reserved_slots)
            VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz, $7::timestamptz, $8, $9, $10)""";

    /** A worker in a server's own process enters; it is new each time it starts. It works for every organization. */
    public Uni<UUID> register(WorkerEntry entry, Instant at) {
        return register(entry, at, null, null);
    }

    /**
     * The same for a worker elsewhere.
     *
     * @param caller whose jobs are those of its organization, or of all where it has none
     */
    public Uni<UUID> register(Caller caller, WorkerEntry entry, Instant at) {
        return register(entry, at, caller.userId(), caller.organization().orElse(null));
    }

    private Uni<UUID> register(WorkerEntry entry, Instant at, @Nullable UUID user, @Nullable UUID organization) {
        UUID worker = ids.next();
        JsonObject tags = new JsonObject();
        entry.tags().forEach(tags::put);
        Tuple values = Tuple.tuple()
                .addValue(worker)
                .addValue(entry.name())
                .addValue(tags)
                .addValue(entry.backends().toArray(String[]::new))
                .addValue(entry.slots())
                .addValue(entry.reservedSlots())
                .addValue(Rows.utc(at))
                .addValue(user)
                .addValue(organization)
                .addValue(entry.longReservedSlots());
        return pool.preparedQuery(REGISTER).execute(values).replaceWith(worker);
    }

    private static final String ENTERED =
            "SELECT EXISTS (SELECT FROM workers WHERE id = $1 AND user_id = $2 AND stopped_at IS NULL) AS entered";

    /** Whether this user's token speaks for this worker, and it has not left. */
    public Uni<Boolean> entered(UUID worker, UUID user) {
        return pool.preparedQuery(ENTERED)
                .execute(Tuple.of(worker, user))
                .map(rows -> rows.iterator().next().getBoolean("entered"));
    }

    private static final String LEAVE = "UPDATE workers SET stopped_at = $2 WHERE id = $1 AND stopped_at IS NULL";

    /** A worker process ends in good order; what it still holds is handed back by {@link JobStore#handBack}. */
    public Uni<Void> leave(UUID worker, Instant at) {
        return pool.preparedQuery(LEAVE).execute(Tuple.of(worker, Rows.utc(at))).replaceWithVoid();
    }

    private static final String FORGET =
            "UPDATE workers SET stopped_at = $1::timestamptz WHERE stopped_at IS NULL AND last_seen_at < $2::timestamptz";

    /**
     * Workers that were not heard of since then have left: their processes ended without saying so. One that comes back enters
     * again.
     */
    public Uni<Integer> forget(Instant at, Instant silentSince) {
        return pool.preparedQuery(FORGET)
                .execute(Tuple.of(Rows.utc(at), Rows.utc(silentSince)))
                .map(RowSet::rowCount);
    }

    private static final String HEARTBEAT = """
            WITH me AS (
                UPDATE workers SET last_seen_at = $2, last_ask = greatest(last_ask, $3::integer)
                 WHERE id = $1 AND stopped_at IS NULL AND ($3::integer = 0 OR last_ask < $3::integer)
                RETURNING id)
            SELECT me.id, ARRAY(SELECT j.id FROM jobs j
                                 WHERE j.worker_id = $1 AND j.started_at IS NOT NULL AND j.completed_at IS NULL) AS held,
                   ARRAY(SELECT j.id FROM jobs j
                          WHERE j.worker_id = $1 AND j.started_at IS NOT NULL AND j.completed_at IS NULL
                            AND j.canceled_at IS NOT NULL) AS canceling,
                   (SELECT s.sweep_wanted_at FROM settings s) AS sweep_wanted_at
              FROM me""";

    /** One row per worker, not per job. Empty where the worker is no longer known. */
    public Uni<Optional<Pulse>> heartbeat(UUID worker, Instant at) {
        return ask(worker, 0, at);
    }

    /**
     * The same, when a worker asks for jobs.
     *
     * @param number counted up by the worker, 0 where it does not count; empty where it has asked under a higher one since
     */
    public Uni<Optional<Pulse>> ask(UUID worker, int number, Instant at) {
        return pool.preparedQuery(HEARTBEAT)
                .execute(Tuple.of(worker, Rows.utc(at), number))
                .map(rows -> Rows.first(rows, row -> pulse(row, at)));
    }

    private static Pulse pulse(Row row, Instant at) {
        return new Pulse(
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
