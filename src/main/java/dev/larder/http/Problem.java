package dev.larder.http;

import dev.larder.model.Refusal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An answer that says what is wrong (RFC 9457). Thrown by resources, written by {@link ProblemMapper}; it is an outcome,
 * so it carries no stack trace.
 */
public final class Problem extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final int status;
    private final String code;
    private final transient List<Refusal> refusals;
    private final transient Map<String, String> headers;
    private final transient Optional<String> instance;
    private final transient Map<String, List<Map<String, String>>> members;

    private Problem(
            int status,
            String code,
            String detail,
            List<Refusal> refusals,
            Map<String, String> headers,
            Optional<String> instance,
            Map<String, List<Map<String, String>>> members) {
        super(detail, null, false, false);
        this.status = status;
        this.code = code;
        this.refusals = refusals;
        this.headers = headers;
        this.instance = instance;
        this.members = members;
    }

    /**
     * @param code stable, for programs
     * @param detail one sentence for people
     */
    public static Problem of(int status, String code, String detail) {
        return new Problem(status, code, detail, List.of(), Map.of(), Optional.empty(), Map.of());
    }

    /** 404. What exists in another organization is not found either. */
    public static Problem notFound(String what) {
        return of(404, what.replace(' ', '_') + "_not_found", "There is no such " + what + ".");
    }

    /** 422 for input that is well formed but not acceptable; the first refusal gives the code. */
    public static Problem unprocessable(List<Refusal> refusals) {
        return refused(422, refusals);
    }

    /** 422 naming one field. */
    public static Problem unprocessable(String code, String field, String detail) {
        return refused(422, List.of(new Refusal(code, field, detail)));
    }

    /** 400 naming one field. */
    public static Problem badRequest(String code, String field, String detail) {
        return refused(400, List.of(new Refusal(code, field, detail)));
    }

    /** 400 for input that cannot even be read; the first refusal gives the code. */
    public static Problem badRequest(List<Refusal> refusals) {
        return refused(400, refusals);
    }

    private static Problem refused(int status, List<Refusal> refusals) {
        Refusal first = refusals.getFirst();
        return new Problem(
                status,
                first.code(),
                first.field() + ": " + first.detail(),
                refusals,
                Map.of(),
                Optional.empty(),
                Map.of());
    }

    public Problem withHeader(String name, String value) {
        Map<String, String> all = new HashMap<>(headers);
        all.put(name, value);
        return new Problem(status, code, detail(), refusals, Map.copyOf(all), instance, members);
    }

    /** The same, naming what it happened to: a path of this API, or a {@code urn:uuid:} that the log has. */
    public Problem about(String what) {
        return new Problem(status, code, detail(), refusals, headers, Optional.of(what), members);
    }

    /** The same with a further member of its body, a list; nothing where the list is empty. */
    public Problem with(String member, List<Map<String, String>> list) {
        if (list.isEmpty()) {
            return this;
        }
        Map<String, List<Map<String, String>>> all = new HashMap<>(members);
        all.put(member, List.copyOf(list));
        return new Problem(status, code, detail(), refusals, headers, instance, Map.copyOf(all));
    }

    public Map<String, List<Map<String, String>>> members() {
        return members;
    }

    public Optional<String> instance() {
        return instance;
    }

    public String detail() {
        return Optional.ofNullable(getMessage()).orElse("");
    }

    public int status() {
        return status;
    }

    public String code() {
        return code;
    }

    public List<Refusal> refusals() {
        return refusals;
    }

    public Map<String, String> headers() {
        return headers;
    }
}
