package dev.larder.cli.client;

/**
 * How a command ended, for scripts. The numbers are part of the interface and never change their meaning
 * (decision 0045).
 */
public enum ExitCode {
    OK(0, "done; for plan and for apply --dry-run: there is nothing to do"),
    FAILED(1, "failed, and none of the codes below says why"),
    CHANGES(2, "plan, apply --dry-run, apply --diff: there is something to do. server, worker: wrong configuration"),
    NOT_FOUND(3, "the named thing does not exist, or the caller may not see it"),
    NEEDS_LOGIN(4, "no token, or one that is expired, revoked or unknown"),
    REFUSED(5, "the server refused: no permission, invalid input, a conflict, a quota"),
    NO_STOCK(6, "no workspace was in stock, and the claim did not wait"),
    TIMED_OUT(7, "the time that was given has passed"),
    UNREACHABLE(8, "the server could not be reached, or cannot serve now"),
    LEASE_LOST(9, "claim -- COMMAND: the claim ended while the command ran, and the command was ended"),
    ROLLOUT_STOPPED(10, "promote --wait, wait: a rollout is held, was rolled back or superseded"),
    USAGE(64, "wrong options or arguments");

    /** What a shell expects of a command that a signal ended; the signal's number is added. */
    public static final int SIGNAL = 128;

    private final int number;
    private final String meaning;

    ExitCode(int number, String meaning) {
        this.number = number;
        this.meaning = meaning;
    }

    public int number() {
        return number;
    }

    public String meaning() {
        return meaning;
    }
}
