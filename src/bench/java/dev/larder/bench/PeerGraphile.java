package dev.larder.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * graphile-worker in a Node process of its own, which stays for all rounds, as this one does: 16 jobs at once on 16
 * connections, the listening one included; either with its defaults or with a local queue and batched completion.
 */
final class PeerGraphile implements Peer {

    private static final Path SOURCE = Path.of("src", "bench", "node");
    private static final Path INSTALLED = Path.of("target", "bench", "node");
    private static final List<String> FILES = List.of("package.json", "package-lock.json", ".npmrc", "worker.js");
    private static final int AT_ONCE = 5_000;

    private final PeerBase base;
    private final String settings;
    private @Nullable Node node;

    private PeerGraphile(PeerBase base, String settings) {
        this.base = base;
        this.settings = settings;
    }

    static Peer byDefault(PeerBase base) {
        return new PeerGraphile(base, "plain");
    }

    static Peer batched(PeerBase base) {
        return new PeerGraphile(base, "batched");
    }

    /**
     * Installs what the lock file names.
     *
     * @return why it cannot be measured here; empty where it can
     */
    static String install() throws IOException {
        for (String program : List.of("node", "npm")) {
            if (!says(List.of(program, "--version"), Path.of(".")).isEmpty()) {
                return "there is no " + program + " on the path";
            }
        }
        Files.createDirectories(INSTALLED);
        for (String file : FILES) {
            Files.copy(SOURCE.resolve(file), INSTALLED.resolve(file), StandardCopyOption.REPLACE_EXISTING);
        }
        String failed = says(List.of("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"), INSTALLED);
        return failed.isEmpty() ? "" : "npm ci failed: " + failed;
    }

    /** What a program says that fails; empty where it succeeds. */
    private static String says(List<String> command, Path in) {
        try {
            Process process = new ProcessBuilder(command)
                    .directory(in.toFile())
                    .redirectErrorStream(true)
                    .start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.onExit().join().exitValue() == 0 ? "" : command.get(0) + ": " + said;
        } catch (IOException none) {
            return String.valueOf(none.getMessage());
        }
    }

    @Override
    public String name() {
        return "graphile-worker, " + (settings.equals("plain") ? "defaults" : settings);
    }

    @Override
    public String database() {
        return PeerBase.DATABASE;
    }

    @Override
    public void load(int jobs) throws IOException {
        base.fresh();
        Node ready = node();
        ready.ask("migrate", "migrated");
        for (int left = jobs; left > 0; left -= AT_ONCE) {
            base.run(String.format(Locale.ROOT, """
                    SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(
                        SELECT json_populate_record(NULL::graphile_worker.job_spec, json_build_object(
                                   'identifier', 'noop', 'payload', json_build_object('payload', repeat('x', %d))))
                          FROM generate_series(1, %d)))""", PAYLOAD_CHARACTERS, Math.min(left, AT_ONCE)));
        }
        base.settle();
    }

    private Node node() throws IOException {
        if (node == null) {
            node = new Node(base.url(), settings);
        }
        return node;
    }

    @Override
    public void work(int jobs, Runnable begun) throws IOException, InterruptedException {
        node().ask("work " + jobs, "begun");
        begun.run();
        node().await("handled");
        base.await("SELECT NOT EXISTS (SELECT FROM graphile_worker.jobs)");
    }

    @Override
    public void rest() throws IOException {
        node().ask("stop", "stopped");
    }

    @Override
    public void close() throws IOException {
        if (node != null) {
            node.close();
        }
    }

    /** One line asks, one line answers. */
    private static final class Node implements AutoCloseable {

        private final Process process;
        private final Writer asks;
        private final BufferedReader answers;

        Node(String url, String settings) {
            try {
                ProcessBuilder builder = new ProcessBuilder("node", "worker.js", settings)
                        .directory(INSTALLED.toFile())
                        .redirectError(ProcessBuilder.Redirect.INHERIT);
                builder.environment().put("DATABASE_URL", url);
                builder.environment().put("NODE_ENV", "production");
                process = builder.start();
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
            // Its input ends with this process however that ends, and it ends with its input.
            asks = process.outputWriter(StandardCharsets.UTF_8);
            answers = process.inputReader(StandardCharsets.UTF_8);
        }

        void ask(String line, String answer) throws IOException {
            asks.write(line + "\n");
            asks.flush();
            await(answer);
        }

        void await(String answer) throws IOException {
            String line = answers.readLine();
            if (!answer.equals(line)) {
                throw new IllegalStateException("the worker said " + line + " instead of " + answer);
            }
        }

        @Override
        public void close() throws IOException {
            asks.close();
            var ended = process.onExit().join();
        }
    }
}
