package dev.larder.claim;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import io.quarkus.runtime.annotations.RegisterForReflection;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** The body that asks for workspaces. */
@RegisterForReflection
@Schema(name = "NewClaim")
record ClaimBody(
        @JsonUnwrapped Wanted wanted, @JsonUnwrapped Terms terms) {

    /** Which preset or workspace. */
    @RegisterForReflection
    record Wanted(
            @Nullable String organization,
            @Nullable String template,
            @Nullable String preset,
            @Nullable List<String> presets,
            @Nullable UUID presetId,
            @Nullable UUID workspaceId) {}

    /** With which values, how many, for how long, and what to do where nothing is in stock. */
    @RegisterForReflection
    @Schema(name = "ClaimTerms")
    record Terms(
            @Nullable Map<String, String> parameters,

            @Schema(enumeration = {"fail", "wait", "cold", "wait_then_cold"}) @Nullable
            String policy,

            @Schema(examples = "30s") @Nullable String timeout,

            @Nullable Integer priority,

            @Schema(examples = "8h") @Nullable String ttl,

            @Nullable Integer count,
            @Nullable Integer atLeast,
            @Nullable Map<String, String> labels) {}
}
