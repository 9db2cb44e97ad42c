package dev.larder.model;

import java.util.Set;
import java.util.UUID;

/**
 * What a complete listing leads to.
 *
 * @param remove what its worker should remove: a request asks for it and no workspace owns it, or it is the template of
 *     a version that needs none
 * @param lost how many workspaces it missed for the first time; where it is suspicious, all that it missed
 * @param marked how many of them are missing now; none where it is suspicious
 * @param suspicious whether it missed so many that it was not believed
 */
public record Verdict(Set<UUID> remove, int lost, int marked, boolean suspicious) {

    /** Nothing follows from it. */
    public static final Verdict NONE = new Verdict(Set.of(), 0, 0, false);
}
