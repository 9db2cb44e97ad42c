package dev.larder.worker.process;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;

/**
 * Runs commands of one job, one after the other, on the thread that calls it. Each command runs in a process group of
 * its own where the host has {@code setsid}. Its output goes to the log of the job while it runs.
 */
public final class ProcessRunner {

    private static final long LOOK_MILLIS = 10;
    private static final long SHORT_LOOK_NANOS = 100_000;
    private static final int SHORT_LOOKS = 20;

    // The message of Java's exception contains the error number: EAGAIN, ENOMEM, ENFILE and EMFILE.
    private static final Pattern HOST_FULL = Pattern.compile("error[=:] ?(11|12|23|24)\\b");

    private final JobProcesses job;
    private final Path pipes;
    private final OutputLog log;
    private final Runnable beforeLines;
    private final Duration stopGrace;
    private final InstantSource clock;

    /**
     * @param pipes an existing folder for named pipes
     * @param beforeLines called after output was read and before it is logged, so that new secrets can be masked
     * @param stopGrace how long a process may run after SIGINT before it is killed
     */
    public ProcessRunner(
            JobProcesses job,
            Path pipes,
            OutputLog log,
            Runnable beforeLines,
            Duration stopGrace,
            InstantSource clock) {
        this.job = job;
        this.pipes = pipes;
        this.log = log;
        this.beforeLines = beforeLines;
        this.stopGrace = stopGrace;
        this.clock = clock;
    }

    /**
     * Runs a command until it ends, the deadline passes or a stop is requested. Returns when the process and its
     * process group have ended. Descendants that left the group live on.
     */
    public ProcessEnd run(ProcessCommand command, Instant deadline, StopRequest stop)
            throws IOException, InterruptedException {
        if (stop.isRequested()) {
            return new ProcessEnd.Canceled(false);
        }
        Path out = pipes.resolve("stdout");
        Path err = pipes.resolve("stderr");
        SystemCommands.makePipes(out, err);
        try (OutputPipe stdout = new OutputPipe(out, log.stream("stdout"), beforeLines);
                OutputPipe stderr = new OutputPipe(err, log.stream("stderr"), beforeLines)) {
            Process process = start(command, out, err);
            return new Run(command.name(), process, stdout, stderr).watch(deadline, stop);
        } catch (NotStartedException refused) {
            String reason = String.valueOf(refused.getMessage());
            return new ProcessEnd.NotStarted(reason, HOST_FULL.matcher(reason).find());
        }
    }

    private static final class NotStartedException extends Exception {

        private static final long serialVersionUID = 1;

        NotStartedException(Exception cause) {
            super(cause.getMessage(), cause);
        }
    }

    private Process start(ProcessCommand command, Path out, Path err) throws NotStartedException {
        ProcessBuilder builder = new ProcessBuilder(words(command))
                .directory(command.folder().toFile())
                .redirectInput(Redirect.from(new File("/dev/null")))
                .redirectOutput(Redirect.to(out.toFile()))
                .redirectError(Redirect.to(err.toFile()));
        builder.environment().clear();
        try {
            builder.environment().putAll(command.environment());
            builder.environment().putAll(job.environment());
            return builder.start();
        } catch (IOException | IllegalArgumentException refused) {
            // For example an environment that is too long, or a value with U+0000.
            throw new NotStartedException(refused);
        }
    }

    private List<String> words(ProcessCommand command) {
        List<String> words = new ArrayList<>();
        if (SystemCommands.hasSetsid()) {
            words.add("setsid");
        }
        words.addAll(SystemCommands.interruptible());
        words.addAll(job.prefix());
        words.addAll(command.words());
        return words;
    }

    private final class Run {

        private final String name;
        private final Process process;
        private final OutputPipe stdout;
        private final OutputPipe stderr;
        private final boolean grouped = SystemCommands.hasSetsid();
        private int silentLooks;

        Run(String name, Process process, OutputPipe stdout, OutputPipe stderr) {
            this.name = name;
            this.process = process;
            this.stdout = stdout;
            this.stderr = stderr;
        }

        ProcessEnd watch(Instant deadline, StopRequest stop) throws IOException, InterruptedException {
            try {
                while (process.isAlive()) {
                    if (stop.isRequested()) {
                        interrupt();
                        return new ProcessEnd.Canceled(process.isAlive());
                    }
                    if (!clock.instant().isBefore(deadline)) {
                        interrupt();
                        return new ProcessEnd.TimedOut(process.isAlive());
                    }
                    carryOrWait();
                }
                return new ProcessEnd.Exited(process.exitValue());
            } finally {
                killRest();
            }
        }

        /** Kills the rest of the group, then logs what the pipes hold. A detached process may go on printing. */
        private void killRest() throws IOException {
            boolean outlastedGrace = process.isAlive();
            KilledProcesses killed = killGroup();
            boolean more = carry();
            if (!killed.isEmpty()) {
                String why = outlastedGrace
                        ? name + " did not end within " + stopGrace + ", killed: "
                        : name + " ended and left processes behind, killed: ";
                log.note(why + killed);
            }
        }

        /** A pipe holds only 64 KiB, so a process that prints is looked at often and a silent one seldom. */
        private void carryOrWait() throws IOException, InterruptedException {
            if (carry()) {
                silentLooks = 0;
            } else if (silentLooks < SHORT_LOOKS) {
                silentLooks++;
                LockSupport.parkNanos(SHORT_LOOK_NANOS);
            } else {
                boolean ended = process.waitFor(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            }
        }

        private boolean carry() throws IOException {
            boolean printed = stdout.carry();
            return stderr.carry() || printed;
        }

        /** Sends SIGINT, as a terminal does, and waits for the end of the process within the grace. */
        private void interrupt() throws IOException, InterruptedException {
            if (grouped) {
                SystemCommands.signalGroup("INT", process.pid());
            } else {
                process.destroy();
            }
            Duration waited = Duration.ZERO;
            while (process.isAlive() && waited.compareTo(stopGrace) < 0) {
                boolean printed = carry();
                boolean ended = process.waitFor(LOOK_MILLIS, TimeUnit.MILLISECONDS);
                waited = waited.plusMillis(LOOK_MILLIS);
            }
        }

        private KilledProcesses killGroup() {
            if (grouped) {
                return Processes.killGroup(process.pid());
            }
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            return KilledProcesses.NONE;
        }
    }
}
