package dev.larder.model;

import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/**
 * What a check of a workspace's infrastructure has found. It names resources and attributes, and holds no values: a
 * value may be secret.
 *
 * @param drift resources that were changed or deleted by something else than Larder, as the tool compares them with
 *     the state
 * @param changes what an apply of the version would do; of a changeset only
 * @param plan SHA-256 in hexadecimal over all that the plan does, with its values; of a changeset only
 */
public record Findings(List<Change> drift, List<Change> changes, Optional<String> plan) {

    /** The first so many resources of each list are kept. */
    public static final int CHANGES_MAX = 1_000;

    public static final int PATHS_MAX = 50;
    public static final int CHARACTERS_MAX = 500;

    public static final List<String> ACTIONS = List.of("create", "update", "replace", "delete", "forget");

    public static final Findings NONE = new Findings(List.of(), List.of());

    /** Findings without a plan that could be applied. */
    public Findings(List<Change> drift, List<Change> changes) {
        this(drift, changes, Optional.empty());
    }

    public Findings {
        drift = drift.stream().limit(CHANGES_MAX).toList();
        changes = changes.stream().limit(CHANGES_MAX).toList();
    }

    /**
     * What is different about one resource.
     *
     * @param address as the tool names it: {@code aws_s3_bucket.data}
     * @param action one of {@link #ACTIONS}
     * @param paths of attributes: those that differ, or those that force a replacement; {@code tags.owner}
     */
    @Schema(name = "ResourceChange")
    public record Change(String address, String type, String action, List<String> paths) {

        public Change {
            address = shortened(address);
            type = shortened(type);
            paths = paths.stream().limit(PATHS_MAX).map(Change::shortened).toList();
        }

        private static String shortened(String text) {
            return text.length() <= CHARACTERS_MAX ? text : text.substring(0, CHARACTERS_MAX) + "…";
        }
    }
}
