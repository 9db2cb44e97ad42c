package dev.larder.testing;

import static dev.larder.testing.Stock.await;

import dev.larder.claim.TrialClaimStore;
import dev.larder.claim.TrialClaims;
import dev.larder.lifecycle.CanaryReads;
import dev.larder.lifecycle.TrialStore;
import dev.larder.model.CanaryEvidence;
import dev.larder.wakeup.WakeUps;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/** A new version of the preset {@code small} that is tried with two canaries, in the words of {@link Stock}. */
public final class Canary {

    public static final int INSTANCES = 2;
    public static final Duration DEADLINE = Duration.ofMinutes(30);

    public final UUID preset;
    public final UUID rollout;
    public final TrialClaims trials;
    private final Stock stock;

    /** Declares the preset, promotes it again, and has the second version tried. Scripts are declared before. */
    public Canary(Stock stock, boolean verify, boolean trialClaim) {
        this.stock = stock;
        stock.declare("small", 4);
        stock.promoteNewVersion();
        preset = stock.preset("small");
        stock.sql("""
                UPDATE presets SET rollout_role = 'canary', canary_instances = $2, canary_deadline_seconds = $3,
                                   canary_verify = $4, canary_trial_claim = $5 WHERE id = $1""", preset, INSTANCES, DEADLINE.toSeconds(), verify, trialClaim);
        rollout = stock.row("""
                UPDATE rollouts SET state = 'canary', deadline_at = phase_at + interval '30 minutes'
                 WHERE ended_at IS NULL RETURNING id""", Tuple.tuple()).getUUID("id");
        TrialStore store = new TrialStore(stock.pool);
        trials = new TrialClaims(
                store,
                new TrialClaimStore(stock.pool, store),
                stock.newClaims,
                stock.builds,
                new WakeUps(),
                stock.clock);
    }

    public Instant now() {
        return stock.clock.instant();
    }

    /** All canaries have been built. Oldest first. */
    @CanIgnoreReturnValue
    public List<UUID> ready() {
        return stock.ready(preset, INSTANCES);
    }

    @CanIgnoreReturnValue
    public int verify() {
        return await(stock.builds.verifyCanaries(now()));
    }

    /** One round of the loop that claims canaries. */
    public void round() {
        await(trials.runOnce());
    }

    /** Oldest first. */
    public List<CanaryEvidence> evidence() {
        return await(CanaryReads.evidence(stock.pool, List.of(rollout))).getOrDefault(rollout, List.of());
    }

    public CanaryEvidence evidence(UUID workspace) {
        return evidence().stream()
                .filter(one -> one.workspace().equals(workspace))
                .findFirst()
                .orElseThrow();
    }

    public Row workspace(UUID id) {
        return stock.row("SELECT * FROM workspaces WHERE id = $1", Tuple.of(id));
    }
}
