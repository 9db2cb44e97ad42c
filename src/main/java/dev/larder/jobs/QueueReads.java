package dev.larder.jobs;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.database.RowList;
import dev.larder.database.Rows;
import dev.larder.database.Slice;
import dev.larder.database.Sql;
import dev.larder.database.Total;
import dev.larder.lifecycle.ListRules;
import dev.larder.lifecycle.Rules;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Reads about the whole queue and the workers. They read only jobs that have not ended, so the cost does not grow
 * with history.
 */
@ApplicationScoped
public class QueueReads {

    private final Pool pool;

    public QueueReads(Pool pool) {
        this.pool = pool;
    }

    // Each half has a partial index that holds only jobs that have not ended.
    private static final String LIVE = """
            WITH live AS (
                SELECT organization_id, build_id, status, prebuild, created_at AS since
                  FROM jobs WHERE started_at IS NULL AND completed_at IS NULL
                 UNION ALL
                SELECT organization_id, build_id, status, prebuild, coalesce(canceled_at, started_at)
                  FROM jobs WHERE started_at IS NOT NULL AND completed_at IS NULL)
            """;

    private static final Sql QUEUE = Sql.of(LIVE + """
            SELECT l.status, b.transition, l.prebuild, count(*) AS jobs, min(l.since) AS oldest
              FROM live l JOIN builds b ON b.id = l.build_id
             WHERE %s
             GROUP BY l.status, b.transition, l.prebuild
             ORDER BY l.status, b.transition, l.prebuild""".formatted(Rules.visibleTo("l.organization_id")), "organization");

    /** The numbers of jobs that have not ended, by status, transition and whether they build prebuilds. */
    public Uni<List<Group>> queue(Optional<UUID> organization) {
        return QUEUE.on(pool, organization.orElse(null)).map(rows -> Rows.list(rows, QueueReads::group));
    }

    /**
     * Jobs of one kind with one status.
     *
     * @param oldest when the oldest of them began to wait, began to run, or was canceled
     */
    @Schema(name = "JobGroup")
    public record Group(String status, String transition, boolean prebuild, long jobs, Instant oldest) {}

    private static Group group(Row row) {
        return new Group(
                row.getString("status"),
                row.getString("transition"),
                Boolean.TRUE.equals(row.getBoolean("prebuild")),
                row.getLong("jobs"),
                Rows.instant(row, "oldest"));
    }

    private static final Sql AGES = Sql.of(LIVE + """
            SELECT status, count(*) AS jobs,
                   extract(epoch FROM :at::timestamptz - min(since))::double precision AS oldest_seconds,
                   count(*) FILTER (WHERE since < :at::timestamptz - interval '1 minute') AS over_1m,
                   count(*) FILTER (WHERE since < :at::timestamptz - interval '10 minutes') AS over_10m,
                   count(*) FILTER (WHERE since < :at::timestamptz - interval '1 hour') AS over_1h
              FROM live
             GROUP BY status""", "at");

    /** The ages of the jobs that have not ended, by status; a status without jobs is left out. */
    public Uni<List<Ages>> ages(Instant at) {
        return AGES.on(pool, Rows.utc(at)).map(rows -> Rows.list(rows, QueueReads::ages));
    }

    /**
     * The ages of one status.
     *
     * @param over1m jobs with this status for longer than a minute; and so on
     */
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

    static final RowList WORKERS = new RowList("workers x", "x.id");

    private static final String WORKER = """
            SELECT k.id, k.name, k.organization_id, k.tags, k.backends, k.slots, k.reserved_slots, k.user_id IS NOT NULL AS remote,
                   k.created_at, k.last_seen_at,
                   ARRAY(SELECT h.backend FROM held_places h WHERE h.worker_id = k.id ORDER BY h.backend) AS held,
                   (SELECT count(*)::integer FROM jobs j
                     WHERE j.worker_id = k.id AND j.started_at IS NOT NULL AND j.completed_at IS NULL) AS running
              FROM workers k""";

    /** Workers that are registered and have not stopped. */
    static RowList.Query working(
            Optional<UUID> callersOrganization, Optional<String> organization, Optional<Instant> since) {
        RowList.Query query = ListRules.seenBy(WORKERS.all().where("x.stopped_at IS NULL"), callersOrganization);
        return ListRules.since(ListRules.of(query, organization), since);
    }

    /** A page of them, the newest first. */
    public Uni<Slice<Working>> workers(RowList.Query query, Optional<UUID> after, int limit) {
        return query.page(pool, WORKER, "k.id", after, limit, QueueReads::working);
    }

    /** How many there are. */
    public Uni<Total> total(RowList.Query query) {
        return query.total(pool);
    }

    /**
     * A worker as the API shows it.
     *
     * @param organizationId null for a worker that serves every organization
     * @param remote whether it uses the HTTP API; otherwise it runs in a server's process
     * @param running leased jobs
     */
    @Schema(name = "Worker")
    public record Working(
            UUID id,
            String name,
            @Nullable UUID organizationId,
            @JsonUnwrapped Offer offer,
            boolean remote,
            Instant enteredAt,
            Instant lastSeenAt,
            int running) {}

    /**
     * What a worker offers to do.
     *
     * @param held the backends whose place is in trouble: the worker gets one job of them at a time, at intervals
     */
    public record Offer(Map<String, String> tags, List<String> backends, List<String> held, int slots, int reserved) {}

    private static Working working(Row row) {
        Map<String, String> tags = new TreeMap<>();
        ((JsonObject) row.getValue("tags")).forEach(tag -> tags.put(tag.getKey(), String.valueOf(tag.getValue())));
        return new Working(
                row.getUUID("id"),
                row.getString("name"),
                row.getUUID("organization_id"),
                new Offer(
                        tags,
                        List.of(row.getArrayOfStrings("backends")),
                        List.of(row.getArrayOfStrings("held")),
                        row.getInteger("slots"),
                        row.getInteger("reserved_slots")),
                Boolean.TRUE.equals(row.getBoolean("remote")),
                Rows.instant(row, "created_at"),
                Rows.instant(row, "last_seen_at"),
                row.getInteger("running"));
    }

    private static final Sql CAPACITY = Sql.of("""
            SELECT count(*) AS workers, coalesce(sum(slots), 0) AS slots,
                   (SELECT count(DISTINCT (k.organization_id, h.backend, h.location))
                      FROM held_places h JOIN workers k ON k.id = h.worker_id
                     WHERE k.stopped_at IS NULL AND k.last_seen_at >= :at::timestamptz - interval '1 minute') AS held_places,
                   (SELECT count(*) FROM unserved_jobs) AS unserved
              FROM workers WHERE stopped_at IS NULL AND last_seen_at >= :at::timestamptz - interval '1 minute'""", "at");

    /**
     * The workers with a heartbeat in the last minute, and how many jobs they can run at once.
     *
     * @param heldPlaces places that are held
     * @param unserved kinds of jobs, by organization, backend and tags, that no such worker can take
     */
    public record Capacity(long workers, long slots, long heldPlaces, long unserved) {}

    public Uni<Capacity> capacity(Instant at) {
        return CAPACITY.on(pool, Rows.utc(at))
                .map(rows -> rows.iterator().next())
                .map(row -> new Capacity(
                        row.getLong("workers"),
                        row.getLong("slots"),
                        row.getLong("held_places"),
                        row.getLong("unserved")));
    }
}
