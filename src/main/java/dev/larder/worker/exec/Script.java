package dev.larder.worker.exec;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;

/**
 * One run of one script, from the thread that calls it: it starts the process, carries its output, watches the time and
 * the wish to stop, and ends the process group.
 *
 * <p>The output comes through named pipes that are asked how much they hold and never waited on. Java's own pipes would
 * not do: when the script has ended while a process it started goes on printing, their end never comes, and Java
 * collects what is printed in memory.
 *
 * @param folder where the script runs; its pipes are made beside it
 * @param marked what to begin its command with
 * @param refresh called after something was read and before it is looked at
 */
record Script(
        String name,
        String text,
        Path folder,
        Path pipes,
        Map<String, String> environment,
        List<String> marked,
        ScriptLog log,
        Runnable refresh,
        ExecSettings settings,
        InstantSource clock) {

    private static final int CHUNK_BYTES = 65_536;
    private static final int CHUNKS_AT_ONCE = 16;
    private static final long LOOK_MILLIS = 10;
    private static final long SHORT_LOOK_NANOS = 100_000;
    private static final int SHORT_LOOKS = 20;

    /** How a run ended. */
    sealed interface End {

        record Exited(int code) implements End {}

        /** @param here whether it is this machine that has no room for another process */
        record NotStarted(String reason, boolean here) implements End {}

        record TimedOut() implements End {}

        record Canceled() implements End {}
    }

    /** Returns when the script and its process group have ended. */
    End run(Instant deadline, Stop stop) throws IOException, InterruptedException {
        if (stop.isAsked()) {
            return new End.Canceled();
        }
        Path out = pipes.resolve("stdout");
        Path err = pipes.resolve("stderr");
        makePipes(out, err);
        try (Output stdout = new Output(out, log.stream("stdout"), refresh);
                Output stderr = new Output(err, log.stream("stderr"), refresh)) {
            return new Run(start(out, err), stdout, stderr).watch(deadline, stop);
        } catch (NotStartedException refused) {
            return new End.NotStarted(String.valueOf(refused.getMessage()), refused.isHere());
        }
    }

    static void makePipes(Path... pipes) throws IOException {
        List<String> command = new ArrayList<>(List.of("mkfifo", "-m", "600"));
        for (Path pipe : pipes) {
            boolean unused = Files.deleteIfExists(pipe);
            command.add(pipe.toString());
        }
        int code = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(Redirect.DISCARD)
                .start()
                .onExit()
                .join()
                .exitValue();
        if (code != 0) {
            throw new IOException("named pipes cannot be made");
        }
    }

    private static final class NotStartedException extends Exception {

        private static final long serialVersionUID = 1;

        // Java hands on the system's number in its message: EAGAIN, ENOMEM, ENFILE and EMFILE.
        private static final Pattern NO_ROOM = Pattern.compile("error[=:] ?(11|12|23|24)\\b");

        NotStartedException(Exception cause) {
            super(cause.getMessage(), cause);
        }

        /** Another process, its memory or its files were refused by the system, whatever the script is. */
        boolean isHere() {
            return NO_ROOM.matcher(String.valueOf(getMessage())).find();
        }
    }

    private Process start(Path out, Path err) throws NotStartedException {
        ProcessBuilder builder = new ProcessBuilder(command())
                .directory(folder.toFile())
                .redirectInput(Redirect.from(new File("/dev/null")))
                .redirectOutput(Redirect.to(out.toFile()))
                .redirectError(Redirect.to(err.toFile()));
        builder.environment().clear();
        try {
            builder.environment().putAll(environment);
            return builder.start();
        } catch (IOException | IllegalArgumentException refused) {
            // Too long an environment, or a value with U+0000.
            throw new NotStartedException(refused);
        }
    }

    /** The interpreter is called by name: executing a file that was just written can fail while another process starts. */
    private List<String> command() {
        List<String> command = new ArrayList<>();
        if (ownGroup()) {
            command.add("setsid");
        }
        command.addAll(Processes.hearing());
        command.addAll(marked);
        command.addAll(interpreter());
        command.add(folder.resolve(name).toString());
        return command;
    }

    /** As the kernel reads it: a program and at most one argument, which may hold blanks. */
    private List<String> interpreter() {
        String first = text.lines().findFirst().orElse("");
        if (!first.startsWith("#!") || first.substring(2).isBlank()) {
            return List.of("/bin/sh");
        }
        return List.of(first.substring(2).strip().split("\\s+", 2));
    }

    private static boolean ownGroup() {
        return Arrays.stream(
                        System.getenv().getOrDefault("PATH", "/usr/bin:/bin").split(":"))
                .anyMatch(place -> Files.isExecutable(Path.of(place, "setsid")));
    }

    /** One stream of the script's output. */
    private static final class Output implements AutoCloseable {

        private final RandomAccessFile pipe;
        private final FileInputStream bytes;
        private final ScriptLog.Stream log;
        private final Runnable refresh;
        private final byte[] chunk = new byte[CHUNK_BYTES];

        Output(Path path, ScriptLog.Stream log, Runnable refresh) throws IOException {
            // Open for both directions, so that opening waits for nobody and the pipe has no end while it is open.
            this.pipe = new RandomAccessFile(path.toFile(), "rw");
            this.bytes = new FileInputStream(pipe.getFD());
            this.log = log;
            this.refresh = refresh;
        }

        /** @return whether there was something; takes at most 1 MiB, so that the watch goes on */
        boolean carry() throws IOException {
            for (int chunks = 0; chunks < CHUNKS_AT_ONCE; chunks++) {
                int there = Math.min(bytes.available(), CHUNK_BYTES);
                if (there <= 0) {
                    return chunks > 0;
                }
                int read = bytes.read(chunk, 0, there);
                // After reading: what was written before this was printed is seen by now.
                refresh.run();
                log.take(chunk, read);
            }
            return true;
        }

        @Override
        public void close() throws IOException {
            log.endLine();
            bytes.close();
            pipe.close();
        }
    }

    private final class Run {

        private final Process process;
        private final Output stdout;
        private final Output stderr;
        private final boolean grouped = ownGroup();
        private int silentLooks;

        Run(Process process, Output stdout, Output stderr) {
            this.process = process;
            this.stdout = stdout;
            this.stderr = stderr;
        }

        End watch(Instant deadline, Stop stop) throws IOException, InterruptedException {
            try {
                while (process.isAlive()) {
                    if (stop.isAsked()) {
                        askToEnd();
                        return new End.Canceled();
                    }
                    if (!clock.instant().isBefore(deadline)) {
                        askToEnd();
                        return new End.TimedOut();
                    }
                    carryOrWait();
                }
                return new End.Exited(process.exitValue());
            } finally {
                endAll();
            }
        }

        /** What the pipes still hold is less than is carried at once; a process that detached itself may go on printing. */
        private void endAll() throws IOException {
            boolean stubborn = process.isAlive();
            Map<Long, String> killed = killRest();
            boolean more = carry();
            if (!killed.isEmpty()) {
                String why = stubborn
                        ? name + " did not end within " + settings.stopGrace() + ", killed: "
                        : name + " ended and left processes behind, killed: ";
                log.note(why + Processes.named(killed));
            }
        }

        /** A pipe holds 64 KiB: who prints much is looked at often, who is silent seldom. */
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

        /** As a person at a terminal would: interrupt, and a while to tidy up. */
        private void askToEnd() throws IOException, InterruptedException {
            if (grouped) {
                Processes.signalGroup("INT", process.pid());
            } else {
                process.destroy();
            }
            Duration waited = Duration.ZERO;
            while (process.isAlive() && waited.compareTo(settings.stopGrace()) < 0) {
                boolean printed = carry();
                boolean ended = process.waitFor(LOOK_MILLIS, TimeUnit.MILLISECONDS);
                waited = waited.plusMillis(LOOK_MILLIS);
            }
        }

        private Map<Long, String> killRest() {
            if (grouped) {
                return Processes.killGroup(process.pid());
            }
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            return Map.of();
        }
    }
}
