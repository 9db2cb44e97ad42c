package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.model.Pause;
import dev.larder.model.PauseScope;
import io.vertx.mutiny.sqlclient.Row;
import java.util.ArrayList;
import java.util.List;

/** Pauses of the reconciler, of the levels that a statement has read. */
public final class PauseColumns {

    /** The columns of an organization's levels, of rows that the statement calls {@code d} (settings) and {@code o}. */
    // A database that may be older than what was answered from it is paused (decision 0029).
    public static final String OF_ORGANIZATION = """
            CASE WHEN d.suspect_since IS NULL THEN d.pause_scope ELSE 'all' END AS deployment_scope,
                   CASE WHEN d.suspect_since IS NULL THEN d.pause_until END AS deployment_until,
                   o.pause_scope AS organization_scope, o.pause_until AS organization_until""";

    /** The same and the template's, of a row {@code t}. */
    public static final String OF_TEMPLATE =
            OF_ORGANIZATION + ", t.pause_scope AS template_scope, t.pause_until AS template_until";

    /** The same and the preset's, of a row {@code p}. */
    public static final String OF_PRESET =
            OF_TEMPLATE + ", p.pause_scope AS preset_scope, p.pause_until AS preset_until";

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
