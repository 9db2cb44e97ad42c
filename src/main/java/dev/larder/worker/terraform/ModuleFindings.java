package dev.larder.worker.terraform;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.model.Findings;
import dev.larder.model.Findings.Change;
import java.io.IOException;
import java.io.OutputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/** What a saved plan says of drift and of changes. It reads values to compare them, and keeps none. */
final class ModuleFindings {

    private ModuleFindings() {}

    /** @param plan what {@code show -json} printed of a plan */
    static Findings of(JsonNode plan) {
        List<Change> drift = new ArrayList<>();
        for (JsonNode resource : plan.path("resource_drift")) {
            JsonNode change = resource.path("change");
            String action = action(change);
            if (!action.isEmpty()) {
                drift.add(new Change(
                        address(resource),
                        resource.path("type").asText(),
                        action,
                        action.equals("delete") ? List.of() : differing(change.path("before"), change.path("after"))));
            }
        }
        List<Change> changes = new ArrayList<>();
        for (JsonNode resource : plan.path("resource_changes")) {
            String action = action(resource.path("change"));
            if (!action.isEmpty()) {
                changes.add(new Change(
                        address(resource),
                        resource.path("type").asText(),
                        action,
                        ModulePlan.paths(resource.path("change"))));
            }
        }
        return new Findings(drift, changes);
    }

    /** The same, with the digest by which an apply knows the plan again. */
    static Findings ofChangeset(JsonNode plan) {
        Findings found = of(plan);
        return new Findings(found.drift(), found.changes(), Optional.of(digest(plan)));
    }

    /** Over all that the plan does to resources and outputs, with the values before and after. */
    private static String digest(JsonNode plan) {
        try {
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            try (OutputStream into = new DigestOutputStream(OutputStream.nullOutputStream(), sha256)) {
                for (String part : List.of("resource_changes", "output_changes")) {
                    ModulePlan.JSON.writeValue(into, plan.path(part));
                }
            }
            return HexFormat.of().formatHex(sha256.digest());
        } catch (NoSuchAlgorithmException | IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** A deposed object is the rest of a resource that was made anew: it has the same address. */
    private static String address(JsonNode resource) {
        String deposed = resource.path("deposed").asText();
        return resource.path("address").asText() + (deposed.isEmpty() ? "" : " (deposed " + deposed + ")");
    }

    /** Empty where nothing is done to the resource: it is only read, or stays. */
    private static String action(JsonNode change) {
        List<String> actions = new ArrayList<>();
        change.path("actions").forEach(action -> actions.add(action.asText()));
        if (actions.contains("create") && actions.contains("delete")) {
            return "replace";
        }
        return actions.stream().filter(Findings.ACTIONS::contains).findFirst().orElse("");
    }

    /** The paths of the attributes that differ, in order: {@code tags.team}, {@code rule[0].days}. */
    private static List<String> differing(JsonNode before, JsonNode after) {
        List<String> paths = new ArrayList<>();
        compare("", before, after, paths);
        return paths;
    }

    private static void compare(String path, JsonNode before, JsonNode after, List<String> paths) {
        if (before.equals(after) || paths.size() >= Findings.PATHS_MAX) {
            return;
        }
        if (before.isObject() && after.isObject()) {
            TreeSet<String> names = new TreeSet<>();
            for (JsonNode side : List.of(before, after)) {
                for (Iterator<Map.Entry<String, JsonNode>> fields = side.fields(); fields.hasNext(); ) {
                    names.add(fields.next().getKey());
                }
            }
            names.forEach(name ->
                    compare(path.isEmpty() ? name : path + "." + name, before.path(name), after.path(name), paths));
        } else if (before.isArray() && after.isArray() && before.size() == after.size()) {
            for (int index = 0; index < before.size(); index++) {
                compare(path + "[" + index + "]", before.get(index), after.get(index), paths);
            }
        } else {
            paths.add(path);
        }
    }
}
