package dev.larder.catalog;

import java.util.List;
import java.util.Map;

/**
 * A part of a declaration as it was written. Numbers keep their text: {@code 1.10} given as a string's value
 * stays {@code 1.10}.
 */
sealed interface SyntaxNode {

    record Fields(Map<String, SyntaxNode> byName) implements SyntaxNode {}

    record Items(List<SyntaxNode> items) implements SyntaxNode {}

    /** Written in quotes, or in YAML as a word. */
    record Text(String text) implements SyntaxNode {}

    record Number(String text) implements SyntaxNode {}

    record Bool(boolean value) implements SyntaxNode {}

    /** {@code null}; counts as absent. */
    record Null() implements SyntaxNode {}
}
