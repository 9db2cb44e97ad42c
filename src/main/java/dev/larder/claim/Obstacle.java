package dev.larder.claim;

/** Why a workspace that has the expected version cannot be claimed. The names are those in the SQL. */
public enum Obstacle {
    WORKSPACE_DELETED("The workspace was deleted, or is going to be."),
    ALREADY_CLAIMED("Another claim holds the workspace."),
    STATE_UNRELIABLE("The state of the workspace may not be true."),
    STATE_CORRUPT("The state of the workspace cannot be read."),
    MUTATION_IN_PROGRESS("The infrastructure of the workspace is being changed."),
    WORKSPACE_NOT_READY("The workspace is not ready: its build has not succeeded."),
    WORKSPACE_EXPIRED("The workspace is older than its preset allows."),
    PRESET_NOT_ACTIVE("The preset of the workspace is no longer active."),
    /** Another statement was in the way each time. */
    WORKSPACE_BUSY("The workspace could not be claimed at the moment. Try again.");

    private final String detail;

    Obstacle(String detail) {
        this.detail = detail;
    }

    /** One sentence for people. */
    String detail() {
        return detail;
    }
}
