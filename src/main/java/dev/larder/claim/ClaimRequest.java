package dev.larder.claim;

import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;

/** What a caller wants to have. */
record ClaimRequest(Wanted wanted, Policy policy) {

    /** Which workspace, or one of which preset (design, section 3.2). */
    sealed interface Wanted {

        record PresetById(UUID preset) implements Wanted {}

        /** @param organization empty for the caller's own */
        record PresetByName(Optional<String> organization, String template, String preset) implements Wanted {}

        /** Exactly this one, as long as it has this version. */
        record Exactly(UUID workspace, int version) implements Wanted {}
    }

    /** What to do when nothing is in stock (design, section 3.4). */
    enum Policy {
        FAIL,
        COLD
    }

    /** Reads a request body; whatever is wrong with it becomes a problem that names the field. */
    static ClaimRequest of(byte[] bytes, OptionalInt ifMatch) {
        JsonBody body = JsonBody.of(bytes, "organization", "template", "preset", "presetId", "workspaceId", "policy");
        return new ClaimRequest(wanted(body, ifMatch), policy(body));
    }

    private static Wanted wanted(JsonBody body, OptionalInt ifMatch) {
        Optional<UUID> workspace = body.optionalId("workspaceId");
        Optional<UUID> preset = body.optionalId("presetId");
        boolean named = body.has("template") || body.has("preset") || body.has("organization");
        if ((workspace.isPresent() ? 1 : 0) + (preset.isPresent() ? 1 : 0) + (named ? 1 : 0) > 1) {
            throw Problem.badRequest(
                    "ambiguous_claim",
                    workspace.isPresent() ? "workspaceId" : "presetId",
                    "name either a workspace, or a preset by id, or a preset by template and name.");
        }
        if (workspace.isPresent()) {
            int version = ifMatch.orElseThrow(() -> Problem.of(
                    428, "missing_if_match", "If-Match: claiming exactly this workspace needs its version."));
            return new Wanted.Exactly(workspace.get(), version);
        }
        if (preset.isPresent()) {
            return new Wanted.PresetById(preset.get());
        }
        return new Wanted.PresetByName(body.optionalText("organization"), body.text("template"), body.text("preset"));
    }

    private static Policy policy(JsonBody body) {
        String word = body.optionalText("policy").orElse("fail");
        return switch (word) {
            case "fail" -> Policy.FAIL;
            case "cold" -> Policy.COLD;
            default -> throw Problem.unprocessable("unknown_policy", "policy", "must be \"fail\" or \"cold\".");
        };
    }

    /** The same for the same request, however its JSON was written. */
    byte[] hash() {
        String canonical = wanted + "|" + policy.name().toLowerCase(Locale.ROOT);
        try {
            return MessageDigest.getInstance("SHA-256").digest(canonical.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
