package dev.larder.catalog;

import java.util.List;
import java.util.Map;

/**
 * A part of a declaration as it was written. Numbers keep their text: {@code 1.10} given as a string's value stays
 * {@code 1.10}.
 */
sealed interface Node {

    record Fields(Map<String, Node> byName) implements Node {}

    record Items(List<Node> items) implements Node {}

    /** Written in quotes, or in YAML as a word. */
    record Text(String text) implements Node {}

    record Number(String text) implements Node {}

    record Bool(boolean value) implements Node {}

    /** {@code null}; counts as absent. */
    record Nothing() implements Node {}
}
