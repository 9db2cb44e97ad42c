package dev.larder.catalog;

import dev.larder.model.Declaration;
import dev.larder.model.Refusal;
import java.util.List;

/** The result of reading a declaration. */
public sealed interface ParsedDeclaration {

    record Accepted(Declaration declaration) implements ParsedDeclaration {}

    /** Well formed, but not acceptable; never empty, at most {@value Refusals#MAX} of them. */
    record Refused(List<Refusal> refusals) implements ParsedDeclaration {}

    /** @param detail says at which line and column, and repeats nothing of the body */
    record Malformed(String detail) implements ParsedDeclaration {}

    /** The media type is neither JSON nor YAML. */
    record UnknownType() implements ParsedDeclaration {}
}
