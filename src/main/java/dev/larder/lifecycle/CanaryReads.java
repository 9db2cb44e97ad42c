package dev.larder.lifecycle;

import dev.larder.database.Sql;
import dev.larder.model.CanaryEvidence;
import dev.larder.model.CanaryEvidence.Failed;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What is known of the prebuilds that new versions are tried with: what a verdict is made of (decision 0046). */
public final class CanaryReads {

    private CanaryReads() {}

    // Those that were begun in this phase, whatever has become of them, and those that stand from a phase
    // before or are claimed on trial. Its attempts since then are few; all that the preset ever had may be many.
    private static final String CANARIES = """
            (SELECT b.workspace_id AS id
               FROM attempts a
               JOIN builds b ON b.preset_id = a.preset_id AND b.attempt = a.number AND b.created_at >= r.phase_at
              WHERE a.preset_id = r.to_preset_id AND a.created_at >= r.phase_at
             UNION
             SELECT w.id FROM workspaces w
              WHERE w.preset_id = r.to_preset_id AND w.prebuild AND w.deleted_at IS NULL AND w.transition = 'start'
                AND w.build_status IN ('pending', 'running', 'canceling', 'succeeded')
             UNION
             SELECT c.workspace_id FROM claims c
              WHERE c.id = r.trial_claim_id AND c.created_at >= r.phase_at AND c.workspace_id IS NOT NULL)""";

    // A canceled build says nothing of the version. Neither does a canary that was removed, or a trial claim that was
    // ended before its last step.
    private static final Sql EVIDENCE = Sql.of(
            """
            SELECT r.id AS rollout, w.id AS workspace, last.job, last.blame,
                   last.number > 1 OR last.status = 'succeeded' AS ready,
                   last.status = 'failed' AS failed, last.error_code,
                   last.status = 'canceled' AND NOT (w.transition = 'start' AND w.build_status = 'succeeded') AS canceled,
                   w.prebuild AND (w.deletion_wanted_at IS NOT NULL OR w.transition = 'delete' OR w.deleted_at IS NOT NULL) AS removed,
                   NOT v.verify_step OR EXISTS (SELECT FROM builds b JOIN jobs j ON j.build_id = b.id
                                                 WHERE b.workspace_id = w.id AND b.reason = 'verify' AND j.status = 'succeeded') AS verified,
                   coalesce({passed}, false) AS tried, c.ended_at IS NOT NULL AND NOT {passed} AS given_up
              FROM rollouts r
              JOIN presets p ON p.id = r.to_preset_id
              JOIN template_versions v ON v.id = p.version_id
             CROSS JOIN LATERAL {canaries} canary
              JOIN workspaces w ON w.id = canary.id
             CROSS JOIN LATERAL {last} last
              LEFT JOIN claims c ON c.id = r.trial_claim_id AND c.workspace_id = w.id
             WHERE r.id = ANY (:rollouts::uuid[])
             ORDER BY r.id, w.id""".replace("{canaries}", CANARIES)
                    .replace("{last}", Trials.lastStart("w.id"))
                    .replace("{passed}", Trials.passed("c", "v", "last")),
            "rollouts");

    /**
     * By rollout, the oldest canary first. A rollout without canaries is left out. Without rollouts nothing is read.
     *
     * @param rollouts that are tried
     */
    public static Uni<Map<UUID, List<CanaryEvidence>>> evidence(SqlClient client, Collection<UUID> rollouts) {
        return rollouts.isEmpty()
                ? Uni.createFrom().item(Map.of())
                : EVIDENCE.on(client, (Object) rollouts.toArray(UUID[]::new)).map(CanaryReads::byRollout);
    }

    private static Map<UUID, List<CanaryEvidence>> byRollout(RowSet<Row> rows) {
        Map<UUID, List<CanaryEvidence>> found = new HashMap<>();
        for (Row row : rows) {
            found.computeIfAbsent(row.getUUID("rollout"), unused -> new ArrayList<>())
                    .add(evidence(row));
        }
        return found;
    }

    private static CanaryEvidence evidence(Row row) {
        return new CanaryEvidence(
                row.getUUID("workspace"),
                row.getBoolean("ready"),
                Optional.ofNullable(failed(row)),
                row.getBoolean("ready") && row.getBoolean("verified"),
                row.getBoolean("tried"));
    }

    private static @Nullable Failed failed(Row row) {
        if (row.getBoolean("failed")) {
            return new Failed(row.getUUID("job"), row.getString("blame"), row.getString("error_code"));
        }
        String code = delayed(row);
        return code == null ? null : new Failed(row.getUUID("job"), "worker", code);
    }

    /** Why another is to be built in its place, although no build of it failed; null where none is. */
    private static @Nullable String delayed(Row row) {
        if (row.getBoolean("canceled")) {
            return "build_canceled";
        }
        if (row.getBoolean("removed")) {
            return "canary_removed";
        }
        return Boolean.TRUE.equals(row.getBoolean("given_up")) ? "trial_ended" : null;
    }
}
