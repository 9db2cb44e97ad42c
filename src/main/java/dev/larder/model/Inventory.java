package dev.larder.model;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * All that exists of workspaces in one place, found by its labels (decision 0016).
 *
 * @param location which place it is, the same whoever looks and another one for any other place
 * @param connections empty where they are not counted
 */
public record Inventory(String location, List<Thing> things, Optional<Connections> connections) {

    /** Of a place where connections are not counted. */
    public Inventory(String location, List<Thing> things) {
        this(location, things, Optional.empty());
    }

    /**
     * What a server of databases can give.
     *
     * @param all connections of ordinary users at once
     * @param perWorkspace how many of them one workspace may have
     */
    public record Connections(int all, int perWorkspace) {}

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
    public record Part(
            String backend,
            String location,
            Instant began,
            List<Thing> things,
            boolean last,
            Optional<Connections> connections) {

        /** Of a place where connections are not counted. */
        public Part(String backend, String location, Instant began, List<Thing> things, boolean last) {
            this(backend, location, began, things, last, Optional.empty());
        }

        /** How many things one part may hold. */
        public static final int THINGS_MAX = 2_000;
    }
}
