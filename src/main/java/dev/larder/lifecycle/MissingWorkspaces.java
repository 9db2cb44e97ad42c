package dev.larder.lifecycle;

/** Workspaces that no longer exist where they were built, or exist again (decision 0016), as SQL. */
public final class MissingWorkspaces {

    private MissingWorkspaces() {}

    /**
     * An UPDATE without RETURNING: workspaces {@code w} are missing from {@code :at} on. Of a prebuild the deletion is
     * requested, so that it is never handed out.
     *
     * @param lost what follows {@code FROM}: relations with the workspaces' ids, and the condition on {@code w.id}
     */
    public static String mark(String lost) {
        return """
                UPDATE workspaces w
                   SET missing_since = coalesce(w.missing_since, :at::timestamptz),
                       deletion_wanted_at = CASE WHEN w.prebuild THEN :at::timestamptz ELSE w.deletion_wanted_at END
                  FROM\s""" + lost;
    }

    /**
     * An UPDATE: workspaces are no longer missing, and belong to the place where they were found.
     *
     * @param found a relation with the workspaces' {@code id} and the place's {@code place_id}; null where the
     *     workspace keeps its place
     */
    public static String found(String found) {
        return """
                UPDATE workspaces w SET missing_since = NULL, place_id = coalesce(f.place_id, w.place_id)
                  FROM %s f WHERE w.id = f.id""".formatted(found);
    }
}
