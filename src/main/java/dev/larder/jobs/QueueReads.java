package dev.larder.jobs;

import dev.larder.database.Rows;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The queue as a whole and who works on it. What is read here is what is not over: never history. */
@ApplicationScoped
public class QueueReads {

    private final Pool pool;

    public QueueReads(Pool pool) {
        this.pool = pool;
    }

    // Either leg has a partial index that holds only what is not over.
    private static final String LIVE = """
            WITH live AS (
                SELECT organization_id, build_id, status, prebuild, created_at AS since
                  FROM jobs WHERE started_at IS NULL AND completed_at IS NULL
                 UNION ALL
                SELECT organization_id, build_id, status, prebuild, coalesce(canceled_at, started_at)
                  FROM jobs WHERE started_at IS NOT NULL AND completed_at IS NULL)
            """;

    private static final String QUEUE = LIVE + """
            SELECT l.status, b.transition, l.prebuild, count(*) AS jobs, min(l.since) AS oldest
              FROM live l JOIN builds b ON b.id = l.build_id
             WHERE $1::uuid IS NULL OR l.organization_id = $1
             GROUP BY l.status, b.transition, l.prebuild
             ORDER BY l.status, b.transition, l.prebuild""";

    /** Jobs that are not over, by what they are. */
    public Uni<List<Group>> queue(Optional<UUID> organization) {
        return pool.preparedQuery(QUEUE)
                .execute(Tuple.of(organization.orElse(null)))
                .map(rows -> Rows.list(rows, QueueReads::group));
    }

    /**
     * Jobs of one kind in one state.
     *
     * @param oldest since when the oldest of them is in this state: waits, runs, or is being canceled
     */
    public record Group(String status, String transition, boolean prebuild, long jobs, Instant oldest) {}

    private static Group group(Row row) {
        return new Group(
                row.getString("status"),
                row.getString("transition"),
                Boolean.TRUE.equals(row.getBoolean("prebuild")),
                row.getLong("jobs"),
                Rows.instant(row, "oldest"));
    }

    private static final String AGES = LIVE + """
            SELECT status, count(*) AS jobs,
                   extract(epoch FROM $1::timestamptz - min(since))::double precision AS oldest_seconds,
                   count(*) FILTER (WHERE since < $1::timestamptz - interval '1 minute') AS over_1m,
                   count(*) FILTER (WHERE since < $1::timestamptz - interval '10 minutes') AS over_10m,
                   count(*) FILTER (WHERE since < $1::timestamptz - interval '1 hour') AS over_1h
              FROM live
             GROUP BY status""";

    /** How long the jobs that are not over have been in their state; nothing of a state in which there are none. */
    public Uni<List<Ages>> ages(Instant at) {
        return pool.preparedQuery(AGES).execute(Tuple.of(Rows.utc(at))).map(rows -> Rows.list(rows, QueueReads::ages));
    }

    /** @param over1m how many of the jobs are in their state for longer than a minute; and so on */
    public record Ages(String status, long jobs, double oldestSeconds, long over1m, long over10m, long over1h) {}

    private static Ages ages(Row row) {
        return new Ages(
                row.getString("status"),
                row.getLong("jobs"),
                row.getDouble("oldest_seconds"),
                row.getLong("over_1m"),
                row.getLong("over_10m"),
                row.getLong("over_1h"));
    }

    private static final String WORKERS = """
            SELECT k.id, k.name, k.organization_id, k.tags, k.backends, k.slots, k.reserved_slots, k.user_id IS NOT NULL AS remote,
                   k.created_at, k.last_seen_at,
                   ARRAY(SELECT h.backend FROM held_places h WHERE h.worker_id = k.id ORDER BY h.backend) AS held,
                   (SELECT count(*)::integer FROM jobs j
                     WHERE j.worker_id = k.id AND j.started_at IS NOT NULL AND j.completed_at IS NULL) AS running
              FROM workers k
             WHERE k.stopped_at IS NULL AND ($1::uuid IS NULL OR k.organization_id = $1)
               AND ($2::uuid IS NULL OR k.id < $2)
             ORDER BY k.id DESC LIMIT $3""";

    /** Workers that have entered and not left, the newest first. */
    public Uni<List<Working>> workers(Optional<UUID> organization, Optional<UUID> after, int limit) {
        return pool.preparedQuery(WORKERS)
                .execute(Tuple.of(organization.orElse(null), after.orElse(null), limit))
                .map(rows -> Rows.list(rows, QueueReads::working));
    }

    /**
     * A worker as the API shows it.
     *
     * @param organizationId null for one that works for all
     * @param remote whether it came over HTTP; else it is a server's own
     * @param held those of its backends whose place is in trouble: it gets one job of them at a time, at intervals
     * @param running how many jobs it has
     */
    public record Working(
            UUID id,
            String name,
            @Nullable UUID organizationId,
            Map<String, String> tags,
            List<String> backends,
            List<String> held,
            int slots,
            int reserved,
            boolean remote,
            Instant enteredAt,
            Instant lastSeenAt,
            int running) {}

    private static Working working(Row row) {
        Map<String, String> tags = new TreeMap<>();
        ((JsonObject) row.getValue("tags")).forEach(tag -> tags.put(tag.getKey(), String.valueOf(tag.getValue())));
        return new Working(
                row.getUUID("id"),
                row.getString("name"),
                row.getUUID("organization_id"),
                tags,
                List.of(row.getArrayOfStrings("backends")),
                List.of(row.getArrayOfStrings("held")),
                row.getInteger("slots"),
                row.getInteger("reserved_slots"),
                Boolean.TRUE.equals(row.getBoolean("remote")),
                Rows.instant(row, "created_at"),
                Rows.instant(row, "last_seen_at"),
                row.getInteger("running"));
    }

    private static final String CAPACITY = """
            SELECT count(*) AS workers, coalesce(sum(slots), 0) AS slots,
                   (SELECT count(DISTINCT (k.organization_id, h.backend, h.location))
                      FROM held_places h JOIN workers k ON k.id = h.worker_id
                     WHERE k.stopped_at IS NULL AND k.last_seen_at >= $1::timestamptz - interval '1 minute') AS held_places,
                   (SELECT count(*) FROM unserved_jobs) AS unserved
              FROM workers WHERE stopped_at IS NULL AND last_seen_at >= $1::timestamptz - interval '1 minute'""";

    /**
     * Workers that were heard of in the last minute, and how many jobs they can work on at once.
     *
     * @param heldPlaces places in trouble
     * @param unserved kinds of jobs, by organization, backend and tags, that wait for a worker that is not there
     */
    public record Capacity(long workers, long slots, long heldPlaces, long unserved) {}

    public Uni<Capacity> capacity(Instant at) {
        return pool.preparedQuery(CAPACITY)
                .execute(Tuple.of(Rows.utc(at)))
                .map(rows -> rows.iterator().next())
                .map(row -> new Capacity(
                        row.getLong("workers"),
                        row.getLong("slots"),
                        row.getLong("held_places"),
                        row.getLong("unserved")));
    }
}
