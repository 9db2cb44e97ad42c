package dev.larder.catalog;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import dev.larder.model.Refusal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * Reads JSON or YAML into {@link SyntaxNode}s, token by token, so that its cost is bounded by the body's
 * size: nesting, number of values and length of each are limited, and YAML aliases, which could multiply what
 * was written, are refused.
 *
 * <p>YAML tags are ignored: no text can name a class.
 */
final class SyntaxReader {

    /** Objects and lists inside each other; a declaration needs 6. */
    static final int MAX_NESTING = 20;

    /** Values in one body. */
    static final int MAX_NODES = 50_000;

    /**
     * Characters in one line of YAML. The scanner's cost grows with the square of an unbroken run: two
     * megabytes of comment in one line copied 8 GB.
     */
    static final int MAX_YAML_LINE = 128 * 1024;

    static final int MAX_BYTES = 2 * 1024 * 1024;

    private static final StreamReadConstraints LIMITS = StreamReadConstraints.builder()
            .maxNestingDepth(MAX_NESTING)
            .maxStringLength(MAX_BYTES)
            .maxNameLength(4_096)
            .maxNumberLength(256)
            .build();
    // The content may be secret: no message may quote it.
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(LIMITS)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .build();
    private static final YAMLFactory YAML = YAMLFactory.builder()
            .streamReadConstraints(LIMITS)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .loaderOptions(loaderOptions())
            // The region "no" (Norway) is a text.
            .enable(YAMLParser.Feature.PARSE_BOOLEAN_LIKE_WORDS_AS_STRINGS)
            .build();

    /** The result of reading a body. */
    sealed interface Read {

        /** @param refusals names given twice and texts that cannot be stored; the nodes are without them */
        record Done(SyntaxNode root, List<Refusal> refusals) implements Read {}

        /** @param detail says where, not what: the text around the place may be secret */
        record Malformed(String detail) implements Read {}
    }

    /** Carries the reason out of the recursion. */
    private static final class Stop extends IOException {

        private static final long serialVersionUID = 1;

        Stop(String reason) {
            super(reason);
        }
    }

    private final JsonParser parser;
    private final List<Refusal> refusals = new ArrayList<>();
    private int nodes;

    private SyntaxReader(JsonParser parser) {
        this.parser = parser;
    }

    private static LoaderOptions loaderOptions() {
        LoaderOptions options = new LoaderOptions();
        options.setCodePointLimit(MAX_BYTES);
        options.setNestingDepthLimit(MAX_NESTING);
        options.setMaxAliasesForCollections(0);
        return options;
    }

    static Read json(byte[] body) {
        return read(body, false);
    }

    static Read yaml(byte[] body) {
        return read(body, true);
    }

    private static Read read(byte[] body, boolean yaml) {
        if (body.length > MAX_BYTES) {
            return new Read.Malformed("The body has more than " + MAX_BYTES + " bytes.");
        }
        String language = yaml ? "YAML" : "JSON";
        String text;
        try {
            text = text(body);
        } catch (CharacterCodingException notUtf8) {
            return new Read.Malformed("The body is not UTF-8.");
        }
        if (yaml && longestLine(text) > MAX_YAML_LINE) {
            return new Read.Malformed(
                    "A line has more than " + MAX_YAML_LINE + " characters; JSON may have longer ones.");
        }
        try (JsonParser parser = yaml ? YAML.createParser(text) : JSON.createParser(text)) {
            return new SyntaxReader(parser).whole();
        } catch (Stop stop) {
            return new Read.Malformed(String.valueOf(stop.getMessage()));
        } catch (StreamConstraintsException beyond) {
            return new Read.Malformed("The body is nested deeper than " + MAX_NESTING
                    + ", or a name, number or text in it is longer than is taken.");
        } catch (JsonProcessingException malformed) {
            return new Read.Malformed("The body is not valid " + language + place(malformed.getLocation()) + ".");
        } catch (YAMLException malformed) {
            // The scanner throws some of its exceptions unwrapped.
            return new Read.Malformed("The body is not valid " + language + ".");
        } catch (IOException impossible) {
            throw new IllegalStateException("reading from memory failed", impossible);
        }
    }

