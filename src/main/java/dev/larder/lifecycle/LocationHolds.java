package dev.larder.lifecycle;

/**
 * Locations on hold (table {@code held_places}, decision 0025), said once for all statements. A worker's
 * location is put on hold when one of its jobs fails because of it; {@link RequeueStore} does that. Then the
 * worker leases one job of that backend at a time, at growing intervals, until one of them shows that the
 * location works.
 */
public final class LocationHolds {

    private LocationHolds() {}

    /** A value: the backends of which the worker may lease jobs now. */
    public static String offered(String worker, String at) {
        return """
                CASE WHEN EXISTS (SELECT FROM held_places h WHERE h.worker_id = %1$s.id)
                     THEN ARRAY(SELECT o.backend FROM unnest(%1$s.backends) o (backend)
                                 WHERE NOT EXISTS (SELECT FROM held_places h
                                                    WHERE h.worker_id = %1$s.id AND h.backend = o.backend
                                                      AND NOT %2$s))
                     ELSE %1$s.backends END""".formatted(worker, probe(worker, at));
    }

    /** A condition: a probe is due, so that the worker may lease one job only. */
    public static String probes(String worker, String at) {
        return "EXISTS (SELECT FROM held_places h WHERE h.worker_id = %s.id AND %s)"
                .formatted(worker, probe(worker, at));
    }

    /** A condition on the hold {@code h}: a probe is due, and none is under way. */
    private static String probe(String worker, String at) {
        return """
                (h.probe_at <= %2$s::timestamptz
                 AND NOT EXISTS (SELECT FROM jobs r
                                  WHERE r.worker_id = %1$s.id AND r.started_at >= h.probe_at
                                    AND r.completed_at IS NULL
                                    AND r.backend = h.backend))""".formatted(worker, at);
    }
}
