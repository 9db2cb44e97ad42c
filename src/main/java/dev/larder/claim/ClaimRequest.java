package dev.larder.claim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.larder.http.JsonBody;
import dev.larder.http.Labels;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Durations;
import dev.larder.model.Role;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A request for workspaces.
 *
 * @param count how many workspaces
 * @param atLeast the smallest acceptable number
 * @param ttl how long they are kept unless renewed; empty: until they are released
 * @param labels of each claim
 */
record ClaimRequest(
        Wanted wanted, Policy policy, int count, int atLeast, Optional<Duration> ttl, Map<String, String> labels) {

    /** A request without labels. */
    ClaimRequest(Wanted wanted, Policy policy, int count, int atLeast, Optional<Duration> ttl) {
        this(wanted, policy, count, atLeast, ttl, Map.of());
    }

    private static final int COUNT_MAX = 100;
    private static final int PRESETS_MAX = 16;
    private static final int PRIORITY_MAX = 100;
    private static final Duration TTL_MAX = Duration.ofDays(30);
    private static final Duration TIMEOUT = Duration.ofMinutes(5);
    private static final Duration TIMEOUT_MAX = Duration.ofHours(24);

    /** Which workspace, or one of which preset (design, section 3.2). */
    sealed interface Wanted {

        /** Whether it says names and leaves out the organization, so that the caller's own is meant. */
        default boolean needsOrganization() {
            return switch (this) {
                case PresetsByName byName -> byName.organization().isEmpty();
                case ByParameters byParameters -> byParameters.organization().isEmpty();
                case WithParameters with -> with.preset().needsOrganization();
                case PresetById byId -> false;
                case Exactly exactly -> false;
            };
        }

        record PresetById(UUID preset) implements Wanted {}

        /**
         * The first of these that has one.
         *
         * @param organization empty for the caller's own
         */
        record PresetsByName(Optional<String> organization, String template, List<String> presets) implements Wanted {}

        /** Parameters are given: they choose a preset, or a workspace gets their values. */
        sealed interface Parameterized extends Wanted {

            Map<String, String> parameters();

            /** The names of those that were given as a list or an object; their values are its JSON text. */
            Set<String> structured();
        }

        /** The preset that fits these best. */
        record ByParameters(
                Optional<String> organization, String template, Map<String, String> parameters, Set<String> structured)
                implements Parameterized {}

        /**
         * A workspace that gets these.
         *
         * @param preset one, by id or by name
         */
        record WithParameters(Wanted preset, Map<String, String> parameters, Set<String> structured)
                implements Parameterized {}

        /** Exactly this one, as long as it has this version. */
        record Exactly(UUID workspace, int version) implements Wanted {}
    }

    /** What to do if nothing is in stock (design, section 3.4). */
    sealed interface Policy {

        record Fail() implements Policy {}

        record Cold() implements Policy {}

        /**
         * @param timeout how long
         * @param priority higher is served first
         * @param thenCold whether a build is begun after it
         */
        record Wait(Duration timeout, int priority, boolean thenCold) implements Policy {}

        /** Whether a build is begun if stock cannot serve the claim. */
        default boolean builds() {
            return switch (this) {
                case Fail() -> false;
                case Cold() -> true;
                case Wait wait -> wait.thenCold();
            };
        }
    }

    /** Reads a request body. Every fault becomes a problem that names the field. */
    static ClaimRequest of(byte[] bytes, OptionalInt ifMatch) {
        return of(JsonBody.of(bytes, ClaimBody.class), ifMatch);
    }

    /** Reads the body of a request whose address names the preset; without a body it is one claim. */
    static ClaimRequest ofNamed(byte @Nullable [] bytes, String organization, String template, String preset) {
        JsonBody body = JsonBody.ofOptional(bytes, ClaimBody.Terms.class)
                .with("organization", organization)
                .with("template", template)
                .with("preset", preset);
        return of(body, OptionalInt.empty());
    }

    private static ClaimRequest of(JsonBody body, OptionalInt ifMatch) {
        int count = body.optionalInteger("count", 1, COUNT_MAX).orElse(1);
        refuseWithoutEffect(body, ifMatch);
        ClaimRequest request = new ClaimRequest(
                wanted(body, ifMatch),
                policy(body),
                count,
                body.optionalInteger("atLeast", 1, count).orElse(count),
                bounded(body, "ttl", TTL_MAX),
                Labels.of(body, "labels"));
        request.refuseWhatDoesNotGoTogether();
        return request;
    }

    /** Reads the preset and the lease of a new workspace, which is built cold. */
    static ClaimRequest ofNew(JsonBody body) {
        return new ClaimRequest(
                wanted(body, OptionalInt.empty()),
                new Policy.Cold(),
                1,
                1,
                bounded(body, "ttl", TTL_MAX),
                Labels.of(body, "labels"));
    }

    /** Refuses, by name, a field that has no effect in this request. */
    private static void refuseWithoutEffect(JsonBody body, OptionalInt ifMatch) {
        if (ifMatch.isPresent() && !body.has("workspaceId")) {
            throw Problem.badRequest(
                    "unexpected_if_match", "If-Match", "is for a claim of exactly one workspace, by workspaceId.");
        }
        if (body.has("atLeast") && !body.has("count")) {
            throw Problem.unprocessable("missing_count", "atLeast", "is for a claim with a count.");
        }
    }

    private void refuseWhatDoesNotGoTogether() {
        if (count > 1 && !(policy instanceof Policy.Fail)) {
            throw Problem.unprocessable("policy_not_for_batches", "policy", "must be \"fail\" where count is above 1.");
        }
        if (wanted instanceof Wanted.Exactly && !(policy instanceof Policy.Fail)) {
            throw Problem.unprocessable(
                    "policy_not_for_one_workspace", "policy", "must be \"fail\" where workspaceId is given.");
        }
        if (wanted instanceof Wanted.Exactly && count > 1) {
            throw Problem.unprocessable("out_of_range", "count", "must be 1 where workspaceId is given.");
        }
    }

    /** A member may not ask for a place before others. */
    void refuseUnlessAllowed(Caller caller) {
        if (caller.role() == Role.MEMBER && policy instanceof Policy.Wait wait && wait.priority() > 0) {
            throw Problem.of(403, "priority_not_allowed", "priority: a member may ask for 0 or less.");
        }
    }

    private static Wanted wanted(JsonBody body, OptionalInt ifMatch) {
        Optional<UUID> workspace = body.optionalId("workspaceId");
        Optional<UUID> preset = body.optionalId("presetId");
        boolean named = body.has("template") || body.has("preset") || body.has("presets") || body.has("organization");
        if (workspace.isPresent() && (preset.isPresent() || named || body.has("parameters"))
                || preset.isPresent() && named) {
            throw Problem.badRequest(
                    "ambiguous_claim",
                    workspace.isPresent() ? "workspaceId" : "presetId",
                    "name either a workspace, or a preset by id, or presets of a template.");
        }
        if (workspace.isPresent()) {
            int version = ifMatch.orElseThrow(() -> Problem.of(
                    428,
                    "missing_if_match",
                    "If-Match: claiming exactly this workspace needs its version, the ETag of GET /workspaces/{id}."));
            return new Wanted.Exactly(workspace.get(), version);
        }
        return preset.<Wanted>map(id -> with(body, new Wanted.PresetById(id))).orElseGet(() -> ofTemplate(body));
    }

    private static Wanted ofTemplate(JsonBody body) {
        Optional<String> organization = body.optionalText("organization");
        String template = body.text("template");
        Optional<List<String>> presets = body.optionalNode("presets").map(ClaimRequest::names);
        if (presets.isPresent() && (body.has("preset") || body.has("parameters"))) {
            throw Problem.badRequest(
                    "ambiguous_claim",
                    "presets",
                    "goes neither with preset nor with parameters, which are for one preset.");
        }
        if (body.has("parameters") && !body.has("preset")) {
            JsonNode given = body.optionalNode("parameters").orElseThrow();
            return new Wanted.ByParameters(
                    organization, template, GivenValues.of(given), GivenValues.structured(given));
        }
        return with(
                body,
                new Wanted.PresetsByName(
                        organization, template, presets.orElseGet(() -> List.of(body.text("preset")))));
    }

    private static Wanted with(JsonBody body, Wanted preset) {
        return body.optionalNode("parameters")
                .<Wanted>map(given ->
                        new Wanted.WithParameters(preset, GivenValues.of(given), GivenValues.structured(given)))
                .orElse(preset);
    }

    private static List<String> names(JsonNode node) {
        List<String> names = new ArrayList<>();
        for (JsonNode name : node) {
            if (!name.isTextual() || name.textValue().indexOf('\0') >= 0) {
                throw Problem.badRequest(
                        "wrong_type", "presets[" + names.size() + "]", "must be the name of a preset.");
            }
            if (names.contains(name.textValue())) {
                throw Problem.badRequest("duplicate_preset", "presets[" + names.size() + "]", "is named before.");
            }
            names.add(name.textValue());
        }
        if (!node.isArray() || names.isEmpty() || names.size() > PRESETS_MAX) {
            throw Problem.badRequest("wrong_type", "presets", "must be a list of 1 to " + PRESETS_MAX + " names.");
        }
        return List.copyOf(names);
    }

    private static Policy policy(JsonBody body) {
        String word = body.optionalText("policy").orElse("fail");
        boolean waits = word.startsWith("wait");
        for (String field : List.of("timeout", "priority")) {
            if (body.has(field) && !waits) {
                throw Problem.unprocessable(
                        "not_for_this_policy", field, "is for the policies \"wait\" and \"wait_then_cold\".");
            }
        }
        return switch (word) {
            case "fail" -> new Policy.Fail();
            case "cold" -> new Policy.Cold();
            case "wait" -> waiting(body, false);
            case "wait_then_cold" -> waiting(body, true);
            default ->
                throw Problem.unprocessable(
                        "unknown_policy", "policy", "must be \"fail\", \"wait\", \"cold\" or \"wait_then_cold\".");
        };
    }

    private static Policy waiting(JsonBody body, boolean thenCold) {
        return new Policy.Wait(
                bounded(body, "timeout", TIMEOUT_MAX).orElse(TIMEOUT),
                body.optionalInteger("priority", -PRIORITY_MAX, PRIORITY_MAX).orElse(0),
                thenCold);
    }

    /** A time from one second to {@code most}; a field of a body. */
    static Optional<Duration> bounded(JsonBody body, String field, Duration most) {
        Optional<Duration> time = body.optionalDuration(field);
        if (time.filter(value -> value.compareTo(Duration.ofSeconds(1)) < 0 || value.compareTo(most) > 0)
                .isPresent()) {
            throw Problem.unprocessable("out_of_range", field, "must be from 1s to " + Durations.written(most) + ".");
        }
        return time;
    }

    /** The longest lease. */
    static Duration ttlMax() {
        return TTL_MAX;
    }

    /**
     * A hash of the request. Equal requests have equal hashes, however their JSON was written. Databases hold it, so
     * it is the same in every version. The names of the records of {@link Policy}, and of their fields, are part of it.
     */
    byte[] hash() {
        try {
            String text = written(wanted) + " " + policy + " " + count + " " + atLeast + " " + ttl
                    + (labels.isEmpty() ? "" : " " + new TreeMap<>(labels));
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** As JSON, which says where a caller's text ends, as a record's own text does not. */
    private static ArrayNode written(Wanted wanted) {
        ArrayNode parts = JsonNodeFactory.instance.arrayNode();
        return switch (wanted) {
            case Wanted.PresetById(var preset) -> parts.add("preset").add(preset.toString());
            case Wanted.PresetsByName(var organization, var template, var presets) -> {
                parts.add("presets").add(organization.orElse(null)).add(template);
                presets.forEach(parts::add);
                yield parts;
            }
            case Wanted.ByParameters(var organization, var template, var parameters, var structured) -> {
                parts.add("parameters").add(organization.orElse(null)).add(template);
                parameters.forEach((name, value) -> parts.add(name).add(value));
                structured.forEach(name -> parts.addArray().add(name));
                yield parts;
            }
            case Wanted.WithParameters(var preset, var parameters, var structured) -> {
                // A list, which no name of a preset is.
                ArrayNode given = parts.add(written(preset)).addArray();
                parameters.forEach((name, value) -> given.add(name).add(value));
                structured.forEach(name -> given.addArray().add(name));
                yield parts;
            }
            case Wanted.Exactly(var workspace, var version) ->
                parts.add("workspace").add(workspace.toString()).add(version);
        };
    }
}
