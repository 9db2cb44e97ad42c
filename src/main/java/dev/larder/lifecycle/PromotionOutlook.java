package dev.larder.lifecycle;

import dev.larder.model.Forecast;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlConnection;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The port through which a dry run of a promotion learns what the next cycles would do. */
public interface PromotionOutlook {

    /**
     * A promotion in a transaction that has not ended.
     *
     * @param before the version that was active; null for the first one
     * @param after the version that is active in the transaction
     * @param at before the promotion began
     */
    record Performed(UUID template, @Nullable UUID before, UUID after, Instant at) {}

    /**
     * Reads the presets of the template on the transaction's connection.
     *
     * @return decides the forecasts, in order of the presets' names, without the connection. It may take a second
     */
    Uni<Supplier<List<Forecast.OfPreset>>> read(SqlConnection connection, Performed promotion);
}
