package dev.larder.pool;

import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * All that exists of workspaces in one place, found by its labels (decision 0016).
 *
 * @param location which place it is, the same whoever looks and another one for any other place
 */
public record Inventory(String location, List<Thing> things) {

    /** The longest name of a place or a thing. */
    public static final int NAME_CHARS_MAX = 200;

    /**
     * What exists of one workspace, or of what one version's workspaces are copied from.
     *
     * @param workspace the id of the workspace or of the version
     * @param name for people
     * @param whole whether what makes it usable is there; false for a trace of it, such as a role without its database
     * @param madeAt by the clock of the place; null where that is not known
     */
    public record Thing(
            UUID workspace,
            String name,
            boolean whole,
            @Nullable Instant madeAt) {}

    /**
     * A part of what a worker found, as it tells it.
     *
     * @param began an instant of the server's, told to the worker before it looked: what was built or deleted after it may
     *     or may not be in the listing
     * @param last whether the parts told under this instant, with this one, are all there is
     */
    public record Part(String backend, String location, Instant began, List<Thing> things, boolean last) {

        /** How many things one part may hold. */
        public static final int THINGS_MAX = 2_000;
    }
}
