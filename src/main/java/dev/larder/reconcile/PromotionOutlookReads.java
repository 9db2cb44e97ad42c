package dev.larder.reconcile;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.PromotionOutlook;
import dev.larder.model.Forecast;
import dev.larder.model.PresetSnapshot;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** Forecasts the lines of a template whose promotion has not been committed. */
@ApplicationScoped
class PromotionOutlookReads implements PromotionOutlook {

    private final SnapshotStore snapshots;
    private final ReconcileSettings settings;

    PromotionOutlookReads(SnapshotStore snapshots, ReconcileSettings settings) {
        this.snapshots = snapshots;
        this.settings = settings;
    }

    // No other transaction ends rollouts of the template meanwhile: the promotion has locked it.
    private static final Sql SUPERSEDED = Sql.of("""
            SELECT preset FROM rollouts
             WHERE template_id = :template AND state = 'superseded' AND ended_at >= :at::timestamptz""", "template", "at");

    @Override
    public Uni<Supplier<List<Forecast.OfPreset>>> read(SqlConnection connection, Performed promotion) {
        Limits limits = settings.limits();
        return SUPERSEDED
                .on(connection, promotion.template(), Rows.utc(promotion.at()))
                .map(rows -> Set.copyOf(Rows.list(rows, row -> row.getString("preset"))))
                .chain(superseded -> snapshots
                        .ofTemplate(connection, promotion, limits)
                        .map(presets -> () -> forecasts(presets, superseded, promotion, limits)));
    }

    private static List<Forecast.OfPreset> forecasts(
            List<PresetSnapshot> presets, Set<String> superseded, Performed promotion, Limits limits) {
        List<Line> lines = Line.of(presets);
        int looks = Forecasting.MOST_LOOKS / Math.max(lines.size(), 1);
        return lines.stream()
                .map(line -> PromotedLine.of(line, promotion)
                        .forecast(
                                superseded.contains(line.name()), Forecasting.of(line, promotion.at(), limits, looks)))
                .sorted(Comparator.comparing(Forecast.OfPreset::preset))
                .toList();
    }
}
