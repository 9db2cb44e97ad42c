package dev.larder.recorded;

import dev.larder.recorded.Operations.Operation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Calls that an operation refuses whatever it does. Their ids name nothing, so that none of them changes anything. */
final class Refusals {

    private static final String NO_ID = "00000000-0000-7000-8000-00000000ffff";
    private static final Map<String, String> PLAIN = Map.of();

    private Refusals() {}

    static Call plain(Operation operation, String caller) {
        return Call.of("plain", caller, operation.method(), path(operation), PLAIN, broken(operation));
    }

    /** @param admitted a caller whose role the operation lets in */
    static List<Call> of(Operation operation, String admitted) {
        String method = operation.method();
        String path = path(operation);
        String broken = broken(operation);
        List<Call> calls = new ArrayList<>();
        calls.add(Call.of("no token", Session.ANONYMOUS, method, path, PLAIN, broken));
        calls.add(Call.of("unknown token", "intruder", method, path, PLAIN, broken));
        for (String role : List.of("chief", "guest", "porter", "inspector")) {
            calls.add(Call.of("as " + role, role, method, path, PLAIN, broken));
        }
        calls.add(Call.of("another method", admitted, "TRACE", path, PLAIN, ""));
        calls.add(Call.of("another media type", admitted, method, path, Map.of("Accept", "image/png"), broken));
        calls.add(Call.of("unknown parameter", admitted, method, path + "?nonsense=1", PLAIN, broken));
        for (String parameter : operation.parameters()) {
            calls.add(Call.of("bad " + parameter, admitted, method, path + "?" + parameter + "=-%20-", PLAIN, broken));
            String twice = path + "?" + parameter + "=1&" + parameter + "=1";
            calls.add(Call.of("twice " + parameter, admitted, method, twice, PLAIN, broken));
        }
        for (String header : List.of("If-Match", "If-None-Match", "If-Unmodified-Since", "Idempotency-Key", "Prefer")) {
            Map<String, String> bad = Map.of(header, header.equals("Prefer") ? "wait=x" : "x y");
            calls.add(Call.of("bad " + header, admitted, method, path, bad, broken));
        }
        if (operation.takesBody()) {
            bodies().forEach((name, body) -> calls.add(Call.of(name, admitted, method, path, PLAIN, body)));
            calls.add(Call.of("text", admitted, method, path, Map.of("Content-Type", "text/plain"), "text"));
        } else {
            calls.add(Call.of("unexpected body", admitted, method, path, PLAIN, "{\"nonsense\":1}"));
        }
        if (operation.path().contains("{") && !operation.takesBody()) {
            calls.add(Call.of("unknown id", admitted, method, path, PLAIN, ""));
            String noId = operation.path().replaceAll("\\{[^}]+}", "-");
            calls.add(Call.of("no id", admitted, method, noId, PLAIN, ""));
        }
        return calls;
    }

    private static Map<String, String> bodies() {
        Map<String, String> bodies = new java.util.LinkedHashMap<>();
        bodies.put("no body", "");
        bodies.put("empty object", "{}");
        bodies.put("cut off", "{\"a\":");
        bodies.put("list", "[]");
        bodies.put("unknown fields", "{\"nonsense\":1,\"folly\":{}}");
        bodies.put("a field twice", "{\"name\":\"a\",\"name\":\"a\"}");
        return bodies;
    }

    /** A body that nothing accepts, so that an operation with a body changes nothing. */
    private static String broken(Operation operation) {
        return operation.takesBody() ? "{\"broken\"" : "";
    }

    private static String path(Operation operation) {
        return operation.path().replaceAll("\\{[^}]+}", NO_ID);
    }
}