    private static String text(byte[] body) throws CharacterCodingException {
        String text = StandardCharsets.UTF_8
                .newDecoder()
                .decode(ByteBuffer.wrap(body))
                .toString();
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }

    private static int longestLine(String text) {
        int longest = 0;
        int from = 0;
        for (int end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
            longest = Math.max(longest, end - from);
            from = end + 1;
        }
        return Math.max(longest, text.length() - from);
    }

    private static String place(@Nullable JsonLocation location) {
        return location == null || location.getLineNr() < 1
                ? ""
                : " at line " + location.getLineNr() + ", column " + location.getColumnNr();
    }

    private Read whole() throws IOException {
        JsonToken first = parser.nextToken();
        if (first == null) {
            return new Read.Malformed("The body is empty.");
        }
        SyntaxNode root = node(first, "");
        if (parser.nextToken() != null) {
            return new Read.Malformed("The body holds more than one document" + here() + ".");
        }
        return new Read.Done(root, List.copyOf(refusals));
    }

    private String here() {
        return place(parser.currentTokenLocation());
    }

    private SyntaxNode node(JsonToken token, String path) throws IOException {
        nodes++;
        if (nodes > MAX_NODES) {
            throw new Stop("The body holds more than " + MAX_NODES + " values.");
        }
        refuseAlias();
        return switch (token) {
            case START_OBJECT -> fields(path);
            case START_ARRAY -> items(path);
            case VALUE_STRING ->
                writtenNothing() ? new SyntaxNode.Null() : new SyntaxNode.Text(storable(parser.getText(), path));
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> new SyntaxNode.Number(parser.getText());
            case VALUE_TRUE -> new SyntaxNode.Bool(true);
            case VALUE_FALSE -> new SyntaxNode.Bool(false);
            case VALUE_NULL -> new SyntaxNode.Null();
            default -> throw new Stop("The body holds a value of an unknown kind" + here() + ".");
        };
    }

    /** In YAML {@code files:} without a value is null, while {@code files: ''} is a text. */
    private boolean writtenNothing() throws IOException {
        return parser instanceof YAMLParser
                && parser.getText().isEmpty()
                && parser.currentTokenLocation().getCharOffset()
                        == parser.currentLocation().getCharOffset();
    }

    private void refuseAlias() throws IOException {
        if (parser instanceof YAMLParser yaml && yaml.isCurrentAlias()) {
            throw new Stop("YAML aliases are not taken: write the value out" + here() + ".");
        }
    }

    private SyntaxNode fields(String path) throws IOException {
        Map<String, SyntaxNode> byName = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            refuseAlias();
            String name = parser.currentName();
            String at = FieldPath.field(path, name);
            SyntaxNode value = node(parser.nextToken(), at);
            if (byName.putIfAbsent(storable(name, at), value) != null) {
                refusals.add(new Refusal("duplicate_name", at, "is given twice."));
            }
        }
        return new SyntaxNode.Fields(byName);
    }

    private SyntaxNode items(String path) throws IOException {
        List<SyntaxNode> items = new ArrayList<>();
        for (JsonToken token = parser.nextToken(); token != JsonToken.END_ARRAY; token = parser.nextToken()) {
            items.add(node(token, FieldPath.item(path, items.size())));
        }
        return new SyntaxNode.Items(items);
    }

    /** PostgreSQL can hold neither U+0000 nor half a character. */
    private String storable(String text, String path) {
        boolean storable = text.indexOf('\0') < 0
                && text.codePoints().noneMatch(point -> Character.getType(point) == Character.SURROGATE);
        if (!storable) {
            refusals.add(new Refusal("invalid_text", path, "must not contain U+0000 or half a surrogate pair."));
        }
        return text;
    }
}
