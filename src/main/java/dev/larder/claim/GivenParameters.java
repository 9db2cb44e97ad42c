package dev.larder.claim;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a workspace is given by the client that claims it.
 *
 * @param cold values of parameters, by name, that differ from the preset's own: only a cold build can have them
 * @param sensitive the names of those that are kept sealed
 * @param chosen the id and name of a new workspace that the client named; empty where Larder names it
 * @param fitting values that the stock has which it was chosen for, of parameters that are not late; by their names
 * @param late values of late parameters, as {@link SealedValues} writes them, as text; null where there are none
 */
public record GivenParameters(
        Map<String, String> cold,
        Set<String> sensitive,
        Optional<Chosen> chosen,
        Map<String, String> fitting,
        @Nullable String late) {

    public static final GivenParameters NONE =
            new GivenParameters(Map.of(), Set.of(), Optional.empty(), Map.of(), null);

    /** The id and the name that a client gives its new workspace. */
    public record Chosen(UUID id, String name) {}

    GivenParameters of(Optional<Chosen> workspace) {
        return new GivenParameters(cold, sensitive, workspace, fitting, late);
    }

    /** Values may be secret, so none is printed. */
    @Override
    public String toString() {
        return "GivenParameters" + cold.keySet() + chosen;
    }
}
