package dev.larder.recorded;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * One call of a script. In a script a call is one line; an indented line goes on with the line before, and {@code #}
 * begins a comment:
 *
 * <pre>name | caller METHOD path | Header: value | &gt; body | keep variable=/pointer | until /pointer=value</pre>
 *
 * <p>The parts after the path are optional and come in any order. {@code keep} stores a value of the answer, and
 * later calls write it as {@code <variable>}; {@code <x*300>} is a text of 300 characters. {@code token} stores a
 * value as the token of a new caller. {@code until} repeats the call until the answer has that value.
 * {@code only field=value} leaves out all other items of a list. {@code vary /pointer=field} records that the field
 * is a string, and not which word.
 */
record Call(
        String name,
        String caller,
        String method,
        String path,
        Map<String, String> headers,
        Optional<String> body,
        List<Option> options) {

    /** What is done with the answer: a word of the class comment, and its two operands. */
    record Option(String verb, String left, String right) {}

    static Call of(String name, String caller, String method, String path, Map<String, String> headers, String body) {
        return new Call(
                name, caller, method, path, headers, Optional.of(body).filter(text -> !text.isEmpty()), List.of());
    }

    List<Option> options(String verb) {
        return options.stream().filter(option -> option.verb().equals(verb)).toList();
    }

    /** The answer's body as it is recorded. */
    JsonNode shown(HttpResponse<String> answer) {
        JsonNode body = Session.json(answer.body());
        for (Option only : options("only")) {
            Iterator<JsonNode> items = body.path("items").iterator();
            while (items.hasNext()) {
                if (!items.next().path(only.left()).asText().equals(only.right())) {
                    items.remove();
                }
            }
        }
        for (Option vary : options("vary")) {
            ((ObjectNode) body.at(vary.left())).put(vary.right(), "");
        }
        return body;
    }

    /** The calls of the resource {@code recorded/NAME.calls}, in order. */
    static List<Call> script(String name) {
        List<String> lines = new ArrayList<>();
        for (String line : read(name + ".calls").lines().toList()) {
            if (line.startsWith(" ")) {
                lines.set(lines.size() - 1, lines.getLast() + " " + line.strip());
            } else if (!line.isBlank() && !line.startsWith("#")) {
                lines.add(line);
            }
        }
        return lines.stream().map(Call::parse).toList();
    }

    private static Call parse(String line) {
        List<String> parts = Arrays.asList(line.split("\\s+\\|\\s+"));
        List<String> target = Arrays.asList(parts.get(1).split(" "));
        Map<String, String> headers = new LinkedHashMap<>();
        List<Option> options = new ArrayList<>();
        Optional<String> body = Optional.empty();
        for (String part : parts.subList(2, parts.size())) {
            if (part.startsWith("> ")) {
                body = Optional.of(part.substring(2));
            } else if (part.matches("[A-Z][A-Za-z0-9-]+: .*")) {
                headers.put(part.substring(0, part.indexOf(':')), part.substring(part.indexOf(':') + 2));
            } else if (part.matches("(keep|token|until|only|vary) [^=]+=.*")) {
                String operands = part.substring(part.indexOf(' ') + 1);
                int equals = operands.indexOf('=');
                options.add(new Option(
                        part.substring(0, part.indexOf(' ')),
                        operands.substring(0, equals),
                        operands.substring(equals + 1)));
            } else {
                throw new IllegalArgumentException("not a part of a call: " + part + " in " + line);
            }
        }
        return new Call(parts.get(0), target.get(0), target.get(1), target.get(2), headers, body, options);
    }

    /** A file of the resource folder {@code recorded}. */
    static String read(String file) {
        try (InputStream in = Call.class.getResourceAsStream("/recorded/" + file)) {
            return new String(Objects.requireNonNull(in, file).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
