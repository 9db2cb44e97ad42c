package dev.larder.claim;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * What a cold build is given by its client.
 *
 * @param values of parameters, by name, that differ from the preset's own and that its version declares
 * @param sensitive the names of those that are kept sealed
 * @param chosen the workspace that the client named; empty where Larder names it
 */
public record ColdParameters(Map<String, String> values, Set<String> sensitive, Optional<Chosen> chosen) {

    public static final ColdParameters NONE = new ColdParameters(Map.of(), Set.of());

    public ColdParameters(Map<String, String> values, Set<String> sensitive) {
        this(values, sensitive, Optional.empty());
    }

    /** The id and the name that a client gives its new workspace. */
    public record Chosen(UUID id, String name) {}

    ColdParameters of(Optional<Chosen> workspace) {
        return new ColdParameters(values, sensitive, workspace);
    }

    /** Values may be secret, so none is printed. */
    @Override
    public String toString() {
        return "ColdParameters" + values.keySet() + chosen;
    }
}
