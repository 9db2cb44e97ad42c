package dev.larder.lifecycle;

/**
 * How long rollouts have in their state before they are held, as SQL (decision 0046). Time in a pause does not count:
 * at its end a rollout has all the time of its state again.
 */
public final class RolloutTime {

    /** A value: the deadline of the rollout {@code r} with the target {@code p} whose time begins at {@code :at}. */
    static final String ANEW = """
            :at::timestamptz + make_interval(secs =>
                           CASE p.rollout_role WHEN 'canary' THEN p.canary_deadline_seconds ELSE p.rollout_deadline_seconds END)""";

    private RolloutTime() {}

    /**
     * The body of a CTE: the time of open rollouts begins anew. The statement has a parameter {@code :at}: now.
     *
     * @param lifted a condition: a pause that held the rollout {@code r} with the target {@code p} is lifted
     */
    public static String begins(String lifted) {
        return """
                UPDATE rollouts r SET deadline_at = greatest(r.deadline_at, {anew})
                      FROM presets p
                     WHERE p.id = r.to_preset_id AND r.ended_at IS NULL AND r.state <> 'held' AND {lifted}""".replace("{anew}", ANEW).replace("{lifted}", lifted);
    }
}
