package dev.larder.catalog;

import dev.larder.database.Rows;
import dev.larder.model.PauseScope;
import io.vertx.mutiny.sqlclient.Row;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A pause as it was set; it may have ended since.
 *
 * @param scope {@code create} or {@code all}
 * @param until exclusive end; null holds until it is lifted
 */
public record PauseView(String scope, @Nullable Instant until) {

    static @Nullable PauseView of(Row row) {
        String scope = row.getString("pause_scope");
        return scope == null
                ? null
                : new PauseView(PauseScope.of(scope).word(), Rows.instantOrNull(row, "pause_until"));
    }
}
