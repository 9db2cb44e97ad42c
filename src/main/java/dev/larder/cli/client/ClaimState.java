package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.model.Durations;
import java.time.Duration;

/** How far a claim is, from the server's answer. Pure. */
sealed interface ClaimState {

    /** The claimer can use the workspace now. */
    record Usable() implements ClaimState {}

    /**
     * The claim waits for a workspace, or what it was given is being verified. Nothing is held yet.
     *
     * @param progress one line for people
     */
    record Waits(String progress) implements ClaimState {}

    /**
     * The claim holds a workspace that is being built, or prepared for its claimer.
     *
     * @param progress one line for people
     */
    record Prepared(String progress) implements ClaimState {}

    /**
     * The claim holds a workspace that will not become usable.
     *
     * @param code stable, of the build that failed
     */
    record Broken(String code, String reason) implements ClaimState {}

    /**
     * The claim has ended.
     *
     * @param code why, stable: the code of the answer, or the claim's status where it has none
     */
    record Over(String code, String reason) implements ClaimState {}

    static ClaimState of(JsonNode claim) {
        String status = claim.path("status").asText();
        return switch (status) {
            case "waiting" -> new Waits(progress(claim.path("waiting")));
            case "active" -> held(claim);
            default ->
                new Over(
                        claim.path("code").asText(status),
                        claim.path("reason").asText("The claim has ended: " + status + "."));
        };
    }

    private static ClaimState held(JsonNode claim) {
        String status = claim.path("workspace").path("status").asText();
        if (status.equals("ready")) {
            return new Usable();
        }
        if (status.endsWith("failed")
                || status.endsWith("canceled")
                || status.startsWith("delet")
                || status.equals("quarantined")) {
            JsonNode step = claim.path("step");
            return new Broken(
                    step.path("errorCode").asText("workspace_" + status),
                    step.path("error").asText("The workspace cannot be used: " + status + "."));
        }
        return new Prepared(
                claim.path("step").isObject() ? "preparing the workspace" : "building the workspace: " + status);
    }

    private static String progress(JsonNode waiting) {
        if (!waiting.isObject()) {
            return "waiting";
        }
        long position = waiting.path("position").asLong();
        String place = position == 0 ? "verifying a workspace" : "waiting, number " + position + " in line";
        String eta = waiting.path("etaSeconds").isNumber()
                ? ", about "
                        + Durations.written(rounded(waiting.path("etaSeconds").asLong()))
                : "";
        StringBuilder stops = new StringBuilder();
        for (JsonNode stop : waiting.path("creationStopped")) {
            stops.append("; none is created: ")
                    .append(stop.path("why").asText())
                    .append(" (")
                    .append(stop.path("detail").asText())
                    .append(')');
        }
        return Table.printable(place + eta + stops);
    }

    /** Up to whole tens of seconds, or minutes: it is an estimate, and a log gets a line for each change. */
    private static Duration rounded(long seconds) {
        long unit = seconds <= 60 ? 10 : 60;
        return Duration.ofSeconds(Math.max(1, (seconds + unit - 1) / unit) * unit);
    }
}
