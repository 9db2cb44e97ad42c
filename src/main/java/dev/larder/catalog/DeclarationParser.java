package dev.larder.catalog;

import dev.larder.model.Declaration;
import dev.larder.model.Refusal;
import java.util.List;
import java.util.Locale;

/**
 * Reads a whole declaration and says either what it declares or everything that is wrong with it; nothing of it is
 * stored before. Pure: no clock, no I/O.
 */
public final class DeclarationParser {

    /** What became of a declaration that was read. */
    public sealed interface Parsed {

        record Accepted(Declaration declaration) implements Parsed {}

        /** Well formed, but not acceptable; never empty, at most {@value Refusals#MAX} of them. */
        record Refused(List<Refusal> refusals) implements Parsed {}

        /** @param detail says at which line and column, and repeats nothing of the body */
        record Malformed(String detail) implements Parsed {}

        /** The media type is neither JSON nor YAML. */
        record UnknownType() implements Parsed {}
    }

    private DeclarationParser() {}

    /** @param contentType of the body; parameters such as {@code charset} are ignored, since it must be UTF-8 */
    public static Parsed parse(byte[] body, String contentType) {
        String type = contentType.replaceFirst(";.*", "").strip().toLowerCase(Locale.ROOT);
        return switch (type) {
            case "application/json" -> judge(NodeReader.json(body));
            case "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml" -> judge(NodeReader.yaml(body));
            default -> new Parsed.UnknownType();
        };
    }

    private static Parsed judge(NodeReader.Read read) {
        return switch (read) {
            case NodeReader.Read.Malformed(String detail) -> new Parsed.Malformed(detail);
            case NodeReader.Read.Done(Node root, List<Refusal> refusals) -> DeclarationReader.read(root, refusals);
        };
    }
}
