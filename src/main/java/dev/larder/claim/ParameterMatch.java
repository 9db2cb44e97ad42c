package dev.larder.claim;

import dev.larder.claim.PresetReads.Declared;
import dev.larder.model.ParameterValue;
import dev.larder.model.Refusal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How the parameters of a claim compare with those of its preset (design, section 3.2).
 *
 * @param cold those that are not late, and whose value differs from the preset's stock: only a cold build can have them
 * @param late those that a workspace in stock can be given
 * @param fitting the others: those that the preset's stock has
 * @param sensitive the names of all parameters whose values are kept sealed
 * @param refusals names that the version does not declare, and values that their parameters do not take
 */
record ParameterMatch(
        Map<String, String> cold,
        Map<String, String> late,
        Map<String, String> fitting,
        Set<String> sensitive,
        List<Refusal> refusals) {

    /** Bytes of UTF-8, of all late values together: a row and the environment of a script have them. */
    private static final int LATE_BYTES_MAX = 65_536;

    /** @param structured the names of those that were given as a list or an object */
    static ParameterMatch of(Map<String, String> parameters, Set<String> structured, List<Declared> declared) {
        Map<String, Declared> byName = declared.stream().collect(Collectors.toMap(Declared::name, Function.identity()));
        Map<String, String> cold = new TreeMap<>();
        Map<String, String> late = new TreeMap<>();
        Map<String, String> fitting = new TreeMap<>();
        List<Refusal> refusals = new ArrayList<>();
        parameters.forEach((name, value) -> {
            Declared one = byName.get(name);
            Optional<Refusal> refusal = refusal(one, name, value, structured.contains(name));
            refusal.ifPresent(refusals::add);
            if (refusal.isPresent() || one == null) {
                return;
            }
            if (one.late()) {
                late.put(name, value);
            } else if (!value.equals(one.standard())) {
                cold.put(name, value);
            } else {
                fitting.put(name, value);
            }
        });
        if (late.values().stream().mapToInt(ParameterMatch::bytes).sum() > LATE_BYTES_MAX) {
            refusals.add(new Refusal(
                    "parameters_too_large",
                    "parameters",
                    "have more than " + LATE_BYTES_MAX + " bytes of late values."));
        }
        Set<String> sensitive = declared.stream()
                .filter(Declared::sensitive)
                .map(Declared::name)
                .collect(Collectors.toSet());
        return new ParameterMatch(cold, late, fitting, sensitive, refusals);
    }

    private static int bytes(String value) {
        return value.getBytes(StandardCharsets.UTF_8).length;
    }

    /** A value that stock has is not checked again. */
    private static Optional<Refusal> refusal(@Nullable Declared one, String name, String value, boolean structured) {
        if (one == null) {
            return Optional.of(new Refusal(
                    "unknown_parameter", GivenValues.field(name), "is not among the template's parameters."));
        }
        if (structured && !ParameterValue.isStructured(one.type())) {
            return Optional.of(
                    new Refusal("value_not_of_type", GivenValues.field(name), "must be a " + one.type() + "."));
        }
        return value.equals(one.standard())
                ? Optional.empty()
                : ParameterValue.refusal(one.type(), value, GivenValues.field(name))
                        .or(() -> one.limits().refusal(one.type(), value, GivenValues.field(name)));
    }

    /** Whether the preset's stock was built with all these values, or can be given them. */
    boolean fitsStock() {
        return refusals.isEmpty() && cold.isEmpty();
    }

    /** The refusals under a policy; one that never builds refuses parameters that only a build can have. */
    List<Refusal> refusals(ClaimRequest.Policy policy) {
        return refusals.isEmpty() && !policy.builds() ? withoutEffect() : refusals;
    }

    private List<Refusal> withoutEffect() {
        return cold.keySet().stream()
                .map(
                        name -> new Refusal(
                                "parameter_without_effect",
                                GivenValues.field(name),
                                "has another value in the preset's stock, or none; only a build of the policy \"cold\" can have it."))
                .toList();
    }

    /** Only the names: a value may be secret. */
    @Override
    public String toString() {
        return "ParameterMatch" + cold.keySet() + late.keySet() + refusals;
    }
}
