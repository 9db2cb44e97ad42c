package dev.larder.testing;

import static java.time.ZoneOffset.UTC;

import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.UUID;
import java.util.function.Supplier;

/** Rollouts of a {@link Stock} in every state: their rows and the roles of their presets. Nothing is built by them. */
public final class Rollouts {

    private final Stock stock;

    Rollouts(Stock stock) {
        this.stock = stock;
    }

    /**
     * {@code after}, of the active version, replaces {@code before}, of a former one. Both are served, and so are those
     * that an open rollout of theirs was about to replace: that one is superseded.
     */
    @CanIgnoreReturnValue
    public UUID begin(UUID before, UUID after) {
        return begin(before, after, "progressing", "target");
    }

    /** The same, and {@code after} is tried first. */
    @CanIgnoreReturnValue
    public UUID beginCanary(UUID before, UUID after) {
        return begin(before, after, "canary", "canary");
    }

    private UUID begin(UUID before, UUID after, String state, String role) {
        UUID rollout = stock.ids.next();
        stock.sql("""
                UPDATE rollouts r SET state = 'superseded', ended_at = $2, phase_at = $2
                  FROM presets p
                 WHERE p.id = $1 AND r.template_id = p.template_id AND r.preset = p.name AND r.ended_at IS NULL""", after, now());
        stock.sql("""
                INSERT INTO rollouts (id, organization_id, template_id, preset, cause, from_preset_id, to_preset_id, state,
                                      initiator_id, created_at, phase_at, deadline_at)
                SELECT $1, organization_id, template_id, name, 'promotion', $2, id, $4, $5, $6, $6,
                       $6::timestamptz + interval '1 hour'
                  FROM presets WHERE id = $3""", rollout, before, after, state, stock.owner.userId(), now());
        stock.sql("""
                UPDATE presets p
                   SET rollout_id = CASE WHEN p.id = $2 OR p.rollout_role <> 'canary' THEN $1::uuid END,
                       rollout_role = CASE WHEN p.id = $2 OR p.rollout_role <> 'canary' THEN 'before' END
                 WHERE p.id = $2
                    OR p.rollout_id IN (SELECT r.id FROM rollouts r JOIN presets b ON b.template_id = r.template_id AND b.name = r.preset
                                         WHERE b.id = $2)""", rollout, before);
        stock.sql("UPDATE presets SET rollout_id = $1, rollout_role = $3 WHERE id = $2", rollout, after, role);
        return rollout;
    }

    /** Runs this while the preset's version is the active one, so that its stock is created as a refill would. */
    public <T> T refilling(UUID preset, Supplier<T> work) {
        UUID active = stock.row(
                        "SELECT t.active_version_id FROM templates t JOIN presets p ON p.template_id = t.id WHERE p.id = $1",
                        Tuple.of(preset))
                .getUUID("active_version_id");
        String activate =
                "UPDATE templates t SET active_version_id = v.id FROM template_versions v WHERE v.id = $1 AND v.template_id = t.id";
        stock.sql(
                activate,
                stock.row("SELECT version_id FROM presets WHERE id = $1", Tuple.of(preset))
                        .getUUID("version_id"));
        T made = work.get();
        stock.sql(activate, active);
        return made;
    }

    /** So many ready prebuilds of a version before. */
    @CanIgnoreReturnValue
    public List<UUID> refill(UUID preset, int count) {
        return refilling(preset, () -> stock.ready(preset, count));
    }

    /** The version that was tried is served. */
    public void pass(UUID rollout) {
        stock.clock.forward(Duration.ofMillis(1));
        stock.sql("UPDATE rollouts SET state = 'progressing', phase_at = $2 WHERE id = $1", rollout, now());
        stock.sql(
                "UPDATE presets SET rollout_role = 'target' WHERE rollout_id = $1 AND rollout_role = 'canary'",
                rollout);
    }

    /** The rollout goes no further. */
    public void hold(UUID rollout) {
        stock.clock.forward(Duration.ofMillis(1));
        stock.sql("UPDATE rollouts SET state = 'held', reason = 'failed', phase_at = $2 WHERE id = $1", rollout, now());
    }

    /** Nothing of the version before is served any more. */
    public void finish(UUID rollout) {
        end(rollout, "done");
    }

    /** The version before is the active one again, and the only one that is served. */
    public void rollBack(UUID rollout) {
        stock.sql("""
                UPDATE templates t SET active_version_id = p.version_id
                  FROM rollouts r JOIN presets p ON p.id = r.from_preset_id WHERE r.id = $1 AND t.id = r.template_id""", rollout);
        end(rollout, "rolled_back");
    }

    private void end(UUID rollout, String state) {
        stock.clock.forward(Duration.ofMillis(1));
        stock.sql(
                "UPDATE rollouts SET state = $3, reason = 'test', ended_at = $2, phase_at = $2 WHERE id = $1",
                rollout,
                now(),
                state);
        stock.sql("UPDATE presets SET rollout_id = NULL, rollout_role = NULL WHERE rollout_id = $1", rollout);
    }

    private OffsetDateTime now() {
        return stock.clock.instant().atOffset(UTC);
    }
}
