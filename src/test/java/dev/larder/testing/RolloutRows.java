package dev.larder.testing;

import static dev.larder.testing.Stock.await;

import dev.larder.lifecycle.RolloutStore;
import dev.larder.model.RolloutCause;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.UUID;

/** Rows of rollouts, for tests of what reads and removes them. They begin now, with a deadline of an hour. */
public final class RolloutRows {

    private final Stock stock;

    public RolloutRows(Stock stock) {
        this.stock = stock;
    }

    /** The one that the promotion of the preset's version began, in this state. A canary is not served. */
    @CanIgnoreReturnValue
    public UUID promotion(UUID after, String state) {
        UUID rollout = stock.row("""
                UPDATE rollouts SET state = $2, reason = CASE WHEN $2::text = 'held' THEN 'deadline' END
                 WHERE to_preset_id = $1 AND ended_at IS NULL RETURNING id""", Tuple.of(after, state)).getUUID("id");
        role(rollout, after, state.equals("canary") ? "canary" : "target");
        return rollout;
    }

    /** Of the stock of one version. */
    public UUID renewal(UUID preset, RolloutCause cause) {
        if (!await(new RolloutStore(stock.pool, stock.ids).begin(preset, cause, stock.clock.instant()))) {
            throw new AssertionError("one is open");
        }
        return stock.row("SELECT rollout_id FROM presets WHERE id = $1", Tuple.of(preset))
                .getUUID("rollout_id");
    }

    /** An ended one leaves its presets. */
    public void state(UUID rollout, String state) {
        boolean ended = !state.equals("held");
        stock.sql("""
                UPDATE rollouts SET state = $2, reason = 'deadline', phase_at = $3,
                                    ended_at = CASE WHEN $4 THEN $3::timestamptz END WHERE id = $1""", rollout, state, utc(stock.clock.instant()), ended);
        if (ended) {
            stock.sql("UPDATE presets SET rollout_id = NULL, rollout_role = NULL WHERE rollout_id = $1", rollout);
        }
    }

    public static OffsetDateTime utc(Instant at) {
        return at.atOffset(ZoneOffset.UTC);
    }

    private void role(UUID rollout, UUID preset, String role) {
        stock.sql("UPDATE presets SET rollout_id = $2, rollout_role = $3 WHERE id = $1", preset, rollout, role);
    }
}
