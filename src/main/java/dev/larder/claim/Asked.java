package dev.larder.claim;

import dev.larder.claim.ClaimReads.Declared;
import dev.larder.claim.ClaimStore.Own;
import dev.larder.model.ParameterValue;
import dev.larder.model.Refusal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What the parameters of a claim come to for the preset that was found by them (design, section 3.2).
 *
 * @param own those that the preset's stock was not built with: only a build of the claim's own can have them
 * @param refusals names that the version does not declare, and values that do not fit their types
 */
record Asked(Own own, List<Refusal> refusals) {

    static Asked of(Map<String, String> parameters, List<Declared> declared) {
        Map<String, Declared> byName = declared.stream().collect(Collectors.toMap(Declared::name, Function.identity()));
        Map<String, String> own = new TreeMap<>();
        Set<String> sensitive = new HashSet<>();
        List<Refusal> refusals = new ArrayList<>();
        parameters.forEach((name, value) -> {
            Declared one = byName.get(name);
            if (one == null) {
                refusals.add(new Refusal("unknown_parameter", field(name), "is not among the template's parameters."));
            } else if (!value.equals(one.standard())) {
                ParameterValue.refusal(one.type(), value, field(name)).ifPresent(refusals::add);
                own.put(name, value);
                if (one.sensitive()) {
                    sensitive.add(name);
                }
            }
        });
        return new Asked(new Own(own, sensitive), refusals);
    }

    boolean isStock() {
        return own.values().isEmpty();
    }

    /** For a policy that never builds. */
    List<Refusal> withoutEffect() {
        return own.values().keySet().stream()
                .map(
                        name -> new Refusal(
                                "parameter_without_effect",
                                field(name),
                                "has another value in the preset's stock, or none; only a build of the policy \"cold\" can have it."))
                .toList();
    }

    /** As a path of the body; a long name is cut. */
    private static String field(String name) {
        return "parameters." + (name.length() > 64 ? name.substring(0, 64) + "…" : name);
    }
}
