package dev.larder.http;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.model.LabelSelector;
import dev.larder.model.Refusal;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/** Labels as requests and answers have them; their form is the one that Kubernetes has. */
public final class Labels {

    /** Inclusive. */
    public static final int COUNT_MAX = 64;

    private static final int PREFIX_MAX = 253;

    // 1 to 63 characters.
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?");

    private static final Pattern PREFIX =
            Pattern.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*");

    private Labels() {}

    /** The body that has all labels of something, as it is read and written. */
    @RegisterForReflection
    @Schema(name = "Labels")
    public record LabelsBody(Map<String, String> labels) {}

    /** The labels of such a body; 400 {@code missing_field} without them. */
    public static Map<String, String> of(byte @Nullable [] body) {
        JsonBody json = JsonBody.of(body, LabelsBody.class);
        if (!json.has("labels")) {
            throw Problem.badRequest("missing_field", "labels", "is required.");
        }
        return of(json, "labels");
    }

    /**
     * The version that {@code If-Match} demands; empty for any. 428 {@code missing_if_match} without the header: a
     * replacement of all labels would undo one that the client has not seen.
     */
    public static OptionalInt expected(@Nullable String ifMatch) {
        if (ifMatch == null) {
            throw Problem.of(
                    428, "missing_if_match", "If-Match: replacing labels needs their ETag, or * for any version.");
        }
        return ETags.ifMatch(ifMatch);
    }

    /**
     * The answer to a replacement; 412 where another request has replaced them.
     *
     * @param version the new version; empty where they had another one than expected
     * @param current reads the version that they have then
     */
    public static Uni<RestResponse<LabelsBody>> replaced(
            Map<String, String> wanted, Optional<Integer> version, Supplier<Uni<Integer>> current) {
        return version.map(now -> Uni.createFrom().item(answer(wanted, now)))
                .orElseGet(() -> current.get().chain(now -> Uni.createFrom().failure(conflict(now))));
    }

    private static Problem conflict(int current) {
        return Problem.of(412, "version_conflict", "The labels have version " + current + ".")
                .withHeader("ETag", ETags.format(current))
                .with("currentVersion", current);
    }

    public static RestResponse<LabelsBody> answer(Map<String, String> labels, int version) {
        return ResponseBuilder.ok(new LabelsBody(labels))
                .header("ETag", ETags.format(version))
                .build();
    }

    /** A field of a body; no labels where it is absent. Codes: {@code wrong_type}, {@code invalid_label}. */
    public static Map<String, String> of(JsonBody body, String field) {
        return body.optionalNode(field).map(node -> of(node, field)).orElseGet(Map::of);
    }

    private static Map<String, String> of(JsonNode node, String field) {
        if (!node.isObject() || node.size() > COUNT_MAX) {
            throw Problem.badRequest("wrong_type", field, "must be an object of at most " + COUNT_MAX + " texts.");
        }
        Map<String, String> labels = new TreeMap<>();
        List<Refusal> refusals = new ArrayList<>();
        for (Map.Entry<String, JsonNode> label : node.properties()) {
            String where = field + "." + JsonBody.shown(label.getKey());
            if (!isKey(label.getKey())) {
                refusals.add(new Refusal("invalid_label", where, "is no key: " + KEY_RULE));
            } else if (!label.getValue().isTextual()
                    || !isValue(label.getValue().textValue())) {
                refusals.add(new Refusal("invalid_label", where, "has no valid value: " + VALUE_RULE));
            } else {
                labels.put(label.getKey(), label.getValue().textValue());
            }
        }
        if (!refusals.isEmpty()) {
            throw Problem.unprocessable(refusals);
        }
        return labels;
    }

    private static final String VALUE_RULE =
            "up to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends.";
    private static final String KEY_RULE =
            "1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends; a DNS name and '/' may precede.";

    static boolean isKey(String text) {
        int slash = text.lastIndexOf('/');
        boolean prefixed = slash < 0
                || (slash <= PREFIX_MAX
                        && PREFIX.matcher(text.substring(0, slash)).matches());
        return prefixed && NAME.matcher(text.substring(slash + 1)).matches();
    }

    static boolean isValue(String text) {
        return text.isEmpty() || NAME.matcher(text).matches();
    }

    /**
     * Reads the query parameter {@code label}: {@code team=a,tier} are the items whose label team is a and that
     * have a label tier. It may be given several times. Empty without the parameter. What cannot be read is a 400
     * problem {@code invalid_label_selector}.
     */
    public static Optional<LabelSelector> selector(List<String> texts) {
        return texts.isEmpty() ? Optional.empty() : Optional.of(read(String.join(",", texts)));
    }

    /** What the parameter says of itself. */
    public static final String FILTER =
            "Only with these labels: key=value, or a key alone; several with commas, or given several times";

    private static LabelSelector read(String text) {
        Map<String, String> pairs = new TreeMap<>();
        List<String> keys = new ArrayList<>();
        for (String term : text.split(",", COUNT_MAX + 1)) {
            int equals = term.indexOf('=');
            String key = equals < 0 ? term : term.substring(0, equals);
            String value = term.substring(equals + 1);
            if (!isKey(key) || (equals >= 0 && !isValue(value)) || pairs.containsKey(key)) {
                throw Problem.badRequest(
                        "invalid_label_selector",
                        "label",
                        "must be key=value, or a key alone, or several with commas between them, each key once: \""
                                + JsonBody.shown(term) + "\" is not.");
            }
            if (equals < 0) {
                keys.add(key);
            } else {
                pairs.put(key, value);
            }
        }
        return new LabelSelector(pairs, List.copyOf(keys));
    }
}
