package dev.larder.model;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The resources of workspaces in one place, found by their labels (decision 0016).
 *
 * @param location identifies the place; the same for every worker that builds there
 * @param connections empty where they are not counted
 */
public record Inventory(String location, List<Item> things, Optional<Connections> connections) {

    /** Of a place where connections are not counted. */
    public Inventory(String location, List<Item> things) {
        this(location, things, Optional.empty());
    }

    /**
     * What a server of databases can give.
     *
     * @param all connections of ordinary users at once
     * @param perWorkspace how many of them one workspace may have
     */
    public record Connections(int all, int perWorkspace) {}

    /** The longest name of a place or resource. */
    public static final int NAME_CHARS_MAX = 200;

    /**
     * The resources of one workspace, or those from which the workspaces of one version are copied.
     *
     * @param workspace the id of the workspace or of the version
     * @param name for people
     * @param whole false for leftovers that cannot be used, such as a role without its database
     * @param madeAt by the clock of the place; null where it is unknown
     */
    public record Item(
            UUID workspace,
            String name,
            boolean whole,
            @Nullable Instant madeAt) {}

    /**
     * A part of a worker's report.
     *
     * @param began an instant that the server told the worker before it looked. The report may or may not
     *     contain what was built or deleted after it
     * @param last whether this part completes the report that began at this instant
     */
    public record Part(
            String backend,
            String location,
            Instant began,
            List<Item> things,
            boolean last,
            Optional<Connections> connections) {

        /** Of a place where connections are not counted. */
        public Part(String backend, String location, Instant began, List<Item> things, boolean last) {
            this(backend, location, began, things, last, Optional.empty());
        }

        /** How many resources one part may hold. */
        public static final int THINGS_MAX = 2_000;
    }
}
