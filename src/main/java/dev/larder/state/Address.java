package dev.larder.state;

import dev.larder.model.Caller;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Which state an address names, and what decides who may use it.
 *
 * @param state null for a workspace whose state was never used
 * @param workspace null for a state with a name
 * @param owner the user who owns the workspace, or the state with a name
 * @param kept whether the workspace's backend has a state; true for a state with a name
 * @param gone whether the workspace or the state was deleted
 */
record Address(
        @Nullable UUID state, UUID organization, @Nullable UUID workspace, UUID owner, boolean kept, boolean gone) {

    /** What a caller may do with a state. Each may do what the ones before it may. */
    enum Right {
        /** Nothing: to this caller the state does not exist. */
        NONE,
        /** See its versions and how far it can be trusted, and no body. */
        LOOK,
        /** Read and change it, and take back what is its own. */
        USE,
        /**
         * Take it from others, delete it, and say that it is true. A state with a name belongs to its owner
         * so far.
         */
        OPERATE;

        boolean atLeast(Right wanted) {
            return compareTo(wanted) >= 0;
        }
    }

    Right rightOf(Caller caller) {
        if (!caller.sees(organization)) {
            return Right.NONE;
        }
        return switch (caller.role()) {
            case OWNER, TEMPLATE_ADMIN -> Right.OPERATE;
            case AUDITOR -> Right.LOOK;
            case MEMBER -> !owner.equals(caller.userId()) ? Right.NONE : workspace == null ? Right.OPERATE : Right.USE;
            case WORKER -> Right.NONE;
        };
    }
}
