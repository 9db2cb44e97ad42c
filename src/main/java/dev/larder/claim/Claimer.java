package dev.larder.claim;

import dev.larder.lifecycle.Rules;

/** Who claims, and what the statement of {@link ClaimStore} has of its own for it. */
enum Claimer {
    /** A client claims what is served. */
    CLIENT(Rules.served("p", "t"), ", trial = false"),
    /** The system user claims a version that is tried before it is served (decision 0046). */
    SYSTEM(Rules.tried("p", "t"), ", trial = true");

    private final String open;
    private final String more;

    /**
     * @param open a condition: the preset {@code p} of the template {@code t} can be claimed
     * @param more what else changes in the workspace's row
     */
    Claimer(String open, String more) {
        this.open = open;
        this.more = more;
    }

    String in(String statement) {
        return statement.replace("{open}", open).replace("{trial}", more);
    }
}
