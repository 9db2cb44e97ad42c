package dev.larder.catalog;

import dev.larder.model.Refusal;
import java.util.ArrayList;
import java.util.List;

/** Collects all faults of a declaration, so that one answer names them. */
final class Refusals {

    /** The answer names at most this many. */
    static final int MAX = 100;

    private final List<Refusal> refusals = new ArrayList<>();

    void add(String code, String field, String detail) {
        add(new Refusal(code, field.isEmpty() ? "body" : field, detail));
    }

    void add(Refusal refusal) {
        if (refusals.size() < MAX) {
            refusals.add(refusal);
        }
    }

    boolean none() {
        return refusals.isEmpty();
    }

    List<Refusal> all() {
        return List.copyOf(refusals);
    }
}
