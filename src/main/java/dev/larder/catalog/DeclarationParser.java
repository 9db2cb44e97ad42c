package dev.larder.catalog;

import dev.larder.model.Refusal;
import java.util.List;
import java.util.Locale;

/** Reads a declaration. The result is the declaration or all of its faults. Pure: no clock, no I/O. */
public final class DeclarationParser {

    private DeclarationParser() {}

    /** @param contentType of the body; parameters such as {@code charset} are ignored, since it must be UTF-8 */
    public static ParsedDeclaration parse(byte[] body, String contentType) {
        String type = contentType.replaceFirst(";.*", "").strip().toLowerCase(Locale.ROOT);
        return switch (type) {
            case "application/json" -> judge(SyntaxReader.json(body));
            case "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml" -> judge(SyntaxReader.yaml(body));
            default -> new ParsedDeclaration.UnknownType();
        };
    }

    private static ParsedDeclaration judge(SyntaxReader.Read read) {
        return switch (read) {
            case SyntaxReader.Read.Malformed(String detail) -> new ParsedDeclaration.Malformed(detail);
            case SyntaxReader.Read.Done(SyntaxNode root, List<Refusal> refusals) ->
                DeclarationReader.read(root, refusals);
        };
    }
}
