package dev.larder.testing;

import dev.larder.database.Connections;
import io.vertx.pgclient.PgConnectOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * One PostgreSQL server, started by this process and stopped with it. It listens on 127.0.0.1 only, has no Unix socket,
 * and asks even its superuser for a password that was generated with the data.
 *
 * <p>Whatever happened to the last server on a folder, the next start recovers: a live one is stopped first, a
 * stale pid file goes, and PostgreSQL replays its log. Two live owners of one folder are the caller's business to
 * exclude.
 */
public final class EmbeddedPostgres implements AutoCloseable {

    public static final String HOST = "127.0.0.1";
    public static final String SUPERUSER = "postgres";

    private static final int FIRST_KEPT_PORT = 15432;
    private static final Duration LOOK = Duration.ofMillis(10);
    private static final Duration START_WITHIN = Duration.ofSeconds(60);
    private static final Duration STOP_PATIENCE = Duration.ofSeconds(8);

    private static volatile Consumer<EmbeddedPostgres> beforeStop = server -> {};

    private final Process process;
    private final Path folder;
    private final int port;
    private final String password;
    private final Purpose purpose;

    private EmbeddedPostgres(Process process, Path folder, int port, String password, Purpose purpose) {
        this.process = process;
        this.folder = folder;
        this.port = port;
        this.password = password;
        this.purpose = purpose;
    }

    /**
     * What the data is for: kept data survives a power cut; measured data is as durable, on a server that counts its
     * statements; a test's data is fast and worthless, unless the test is about what survives.
     */
    private enum Purpose {
        KEPT(List.of("max_connections=200")),
        CRASHED(List.of("max_connections=400", "jit=off")),
        MEASURED(List.of(
                "max_connections=400",
                "shared_buffers=512MB",
                "max_wal_size=4GB",
                "shared_preload_libraries=pg_stat_statements",
                "pg_stat_statements.track_utility=on")),
        THROWAWAY(List.of(
                "max_connections=400",
                "fsync=off",
                "full_page_writes=off",
                "synchronous_commit=off",
                "wal_level=minimal",
                "max_wal_senders=0",
                // Statistics would change in the middle of a test, and plans with them.
                "autovacuum=off",
                // A statement is planned once for a session, not for each of its first five calls.
                "plan_cache_mode=force_generic_plan",
                "jit=off"));

        private final List<String> settings;

        Purpose(List<String> settings) {
            this.settings = settings;
        }
    }

    /**
     * Starts the server whose data is kept in the folder, made where it is missing. The port stays the same from start
     * to start as long as nobody else takes it, so that addresses handed out stay true.
     */
    public static EmbeddedPostgres kept(Path folder) {
        return kept(folder, List.of());
    }

    /**
     * The same, with statements for the day the data is made: the folder appears with all of them done, or not at all.
     *
     * @param first one line each; run by the superuser without a transaction around them
     */
    public static EmbeddedPostgres kept(Path folder, List<String> first) {
        return start(folder, Purpose.KEPT, first);
    }

    /**
     * Starts a server without any durability, whose data lies in memory where there is room. Both end with this JVM
     * even if that is killed.
     */
    public static EmbeddedPostgres throwaway(Path folder) {
        return throwaway(folder, List.of());
    }

    /** The same with settings of its own, each as {@code name=value}. */
    public static EmbeddedPostgres throwaway(Path folder, List<String> settings) {
        EmbeddedPostgres server = start(folder, Purpose.THROWAWAY, List.of(), settings);
        server.endWithThisJvm();
        return server;
    }

    /**
     * Starts a server on which can be measured what production would see: durable, with {@code pg_stat_statements}
     * loaded and the memory of a small production server. It ends with this JVM even if that is killed.
     */
    public static EmbeddedPostgres measured(Path folder) {
        EmbeddedPostgres server = start(folder, Purpose.MEASURED, List.of());
        server.endWithThisJvm();
        return server;
    }

    /**
     * Starts a server that keeps what it has acknowledged, for a test that crashes it: {@link #crash}, then this
     * again. It ends with this JVM as {@link #throwaway} does, and comes back on the same port as {@link #kept}
     * does.
     */
    public static EmbeddedPostgres crashable(Path folder) {
        return crashable(folder, List.of());
    }

    /** The same with settings of its own, each as {@code name=value}. */
    public static EmbeddedPostgres crashable(Path folder, List<String> settings) {
        EmbeddedPostgres server = start(folder, Purpose.CRASHED, List.of(), settings);
        server.endWithThisJvm();
        return server;
    }

