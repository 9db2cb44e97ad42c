package dev.larder.state;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** What a mutation does to infrastructure. */
enum MutationKind {
    /** Builds it. */
    CREATE,
    /** Changes it. */
    UPDATE,
    /** Prepares it for the user who claimed it. */
    CLAIM,
    /** Looks what would change. It keeps others out, and changes nothing. */
    PLAN,
    /** Reads what exists into the state. */
    REFRESH,
    /** Mends the state by hand. */
    REPAIR,
    /** Removes it. */
    DESTROY,
    /** Goes back to an earlier version. */
    RESTORE;

    /** The word that the database and the API use. */
    String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    static Optional<MutationKind> of(String word) {
        return Arrays.stream(values()).filter(kind -> kind.word().equals(word)).findFirst();
    }

    /** Whether it needs a state that is true: it would build on what the state says. */
    boolean needsTrust() {
        return this == CREATE || this == UPDATE || this == CLAIM;
    }

    /** Whether it may begin on a state whose body cannot be read. */
    boolean worksBlind() {
        return this == DESTROY || this == RESTORE;
    }

    /**
     * What Terraform and OpenTofu call the operation of a lock. State surgery is a repair: it mends what is not true.
     */
    static MutationKind ofOperation(String operation) {
        return switch (operation) {
            case "OperationTypePlan" -> PLAN;
            case "OperationTypeRefresh" -> REFRESH;
            case "state-push", "state-mv", "state-rm", "state-replace-provider", "taint", "untaint", "import" -> REPAIR;
            default -> UPDATE;
        };
    }
}
