package dev.larder.model;

import java.util.Set;
import java.util.UUID;

/**
 * What follows from a complete report.
 *
 * @param remove resources that the worker should remove: an operator requested it and no workspace owns them,
 *     or they belong to a version that no longer needs them
 * @param lost how many workspaces are missing for the first time; in a suspicious report, all that are missing
 * @param marked how many of them are now marked as missing; 0 for a suspicious report
 * @param suspicious whether so many were missing that the report was rejected
 */
public record ReportOutcome(Set<UUID> remove, int lost, int marked, boolean suspicious) {

    /** Nothing follows from it. */
    public static final ReportOutcome NONE = new ReportOutcome(Set.of(), 0, 0, false);
}
