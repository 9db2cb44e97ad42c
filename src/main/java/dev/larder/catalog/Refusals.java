package dev.larder.catalog;

import dev.larder.model.Refusal;
import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong, so that a caller learns all of it at once. */
final class Refusals {

    /** More are not told: by then the caller has enough to do. */
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
