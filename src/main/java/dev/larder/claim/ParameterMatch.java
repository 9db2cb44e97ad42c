package dev.larder.claim;

import dev.larder.claim.PresetReads.Declared;
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
 * How the parameters of a claim compare with those of the preset that was found by them (design, section
 * 3.2).
 *
 * @param cold the parameters whose value differs from the preset's stock: only a cold build can have them
 * @param refusals names that the version does not declare, and values that do not fit their types
 */
record ParameterMatch(ColdParameters cold, List<Refusal> refusals) {

    /** @param structured the names of those that were given as a list or an object */
    static ParameterMatch of(Map<String, String> parameters, Set<String> structured, List<Declared> declared) {
        Map<String, Declared> byName = declared.stream().collect(Collectors.toMap(Declared::name, Function.identity()));
        Map<String, String> cold = new TreeMap<>();
        Set<String> sensitive = new HashSet<>();
        List<Refusal> refusals = new ArrayList<>();
        parameters.forEach((name, value) -> {
            Declared one = byName.get(name);
            if (one == null) {
                refusals.add(new Refusal("unknown_parameter", field(name), "is not among the template's parameters."));
            } else if (structured.contains(name) && !ParameterValue.isStructured(one.type())) {
                refusals.add(new Refusal("value_not_of_type", field(name), "must be a " + one.type() + "."));
            } else if (!value.equals(one.standard())) {
                ParameterValue.refusal(one.type(), value, field(name)).ifPresent(refusals::add);
                cold.put(name, value);
                if (one.sensitive()) {
                    sensitive.add(name);
                }
            }
        });
        return new ParameterMatch(new ColdParameters(cold, sensitive), refusals);
    }

    /** Whether the preset's stock was built with all these values. */
    boolean fitsStock() {
        return refusals.isEmpty() && cold.values().isEmpty();
    }

    /** The refusals under a policy; one that never builds refuses parameters that only a build can have. */
    List<Refusal> refusals(ClaimRequest.Policy policy) {
        return refusals.isEmpty() && !policy.builds() ? withoutEffect() : refusals;
    }

    private List<Refusal> withoutEffect() {
        return cold.values().keySet().stream()
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
