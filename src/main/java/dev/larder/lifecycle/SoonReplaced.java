package dev.larder.lifecycle;

/**
 * Which workspaces a rollout would soon replace if they were in stock, as SQL (decision 0046). A returned one of these
 * is not reset: it would take the place of a replacement that is being built.
 */
final class SoonReplaced {

    /** A condition: the last soft invalidation of the preset {@code p} is later than the workspace {@code w}. */
    private static final String INVALIDATED = "w.created_at < coalesce(p.stale_from, '-infinity')";

    /** A condition: a rollout replaces the stock of the preset {@code p} now. One that is held or paused does not. */
    private static final String OF_A_VERSION_THAT_GOES = """
            (p.rollout_role = 'before'
                         AND EXISTS (SELECT FROM rollouts r
                                      WHERE r.id = p.rollout_id AND r.state = 'progressing' AND r.paused_at IS NULL))""";

    // A build's time before the end for each wave that the surge allows, as if all stock expired at once: no less than
    // reconcile.Staleness has. As there, half of the time in stock is over.
    private static final String EXPIRES_SOON = """
            EXISTS (
                         SELECT FROM (SELECT least(w.created_at + make_interval(secs => p.ttl_seconds), w.stock_until) AS at) ends
                          CROSS JOIN (SELECT rtrim(p.max_surge, '%')::numeric AS n, right(p.max_surge, 1) = '%' AS percent) declared
                          CROSS JOIN LATERAL (
                                SELECT greatest(CASE WHEN declared.percent THEN ceil(p.instances * declared.n / 100)
                                                     ELSE declared.n END, 1) AS most) surge
                          CROSS JOIN LATERAL (
                                SELECT count(*) + 1 AS count, max(n.ready_at - n.created_at) FILTER (WHERE n.build_number = 1) AS built_in
                                  FROM workspaces n
                                 WHERE n.preset_id = p.id AND n.prebuild AND n.deleted_at IS NULL
                                   AND n.build_status IN ('pending', 'canceling', 'succeeded')) stock
                          WHERE p.rollout_strategy = 'rolling' AND declared.n > 0
                            AND w.created_at + (ends.at - w.created_at) / 2 <= :at::timestamptz
                            AND ends.at <= :at::timestamptz + ceil(stock.count / surge.most)::float8 *
                                greatest(stock.built_in, {first_built_at} - w.created_at))
            """.replace("{first_built_at}", BuildProgress.firstBuiltAt("w"));

    /**
     * A condition: the workspace {@code w} of the preset {@code p} would be replaced soon. The statement has a
     * parameter {@code :at}: now.
     */
    static final String CONDITION = "(%s OR %s OR %s)".formatted(INVALIDATED, OF_A_VERSION_THAT_GOES, EXPIRES_SOON);

    private SoonReplaced() {}
}
