package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.model.Pause;
import dev.larder.model.PauseScope;
import io.vertx.mutiny.sqlclient.Row;
import java.util.ArrayList;
import java.util.List;

/** Pauses of the reconciler, of the levels that a statement has read. */
public final class PauseColumns {

    // A database that may be older than what was answered from it is paused (decision 0029).
    private static final String DEPLOYMENT_SCOPE =
            "CASE WHEN d.suspect_since IS NULL THEN d.pause_scope ELSE 'all' END";

    private static final String DEPLOYMENT_UNTIL = "CASE WHEN d.suspect_since IS NULL THEN d.pause_until END";

    /** The columns of an organization's levels, of rows that the statement calls {@code d} (settings) and {@code o}. */
    public static final String OF_ORGANIZATION =
            """
            {scope} AS deployment_scope, {until} AS deployment_until,
                   o.pause_scope AS organization_scope, o.pause_until AS organization_until""".replace("{scope}", DEPLOYMENT_SCOPE).replace("{until}", DEPLOYMENT_UNTIL);

    /** The same and the template's, of a row {@code t}. */
    public static final String OF_TEMPLATE =
            OF_ORGANIZATION + ", t.pause_scope AS template_scope, t.pause_until AS template_until";

    /** The same and the preset's, of a row {@code p}. */
    public static final String OF_PRESET =
            OF_TEMPLATE + ", p.pause_scope AS preset_scope, p.pause_until AS preset_until";

    /**
     * A condition on the same four rows: a pause of any level holds at {@code :at}. In Java it is
     * {@link Pause#holdsAt}.
     */
    public static final String HOLDS = """
            EXISTS (SELECT FROM (VALUES ({scope}, {until}), (o.pause_scope, o.pause_until),
                                        (t.pause_scope, t.pause_until), (p.pause_scope, p.pause_until)) l (scope, until)
                     WHERE l.scope IS NOT NULL AND (l.until IS NULL OR l.until > :at::timestamptz))""".replace("{scope}", DEPLOYMENT_SCOPE).replace("{until}", DEPLOYMENT_UNTIL);

    /** A value of the same four rows: when the last of their pauses ends by itself, past ones too; or NULL. */
    public static final String LAST_END =
            "greatest(%s, o.pause_until, t.pause_until, p.pause_until)".formatted(DEPLOYMENT_UNTIL);

    private PauseColumns() {}

    /** Ended ones included, the deployment's first. */
    public static List<Pause> in(Row row) {
        List<Pause> pauses = new ArrayList<>(0);
        for (String level : List.of("deployment", "organization", "template", "preset")) {
            String scope = row.getColumnIndex(level + "_scope") < 0 ? null : row.getString(level + "_scope");
            if (scope != null) {
                pauses.add(new Pause(level, PauseScope.of(scope), Rows.instantOrNull(row, level + "_until")));
            }
        }
        return pauses;
    }
}
