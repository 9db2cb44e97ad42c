package dev.larder.reconcile;

import dev.larder.database.Sql;
import dev.larder.lifecycle.BuildProgress;
import dev.larder.model.PresetSnapshot;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** How long builds take, for replacements that are begun ahead of an expiry ({@link Staleness}). */
final class BuildTimeReads {

    /**
     * A value: when the first start of the workspace {@code w} ended, where further builds have followed. Without
     * one, the workspace's own row tells it.
     */
    static final String BUILT_AT =
            "CASE WHEN w.build_number > 1 THEN %s END".formatted(BuildProgress.firstBuiltAt("w"));

    private BuildTimeReads() {}

    // Clean-up never removes the newest attempts. Of a preset without any that succeeded, the version before tells.
    private static final Sql USUAL_BUILDS =
            Sql.of("""
            SELECT DISTINCT ON (p.id) p.id, usual.seconds
              FROM presets p
              JOIN template_versions v ON v.id = p.version_id
             CROSS JOIN LATERAL (
                   SELECT m.id, o.number
                     FROM template_versions o JOIN presets m ON m.version_id = o.id AND m.name = p.name
                    WHERE o.template_id = v.template_id AND o.number <= v.number
                    ORDER BY o.number DESC LIMIT 2) m
             CROSS JOIN LATERAL (
                   SELECT percentile_disc({most}) WITHIN GROUP (ORDER BY newest.seconds) AS seconds
                     FROM (SELECT extract(epoch FROM j.completed_at - b.created_at)::float8 AS seconds
                             FROM builds b JOIN jobs j ON j.build_id = b.id
                            WHERE b.preset_id = m.id AND b.attempt IS NOT NULL AND j.status = 'succeeded'
                            ORDER BY b.attempt DESC LIMIT 100) newest) usual
             WHERE p.id = ANY (:presets::uuid[]) AND usual.seconds IS NOT NULL
             ORDER BY p.id, m.number DESC""".replace("{most}", String.valueOf(BuildTimes.MOST_BUILDS)), "presets");

    /** A further look at those presets alone whose live prebuilds do not tell it: nearly always there are none. */
    static Uni<List<PresetSnapshot>> withUsualBuilds(SqlClient client, List<PresetSnapshot> presets) {
        UUID[] asking = presets.stream()
                .filter(BuildTimes::asksForPastBuilds)
                .map(PresetSnapshot::id)
                .toArray(UUID[]::new);
        return asking.length == 0
                ? Uni.createFrom().item(presets)
                : USUAL_BUILDS.on(client, (Object) asking).map(rows -> with(presets, rows));
    }

    private static List<PresetSnapshot> with(List<PresetSnapshot> presets, RowSet<Row> rows) {
        Map<UUID, Duration> usual = new HashMap<>();
        rows.forEach(
                row -> usual.put(row.getUUID("id"), Duration.ofMillis(Math.round(row.getDouble("seconds") * 1_000))));
        return presets.stream()
                .map(preset -> usual.containsKey(preset.id()) ? preset.withUsualBuild(usual.get(preset.id())) : preset)
                .toList();
    }
}
