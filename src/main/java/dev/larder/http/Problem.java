package dev.larder.http;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.model.Refusal;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import jakarta.ws.rs.core.Response;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * An answer that says what is wrong (RFC 9457). Resources throw it. It carries no stack trace, because it is an
 * expected outcome.
 */
public final class Problem extends RuntimeException {

    static final String MEDIA_TYPE = "application/problem+json";

    private static final long serialVersionUID = 1;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final int status;
    private final String code;
    private final transient List<Refusal> refusals;
    private final transient Map<String, String> headers;
    private final transient Optional<String> instance;
    private final transient Map<String, List<Map<String, String>>> members;
    private final transient Map<String, Long> numbers;

    private Problem(
            int status,
            String code,
            String detail,
            List<Refusal> refusals,
            Map<String, String> headers,
            Optional<String> instance,
            Map<String, List<Map<String, String>>> members,
            Map<String, Long> numbers) {
        super(detail, null, false, false);
        this.status = status;
        this.code = code;
        this.refusals = refusals;
        this.headers = headers;
        this.instance = instance;
        this.members = members;
        this.numbers = numbers;
    }

    /**
     * @param code stable, for programs
     * @param detail one sentence for people
     */
    public static Problem of(int status, String code, String detail) {
        return new Problem(status, code, detail, List.of(), Map.of(), Optional.empty(), Map.of(), Map.of());
    }

    /** 404, also for what exists in another organization. */
    public static Problem notFound(String what) {
        return of(404, what.replace(' ', '_') + "_not_found", "There is no such " + what + ".");
    }

    /** 404 that names several things; the first refusal gives the code. */
    public static Problem notFound(List<Refusal> refusals) {
        return refused(404, refusals);
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
                Map.of(),
                Map.of());
    }

    public Problem withHeader(String name, String value) {
        Map<String, String> all = new HashMap<>(headers);
        all.put(name, value);
        return new Problem(status, code, detail(), refusals, Map.copyOf(all), instance, members, numbers);
    }

    /** The same, naming what it happened to: a path of this API, or a {@code urn:uuid:} that the log has. */
    public Problem about(String what) {
        return new Problem(status, code, detail(), refusals, headers, Optional.of(what), members, numbers);
    }

    /** The same with a further member of its body, a list; nothing where the list is empty. */
    public Problem with(String member, List<Map<String, String>> list) {
        if (list.isEmpty()) {
            return this;
        }
        Map<String, List<Map<String, String>>> all = new HashMap<>(members);
        all.put(member, List.copyOf(list));
        return new Problem(status, code, detail(), refusals, headers, instance, Map.copyOf(all), numbers);
    }

    /** The same with a further member of its body, a number. */
    public Problem with(String member, long number) {
        Map<String, Long> all = new HashMap<>(numbers);
        all.put(member, number);
        return new Problem(status, code, detail(), refusals, headers, instance, members, Map.copyOf(all));
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

    /** Answers a request that no resource has seen with this problem. */
    public void answer(HttpServerResponse response) {
        response.setStatusCode(status).putHeader("Content-Type", MEDIA_TYPE);
        headers.forEach(response::putHeader);
        var ended = response.end(Buffer.buffer(body()));
    }

    /** The body of the answer, as JSON. */
    byte[] body() {
        ObjectNode body = MAPPER.createObjectNode()
                .put("type", "about:blank")
                .put("title", title(status))
                .put("status", status)
                .put("detail", detail())
                .put("code", code);
        instance.ifPresent(what -> body.put("instance", what));
        new TreeMap<>(numbers).forEach(body::put);
        members.forEach((member, list) -> {
            ArrayNode items = body.putArray(member);
            list.forEach(item -> new TreeMap<>(item).forEach(items.addObject()::put));
        });
        if (!refusals.isEmpty()) {
            ArrayNode errors = body.putArray("errors");
            refusals.forEach(refusal -> errors.addObject()
                    .put("code", refusal.code())
                    .put("field", refusal.field())
                    .put("detail", refusal.detail()));
        }
        return body.toString().getBytes(StandardCharsets.UTF_8);
    }

    static String title(int status) {
        Response.Status known = Response.Status.fromStatusCode(status);
        return known != null ? known.getReasonPhrase() : status == 422 ? "Unprocessable Content" : "Error";
    }
}
