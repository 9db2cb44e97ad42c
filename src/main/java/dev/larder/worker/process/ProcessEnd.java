package dev.larder.worker.process;

/** How a run of a process ended. */
public sealed interface ProcessEnd {

    /** The process ended by itself. */
    record Exited(int code) implements ProcessEnd {}

    /** @param hostFull whether the host refused another process, its memory or its files, whatever the command is */
    record NotStarted(String reason, boolean hostFull) implements ProcessEnd {}

    /**
     * The deadline passed, and the process was stopped.
     *
     * @param killed whether it did not end within its grace
     */
    record TimedOut(boolean killed) implements ProcessEnd {}

    /**
     * A stop was requested, and the process was stopped or not started.
     *
     * @param killed whether it did not end within its grace
     */
    record Canceled(boolean killed) implements ProcessEnd {}
}
