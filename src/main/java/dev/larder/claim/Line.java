package dev.larder.claim;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The presets of one name in a template whose stock is handed out: the active version's and, while a rollout runs,
 * those that it has not yet replaced (decision 0046).
 *
 * @param members in the order in which they are asked: the active version's, unless it is still tried, then the
 *     newest version before; at least one
 * @param edition changes whenever other presets become members, or their order changes
 */
public record Line(List<Claimable> members, String edition) {

    /** The one that workspaces are built of for a client. */
    public Claimable head() {
        return members.getFirst();
    }

    List<UUID> ids() {
        return members.stream().map(Claimable::id).toList();
    }

    /** Those of its members that are among these; empty where none is. */
    Optional<Line> only(Set<UUID> presets) {
        List<Claimable> left =
                members.stream().filter(preset -> presets.contains(preset.id())).toList();
        return left.isEmpty() ? Optional.empty() : Optional.of(new Line(left, edition));
    }

    boolean isVerified() {
        return members.stream().anyMatch(Claimable::verified);
    }
}
