package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.lifecycle.RolloutChange;
import dev.larder.lifecycle.RolloutControl;
import dev.larder.model.Assignment;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.util.UUID;

/** The one rollout at a time of a test's stock: what became of it, and what a user and workers do to it. */
record RolloutScene(Stock stock) {

    /** Cause, state and reason of the newest one. */
    String newest() {
        return stock.row(
                        "SELECT concat_ws(' ', cause, state, reason) AS n FROM rollouts ORDER BY id DESC LIMIT 1",
                        Tuple.tuple())
                .getString("n");
    }

    void rollBackByUser() {
        UUID open = stock.row("SELECT id FROM rollouts WHERE ended_at IS NULL", Tuple.tuple())
                .getUUID("id");
        assertThat(await(new RolloutControl(stock.pool, stock.ids).rollBack(stock.owner, open, stock.clock.instant())))
                .isEqualTo(new RolloutChange.Changed(open));
    }

    /** Starts of one preset fail, and all other builds succeed. */
    void buildsFailOf(UUID preset) {
        for (Assignment assignment : stock.take(1_000)) {
            Row workspace = stock.row(
                    "SELECT preset_id, transition FROM workspaces WHERE id = $1", Tuple.of(assignment.workspaceId()));
            if (workspace.getUUID("preset_id").equals(preset)
                    && workspace.getString("transition").equals("start")) {
                stock.fail(assignment);
            } else {
                stock.succeed(assignment);
            }
        }
    }
}
