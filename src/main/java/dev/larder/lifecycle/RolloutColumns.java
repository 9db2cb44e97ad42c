package dev.larder.lifecycle;

import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.Bounds;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.RolloutPolicy.Strategy;
import dev.larder.model.Share;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Row;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** The columns of a preset in which its rollout policy stands, said once for the rooms that write and read them. */
public final class RolloutColumns {

    public static final List<String> NAMES = List.of(
            "rollout_strategy",
            "max_surge",
            "max_unavailable",
            "canary_instances",
            "canary_verify",
            "canary_trial_claim",
            "canary_deadline_seconds",
            "on_rollout_failure",
            "serve_old",
            "expiry_jitter_percent",
            "rollout_deadline_seconds");

    private RolloutColumns() {}

    /** The columns, of a row that the statement calls so. */
    public static String of(String preset) {
        return NAMES.stream().map(name -> preset + "." + name).collect(Collectors.joining(", "));
    }

    /** The values by the columns' names. */
    public static JsonObject json(RolloutPolicy policy) {
        Optional<Canary> canary = policy.canary();
        return new JsonObject()
                .put("rollout_strategy", policy.strategy().word())
                .put("max_surge", policy.bounds().surge().toString())
                .put("max_unavailable", policy.bounds().unavailable().toString())
                .put("canary_instances", canary.map(Canary::instances).orElse(null))
                .put("canary_verify", canary.isPresent() && canary.get().verify())
                .put("canary_trial_claim", canary.isPresent() && canary.get().trialClaim())
                .put(
                        "canary_deadline_seconds",
                        canary.map(one -> one.deadline().toSeconds()).orElse(null))
                .put("on_rollout_failure", policy.onFailure().word())
                .put("serve_old", policy.serveOld())
                .put("expiry_jitter_percent", policy.jitterPercent())
                .put("rollout_deadline_seconds", policy.deadline().toSeconds());
    }

    /** The policy of a row that has the columns. */
    public static RolloutPolicy in(Row row) {
        return new RolloutPolicy(
                Strategy.of(row.getString("rollout_strategy")),
                new Bounds(share(row, "max_surge"), share(row, "max_unavailable")),
                canary(row),
                OnFailure.of(row.getString("on_rollout_failure")),
                row.getBoolean("serve_old"),
                row.getInteger("expiry_jitter_percent"),
                Duration.ofSeconds(row.getLong("rollout_deadline_seconds")));
    }

    private static Share share(Row row, String column) {
        return Share.read(row.getString(column)).orElseThrow();
    }

    private static Optional<Canary> canary(Row row) {
        Integer instances = row.getInteger("canary_instances");
        return instances == null
                ? Optional.empty()
                : Optional.of(new Canary(
                        instances,
                        row.getBoolean("canary_verify"),
                        row.getBoolean("canary_trial_claim"),
                        Duration.ofSeconds(row.getLong("canary_deadline_seconds"))));
    }
}
