package dev.larder.claim;

import java.util.Map;
import java.util.Set;

/**
 * The parameters of a cold build that differ from the preset's own.
 *
 * @param values by name; of parameters that the preset's version declares
 * @param sensitive the names of those that are kept sealed
 */
public record ColdParameters(Map<String, String> values, Set<String> sensitive) {

    public static final ColdParameters NONE = new ColdParameters(Map.of(), Set.of());

    /** Values may be secret, so none is printed. */
    @Override
    public String toString() {
        return "ColdParameters" + values.keySet();
    }
}
