package dev.larder.provision.exec;

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

/**
 * One run of one script, from the thread that calls it: it starts the process, carries its output, watches the time and
 * the wish to stop, and ends the process group.
 *
 * <p>The output comes through named pipes that are asked how much they hold and never waited on. Java's own pipes would
 * not do: when the script has ended while a process it started goes on printing, their end never comes, and Java
 * collects what is printed in memory.
 *
 * @param folder where the script runs; its pipes are made beside it
 * @param refresh called after something was read and before it is looked at
 */
record Script(
        String name,
        String text,
        Path folder,
        Path pipes,
        Map<String, String> environment,
        ScriptLog log,
        Runnable refresh,
        Settings settings,
        InstantSource clock) {

    private static final int CHUNK_BYTES = 65_536;
    private static final int CHUNKS_AT_ONCE = 16;
    private static final long LOOK_MILLIS = 10;
    private static final long SHORT_LOOK_NANOS = 100_000;
    private static final int SHORT_LOOKS = 20;

    /** How a run ended. */
    sealed interface End {

        record Exited(int code) implements End {}

        record NotStarted(String reason) implements End {}

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
        if (!makePipes(out, err)) {
            return new End.NotStarted("mkfifo does not work here");
        }
        try (Output stdout = new Output(out, log, new Lines(settings.lineLimit(), log.stream("stdout")), refresh);
                Output stderr = new Output(err, log, new Lines(settings.lineLimit(), log.stream("stderr")), refresh)) {
            return new Run(start(out, err), stdout, stderr).watch(deadline, stop);
        } catch (NotStartedException refused) {
            return new End.NotStarted(String.valueOf(refused.getMessage()));
        }
    }

    private static boolean makePipes(Path out, Path err) throws IOException {
        Files.deleteIfExists(out);
        Files.deleteIfExists(err);
        return new ProcessBuilder("mkfifo", "-m", "600", out.toString(), err.toString())
                        .redirectErrorStream(true)
                        .redirectOutput(Redirect.DISCARD)
                        .start()
                        .onExit()
                        .join()
                        .exitValue()
                == 0;
    }

    private static final class NotStartedException extends Exception {

        private static final long serialVersionUID = 1;

        NotStartedException(Exception cause) {
            super(cause.getMessage(), cause);
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
        private final ScriptLog log;
        private final Lines lines;
        private final Runnable refresh;
        private final byte[] chunk = new byte[CHUNK_BYTES];

        Output(Path path, ScriptLog log, Lines lines, Runnable refresh) throws IOException {
            // Open for both directions, so that opening waits for nobody and the pipe has no end while it is open.
            this.pipe = new RandomAccessFile(path.toFile(), "rw");
            this.bytes = new FileInputStream(pipe.getFD());
            this.log = log;
            this.lines = lines;
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
                if (!log.isFull()) {
                    // After reading: what was written before this was printed is seen by now.
                    refresh.run();
                    lines.take(chunk, read);
                }
            }
            return true;
        }

        @Override
        public void close() throws IOException {
            lines.close();
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
                killRest();
                // What the pipes still hold is less than is carried at once; whoever detached himself may go on
                // printing.
                boolean more = carry();
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

        private void killRest() {
            if (grouped) {
                Processes.killGroup(process.pid());
            } else {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
            }
        }
    }
}
