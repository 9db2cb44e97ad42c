package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.model.WorkerSupply;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Row;
import java.util.HashMap;
import java.util.Map;

/**
 * Which living workers lease the jobs of one kind (those of one backend with the same tags), said once for all
 * statements.
 */
public final class AvailableWorkers {

    private AvailableWorkers() {}

    /**
     * A subquery: one row that says which living workers take jobs of one kind. {@link #read} reads it.
     *
     * @param tagged what the statement calls the row with the kind's tags
     * @param backend the kind's backend
     * @param organization whose jobs they are
     * @param at now
     */
    public static String select(String tagged, String backend, String organization, String at) {
        return """
                SELECT count(*)::integer AS fitting, count(h.worker_id)::integer AS held, min(h.since) AS held_since,
                       min(h.probe_at) AS held_until,
                       (array_agg(h.location ORDER BY h.probe_at))[1] AS held_location,
                       (array_agg(h.code ORDER BY h.probe_at))[1] AS held_code,
                       (array_agg(h.reason ORDER BY h.probe_at))[1] AS held_reason
                  FROM workers k
                  LEFT JOIN held_places h ON h.worker_id = k.id AND h.backend = %2$s
                 WHERE %1$s""".formatted(take(tagged, backend, organization, at), backend);
    }

    /**
     * A condition: the worker {@code k} was heard of in the last minute and takes jobs of the kind. The
     * parameters are those of {@link #select}.
     */
    public static String take(String tagged, String backend, String organization, String at) {
        return """
                k.stopped_at IS NULL AND k.last_seen_at >= %4$s - interval '1 minute'
                   AND %2$s = ANY (k.backends) AND %3$s
                   AND %1$s""".formatted(TagMatch.tags("k", tagged), backend, Rules.serves("k", organization), at);
    }

    /** What the subquery found. */
    public static WorkerSupply read(Row row, String backend, Map<String, String> tags) {
        int fitting = row.getInteger("fitting");
        if (fitting == 0) {
            return new WorkerSupply.Missing(backend, tags);
        }
        return row.getInteger("held") < fitting
                ? WorkerSupply.AVAILABLE
                : new WorkerSupply.Held(
                        backend,
                        row.getString("held_location"),
                        row.getString("held_code"),
                        row.getString("held_reason"),
                        Rows.instant(row, "held_since"),
                        Rows.instant(row, "held_until"));
    }

    /** The column {@code tags} of a row. */
    public static Map<String, String> tags(Row row) {
        Map<String, String> tags = new HashMap<>();
        ((JsonObject) row.getValue("tags")).forEach(tag -> tags.put(tag.getKey(), String.valueOf(tag.getValue())));
        return tags;
    }
}