    /**
     * Starts a server that follows this one, on a copy of its data. This one must be stopped while it is copied, so
     * it is stopped and started again: use what is answered instead of it.
     */
    public Pair withStandby(Path standbyFolder) {
        close();
        Path copy = Unprivileged.here().reachable(standbyFolder);
        try {
            PostgresBinaries.copy(folder, copy);
            Files.deleteIfExists(copy.resolve("port"));
            Files.createFile(copy.resolve("data").resolve("standby.signal"));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        EmbeddedPostgres primary = crashable(folder);
        String here = "primary_conninfo=host=%s port=%d user=%s password=%s application_name=standby"
                .formatted(HOST, primary.port(), SUPERUSER, password);
        return new Pair(primary, crashable(standbyFolder, List.of(here)));
    }

    public record Pair(EmbeddedPostgres primary, EmbeddedPostgres standby) {}

    /** Ends what an earlier server left running on the folder; nothing to do is no error. */
    public static void recover(Path folder) {
        stopLeftBehind(Unprivileged.here().reachable(folder).resolve("data"));
    }

    public String host() {
        return HOST;
    }

    public int port() {
        return port;
    }

    public String user() {
        return SUPERUSER;
    }

    public String password() {
        return password;
    }

    /** Where data, log, port and password lie: the folder asked for, or one that the database's user can reach. */
    public Path folder() {
        return folder;
    }

    public long pid() {
        return process.pid();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** How its superuser connects to a database of it, with statements prepared as in production. */
    public PgConnectOptions options(String database) {
        return Connections.prepared(new PgConnectOptions()
                .setHost(HOST)
                .setPort(port)
                .setUser(SUPERUSER)
                .setPassword(password)
                .setDatabase(database));
    }

    /** As the reactive client wants it, without user and password. */
    public String url(String database) {
        return "postgresql://" + HOST + ":" + port + "/" + database;
    }

    /** What is done with each server that this process stops, while it still answers. */
    static void beforeStop(Consumer<EmbeddedPostgres> what) {
        beforeStop = what;
    }

    /** Stops it: kept data in good order, once its clients are gone or 8 seconds later; a test's at once. */
    @Override
    public void close() {
        beforeStop.accept(this);
        stop(process.toHandle(), purpose == Purpose.KEPT);
    }

    /** Ends without a word, as with {@code kill -9}; its backends notice and end by themselves. */
    public void kill() {
        Signals.send("KILL", process.pid());
        if (!Signals.ends(process.toHandle(), STOP_PATIENCE)) {
            throw new IllegalStateException("PostgreSQL does not end: " + lastWords());
        }
    }

    /** Ends at once, as after a power cut: nothing is finished, nothing written that was not written before. */
    public void crash() {
        Signals.send("QUIT", process.pid());
        if (!Signals.ends(process.toHandle(), STOP_PATIENCE)) {
            throw new IllegalStateException("PostgreSQL does not end: " + lastWords());
        }
    }

    /** Stops it and removes what it kept. */
    public void discard() {
        close();
        try {
            PostgresBinaries.delete(folder);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static EmbeddedPostgres start(Path wanted, Purpose purpose, List<String> first) {
        return start(wanted, purpose, first, List.of());
    }

    private static EmbeddedPostgres start(Path wanted, Purpose purpose, List<String> first, List<String> more) {
        Unprivileged user = Unprivileged.here();
        Path folder = user.reachable(wanted);
        PostgresBinaries binaries = PostgresBinaries.unpacked(user.cache());
        Path data = folder.resolve("data");
        try {
            Files.createDirectories(folder);
            stopLeftBehind(data);
            String password = initialized(folder, data, binaries, user, purpose, first);
            user.own(data);
            for (int attempt = 1; ; attempt++) {
                int port = purpose == Purpose.THROWAWAY ? freePort(0).orElseThrow() : keptPort(folder);
                Process process = launch(folder, data, port, binaries, user, settings(purpose, more));
                EmbeddedPostgres server = new EmbeddedPostgres(process, folder, port, password, purpose);
                if (server.becomesReady(data)) {
                    return server;
                }
                if (attempt == 3) {
                    throw new IllegalStateException("PostgreSQL does not start: " + server.lastWords());
                }
            }
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot start PostgreSQL in " + folder, failed);
        }
    }

    /** Makes the data once, in a folder of its own that is renamed when complete. */
    private static String initialized(
            Path folder, Path data, PostgresBinaries binaries, Unprivileged user, Purpose purpose, List<String> first)
            throws IOException {
        Path passwordFile = folder.resolve("superuser-password");
        if (Files.exists(data)) {
            return Files.readString(passwordFile).strip();
        }
        Optional<Path> inMemory = purpose == Purpose.THROWAWAY ? InMemory.folder() : Optional.empty();
        Path filling = inMemory.orElse(folder.resolve("data.new"));
        PostgresBinaries.delete(filling);
        Files.createDirectory(filling);
        user.own(filling);
        String password =
                (purpose == Purpose.KEPT ? "" : Planted.SECRET) + HexFormat.of().formatHex(random(16));
        Files.deleteIfExists(passwordFile);
        Files.createFile(
                passwordFile, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(passwordFile, password);
        user.own(passwordFile);
        List<String> initdb = new ArrayList<>(List.of(
                binaries.program("initdb"),
                "--pgdata=" + filling,
                "--username=" + SUPERUSER,
                "--pwfile=" + passwordFile,
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-locale",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8"));
        if (purpose == Purpose.THROWAWAY) {
            // The password is random: iterations make each connection dear and nothing safer.
            initdb.addAll(List.of("--set", "scram_iterations=1"));
            initdb.add("--no-sync");
        }
        runThrough(user.command(initdb), List.of(), folder.resolve("initdb.log"));
        if (!first.isEmpty()) {
            List<String> single = List.of(
                    binaries.program("postgres"),
                    "--single",
                    "-D",
                    filling.toString(),
                    "-c",
                    "exit_on_error=on",
                    "-c",
                    "log_min_messages=warning",
                    "postgres");
            runThrough(user.command(single), first, folder.resolve("first-statements.log"));
        }
        if (inMemory.isPresent()) {
            Path link = Files.createSymbolicLink(data, filling);
        } else {
            Files.move(filling, data, StandardCopyOption.ATOMIC_MOVE);
        }
        return password;
    }

    private static void runThrough(List<String> command, List<String> input, Path log) throws IOException {
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try (Writer lines = process.outputWriter(StandardCharsets.UTF_8)) {
            for (String line : input) {
                lines.write(line + "\n");
            }
        }
        int exit = process.onExit().join().exitValue();
        if (exit != 0) {
            throw new IllegalStateException(log.getFileName() + ": " + lastLine(log));
        }
        // What the server echoes of the statements holds passwords.
        Files.deleteIfExists(log);
    }

    private static List<String> settings(Purpose purpose, List<String> more) {
        List<String> all = new ArrayList<>(purpose.settings);
        all.addAll(more);
        return all;
    }

    private static Process launch(
            Path folder, Path data, int port, PostgresBinaries binaries, Unprivileged user, List<String> own)
            throws IOException {
        List<String> postgres = new ArrayList<>(List.of(binaries.program("postgres"), "-D", data.toString()));
        List<String> settings = new ArrayList<>(List.of(
                "listen_addresses=" + HOST,
                "port=" + port,
                "unix_socket_directories=",
                "timezone=UTC",
                "log_timezone=UTC",
                "log_min_messages=warning",
                "logging_collector=off"));
        settings.addAll(own);
        for (String setting : settings) {
            postgres.add("-c");
            postgres.add(setting);
        }
        return new ProcessBuilder(user.command(postgres))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.to(
                        folder.resolve("postgres.log").toFile()))
                .start();
    }

    /** @return false when the server ended instead: another process may have taken the port in between */
    private boolean becomesReady(Path data) throws IOException {
        for (long looks = START_WITHIN.dividedBy(LOOK); looks > 0; looks--) {
            List<String> lines = pidFile(data);
            if (lines.size() > 7
                    && lines.get(0).equals(Long.toString(process.pid()))
                    && lines.get(3).equals(Integer.toString(port))
                    && lines.get(7).strip().equals("ready")) {
                return process.isAlive();
            }
            if (!process.isAlive()) {
                return false;
            }
            Signals.pause(LOOK);
        }
        stop(process.toHandle(), false);
        throw new IllegalStateException(
                "PostgreSQL is not ready after " + START_WITHIN.toSeconds() + " s: " + lastWords());
    }

    private String lastWords() {
        return lastLine(folder.resolve("postgres.log"));
    }

    /** A shell that waits for the end of its input, which comes with this JVM's end however it ends. */
    private void endWithThisJvm() {
        try {
            List<String> command = new ArrayList<>();
            if (Unprivileged.onPath("setsid")) {
                command.add("setsid");
            }
            command.addAll(List.of("/bin/sh", "-c", "cat >/dev/null; kill -QUIT " + process.pid() + " 2>/dev/null"));
            Process watch = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            // The stream stays open and reachable as long as the process object: its own exit hook keeps that.
            var unused = process.toHandle().onExit().thenRun(watch::destroy);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static void stopLeftBehind(Path data) {
        try {
            if (!Files.exists(data)) {
                return;
            }
            List<String> lines = pidFile(data);
            if (!lines.isEmpty()) {
                long postmaster = Long.parseLong(lines.get(0).strip());
                if (worksIn(postmaster, data)) {
                    ProcessHandle.of(postmaster).ifPresent(left -> stop(left, false));
                }
            }
            // Backends of a killed server notice by themselves; until the last is gone the data is not ours.
            for (int looks = 0; !workersOf(data).isEmpty(); looks++) {
                if (looks == 500) {
                    workersOf(data).forEach(pid -> Signals.send("KILL", pid));
                }
                Signals.pause(LOOK);
            }
            Files.deleteIfExists(data.resolve("postmaster.pid"));
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot recover " + data, failed);
        }
    }

    private static void stop(ProcessHandle postgres, boolean waitForClients) {
        if (waitForClients) {
            Signals.send("TERM", postgres.pid());
            if (Signals.ends(postgres, STOP_PATIENCE)) {
                return;
            }
        }
        Signals.send("INT", postgres.pid());
        if (!Signals.ends(postgres, STOP_PATIENCE)) {
            Signals.send("QUIT", postgres.pid());
            if (!Signals.ends(postgres, STOP_PATIENCE)) {
                postgres.destroyForcibly();
            }
        }
    }

    private static List<String> pidFile(Path data) throws IOException {
        try {
            return Files.readAllLines(data.resolve("postmaster.pid"));
        } catch (NoSuchFileException none) {
            return List.of();
        }
    }

    /** Processes whose working folder is the data: the server and its backends, and nobody else. */
    private static List<Long> workersOf(Path data) throws IOException {
        List<Long> found = new ArrayList<>();
        Path processes = Path.of("/proc");
        if (!Files.isDirectory(processes)) {
            return found;
        }
        try (DirectoryStream<Path> all = Files.newDirectoryStream(processes, "[0-9]*")) {
            for (Path one : all) {
                long pid = Long.parseLong(one.getFileName().toString());
                if (worksIn(pid, data)) {
                    found.add(pid);
                }
            }
        }
        return found;
    }

    private static boolean worksIn(long pid, Path data) throws IOException {
        if (Files.isDirectory(Path.of("/proc"))) {
            try {
                return Files.readSymbolicLink(Path.of("/proc", Long.toString(pid), "cwd"))
                        .equals(data.toRealPath());
            } catch (IOException goneOrForeign) {
                return false;
            }
        }
        return ProcessHandle.of(pid)
                .flatMap(process -> process.info().commandLine())
                .filter(line -> line.contains("postgres") && line.contains(data.toString()))
                .isPresent();
    }

    private static int keptPort(Path folder) throws IOException {
        Path file = folder.resolve("port");
        if (Files.exists(file)) {
            Optional<Integer> last =
                    freePort(Integer.parseInt(Files.readString(file).strip()));
            if (last.isPresent()) {
                return last.get();
            }
        }
        int port = FIRST_KEPT_PORT;
        while (freePort(port).isEmpty()) {
            port++;
        }
        Files.writeString(file, Integer.toString(port));
        return port;
    }

    private static Optional<Integer> freePort(int wanted) throws IOException {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getByName(HOST), wanted));
            return Optional.of(socket.getLocalPort());
        } catch (java.net.BindException taken) {
            return Optional.empty();
        }
    }

    private static byte[] random(int bytes) {
        byte[] random = new byte[bytes];
        new SecureRandom().nextBytes(random);
        return random;
    }

    private static String lastLine(Path log) {
        try {
            List<String> lines = Files.readAllLines(log);
            return lines.isEmpty() ? "no word in " + log : lines.get(lines.size() - 1);
        } catch (IOException unreadable) {
            return "see " + log;
        }
    }
}
