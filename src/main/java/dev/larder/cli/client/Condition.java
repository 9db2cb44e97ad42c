package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;

/** Whether what a command waits for has come. Pure. */
sealed interface Condition {

    record Met() implements Condition {}

    /** @param progress what is shown while the command waits */
    record NotYet(String progress) implements Condition {}

    /** It will not come by waiting. */
    record Never(ExitCode exit, String why) implements Condition {}

    /** What {@code wait --for} takes. */
    enum For {
        ready,
        ended
    }

    Set<String> STOPPED = Set.of("hard_limited", "validation_failed");

    static Condition of(Kind kind, For wanted, JsonNode seen) {
        return switch (kind) {
            case pools, presets -> pool(wanted, seen);
            case claims -> claim(wanted, seen);
            case workspaces -> workspace(wanted, seen);
            case jobs -> job(wanted, seen);
            case rollouts -> rollout(wanted, seen);
            case templates, workers -> throw Failure.of(ExitCode.USAGE, "wait does not know " + kind);
        };
    }

    private static Condition pool(For wanted, JsonNode pool) {
        int desired = pool.path("counts").path("desired").asInt();
        int ready = pool.path("counts").path("eligible").asInt();
        if (wanted == For.ended) {
            return pool.path("counts").path("actual").asInt() == 0 ? new Met() : new NotYet("not empty yet");
        }
        if (ready >= desired) {
            return new Met();
        }
        String holds = "";
        for (JsonNode hold : pool.path("holds")) {
            String told = Json.text(hold, "kind") + ": " + Json.text(hold, "detail");
            if (STOPPED.contains(Json.text(hold, "kind"))) {
                return new Never(ExitCode.FAILED, told);
            }
            holds += "; " + told;
        }
        return new NotYet(ready + " of " + desired + " ready" + holds);
    }

    private static Condition claim(For wanted, JsonNode claim) {
        String status = Json.text(claim, "status");
        boolean ended = !Json.text(claim, "endedAt").isEmpty();
        if (wanted == For.ended) {
            return ended ? new Met() : new NotYet(status);
        }
        if (ended) {
            ExitCode exit = status.equals("timed_out") ? ExitCode.TIMED_OUT : ExitCode.FAILED;
            return new Never(exit, status + ": " + Json.text(claim, "reason"));
        }
        String workspace = Json.text(claim.path("workspace"), "status");
        if (status.equals("active") && workspace.equals("ready")) {
            return new Met();
        }
        return new NotYet(status.equals("waiting") ? place(claim.path("waiting")) : workspace);
    }

    /** {@code waiting, position 3, about 40s}. */
    static String place(JsonNode waiting) {
        String eta = Json.text(waiting, "etaSeconds");
        StringBuilder told = new StringBuilder("waiting, position ").append(Json.text(waiting, "position"));
        if (!eta.isEmpty()) {
            told.append(", about ").append(eta).append('s');
        }
        for (JsonNode stop : waiting.path("creationStopped")) {
            told.append("; ").append(Json.text(stop, "why"));
        }
        return told.toString();
    }

    private static Condition workspace(For wanted, JsonNode workspace) {
        String status = Json.text(workspace, "status");
        boolean gone =
                status.equals("deleted") || !Json.text(workspace, "deletedAt").isEmpty();
        if (wanted == For.ended) {
            return gone ? new Met() : new NotYet(status);
        }
        if (status.equals("ready")) {
            return new Met();
        }
        boolean never = gone
                || status.equals("quarantined")
                || status.startsWith("delete_")
                || status.endsWith("_failed")
                || status.endsWith("_canceled");
        return never ? new Never(ExitCode.FAILED, status) : new NotYet(status);
    }

    private static Condition rollout(For wanted, JsonNode rollout) {
        String state = Json.text(rollout, "state");
        boolean ended = !Json.text(rollout, "endedAt").isEmpty();
        if (state.equals("done") || (wanted == For.ended && ended)) {
            return new Met();
        }
        if (ended || (wanted == For.ready && state.equals("held"))) {
            return new Never(ExitCode.ROLLOUT_STOPPED, state + because(rollout));
        }
        JsonNode counts = rollout.path("counts");
        String left = Json.text(counts, "oldLeft");
        return new NotYet("%s, %s of %s new ready%s%s"
                .formatted(
                        state,
                        Json.text(counts, "newReady"),
                        Json.text(counts, "wanted"),
                        left.isEmpty() ? "" : ", " + left + " old left",
                        paused(rollout)));
    }

    private static String paused(JsonNode rollout) {
        if (!Json.text(rollout, "pausedAt").isEmpty()) {
            return ", paused";
        }
        JsonNode pause = rollout.path("ending").path("pause");
        String level = Json.text(pause, "level");
        String until = Json.text(pause, "until");
        return level.isEmpty() ? "" : ", " + level + " paused" + (until.isEmpty() ? "" : " until " + until);
    }

    private static String because(JsonNode rollout) {
        String detail = Json.text(rollout, "detail");
        String told = detail.isEmpty() ? Json.text(rollout, "reason") : detail;
        return told.isEmpty() ? "" : ": " + told;
    }

    private static Condition job(For wanted, JsonNode job) {
        String status = Json.text(job, "status");
        boolean ended = !Json.text(job, "completedAt").isEmpty();
        if (status.equals("succeeded") || (wanted == For.ended && ended)) {
            return new Met();
        }
        return ended ? new Never(ExitCode.FAILED, status + ": " + Json.text(job, "error")) : new NotYet(status);
    }
}
