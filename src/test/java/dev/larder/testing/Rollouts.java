package dev.larder.testing;

import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Rows of rollouts, for tests of what reads and removes them. They begin now, with a deadline of an hour. */
public final class Rollouts {

    private final Stock stock;

    public Rollouts(Stock stock) {
        this.stock = stock;
    }

    /** Of the line's preset in the new version; in the state canary that one is not served. */
    public UUID promotion(UUID before, UUID after, String state) {
        UUID rollout = begun(before, after, "promotion", state);
        role(rollout, after, state.equals("canary") ? "canary" : "target");
        role(rollout, before, "before");
        return rollout;
    }

    /** Of the stock of one version. */
    public UUID renewal(UUID preset, String cause) {
        UUID rollout = begun(null, preset, cause, "progressing");
        role(rollout, preset, "target");
        return rollout;
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

    private UUID begun(@Nullable UUID before, UUID after, String cause, String state) {
        return stock.row("""
                        INSERT INTO rollouts (id, organization_id, template_id, preset, cause, from_preset_id, to_preset_id,
                                              state, reason, initiator_id, created_at, phase_at, deadline_at)
                        SELECT $1, p.organization_id, p.template_id, p.name, $2, $3, p.id, $4,
                               CASE WHEN $4::text = 'held' THEN 'deadline' END, $6, $7, $7, $7 + interval '1 hour'
                          FROM presets p WHERE p.id = $5
                        RETURNING id""", Tuple.from(Arrays.asList(
                                stock.ids.next(),
                                cause,
                                before,
                                state,
                                after,
                                stock.owner.userId(),
                                utc(stock.clock.instant()))))
                .getUUID("id");
    }

    private void role(UUID rollout, UUID preset, String role) {
        stock.sql("UPDATE presets SET rollout_id = $2, rollout_role = $3 WHERE id = $1", preset, rollout, role);
    }
}
