package dev.larder.bench;

import static dev.larder.bench.Figures.say;

import dev.larder.claim.ClaimStatement;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.UUID;

/** What every measurement of claims stands on: a durable database, one preset with a stock, and pgbench beside it. */
final class Scene implements AutoCloseable {

    private static final int SYNCS = 200;
    private static final int WARM_UP_STOCK = 30_000;
    private static final Duration WARM_UP_SLICE = Duration.ofSeconds(5);
    private static final int WARM_UP_SLICES_MAX = 10;
    private static final int WARM_UP_ANSWERS = 25_000;

    /** How often everything is repeated: {@code -Dbench.rounds=}. */
    final int rounds = Integer.getInteger("bench.rounds", 5);

    /** How long one of them lasts: {@code -Dbench.seconds=}. */
    final Duration length = Duration.ofSeconds(Integer.getInteger("bench.seconds", 6));

    final Base base;
    final Shelf shelf;
    final UUID preset;
    private final UUID warm;
    final Pgbench pgbench;

    private Scene(Base base, int instances) {
        this.base = base;
        this.shelf = new Shelf(base);
        this.preset = shelf.preset("hot", instances);
        this.warm = shelf.preset("warm", instances);
        this.pgbench = new Pgbench(base, ClaimStatement.variables(preset, shelf.member(), shelf.organization()));
    }

    /** @param instances that the preset declares */
    static Scene set(String name, int instances) throws IOException {
        Scene scene = new Scene(Base.start(name), instances);
        scene.introduce(name);
        return scene;
    }

    /** A figure means nothing without the machine under it. */
    private void introduce(String name) throws IOException {
        var settings = base.row("""
                SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
                       current_setting('synchronous_commit') AS synchronous_commit,
                       current_setting('shared_buffers') AS shared_buffers""");
        say(
                "%s: %d cores (%s), load %.2f, JDK %s, server with %s",
                name,
                Runtime.getRuntime().availableProcessors(),
                processor(),
                ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
                Runtime.version(),
                String.join(" ", LarderServer.JVM));
        say(
                "PostgreSQL %s, fsync %s, synchronous_commit %s, shared_buffers %s; fdatasync of 8 kB: median %.2f ms",
                settings.getString("version"),
                settings.getString("fsync"),
                settings.getString("synchronous_commit"),
                settings.getString("shared_buffers"),
                syncMillis());
        say("Load generator, Larder and PostgreSQL share these cores: only figures of one run are to be compared.");
    }

    private static String processor() throws IOException {
        Path info = Path.of("/proc/cpuinfo");
        if (!Files.isReadable(info)) {
            return System.getProperty("os.arch");
        }
        return Files.readAllLines(info).stream()
                .filter(line -> line.startsWith("model name"))
                .map(line -> line.replaceFirst(".*: ", ""))
                .findFirst()
                .orElse(System.getProperty("os.arch"));
    }

    /** What the disk below takes to make a page durable: the floor under every commit. */
    private double syncMillis() throws IOException {
        Path file = base.server().folder().resolve("sync-probe");
        double[] millis = new double[SYNCS];
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            for (int i = 0; i < SYNCS; i++) {
                long begun = System.nanoTime();
                int written = channel.write(ByteBuffer.allocate(8192), 0);
                channel.force(false);
                millis[i] = written / 8192.0 * (System.nanoTime() - begun) / 1e6;
            }
        }
        Files.delete(file);
        return Figures.median(millis);
    }

    private static String body(UUID of) {
        return "{\"presetId\":\"" + of + "\"}";
    }

    String body() {
        return body(preset);
    }

    HttpLoad load(LarderServer server, int connections) throws IOException {
        return new HttpLoad(server, shelf.token(), body(), connections);
    }

    /** What is called F with 8 clients. */
    String floorName(int clients) {
        return "the claim's statement by " + (Pgbench.version().isEmpty() ? NO_PGBENCH : Pgbench.version()) + ", "
                + clients + (clients == 1 ? " client" : " clients");
    }

    private static final String NO_PGBENCH = "Larder's own database client (there is no pgbench on the path)";

    /**
     * Runs the same statement without Larder, pgbench's clients looking from their own last claim, as a server does
     * from that of all its callers. Fails where it ran out of stock: a claim that finds nothing is quick.
     */
    Pgbench.Outcome floor(int clients) {
        long before = shelf.claims();
        Pgbench.Outcome outcome = Pgbench.version().isEmpty()
                ? new RawSql(
                                base,
                                () -> ClaimStatement.values(
                                        preset,
                                        shelf.member(),
                                        shelf.organization(),
                                        shelf.ids().next()))
                        .run(clients, length)
                : pgbench.run(ClaimStatement.asPgbenchScriptFromTheLast(), clients, length, true);
        claimedAll(outcome, before);
        return outcome;
    }

    /** Fails unless every transaction since was a claim. */
    void claimedAll(Pgbench.Outcome outcome, long before) {
        long claimed = shelf.claims() - before;
        if (claimed != outcome.transactions()) {
            throw new IllegalStateException("out of stock: " + claimed + " claims by " + outcome.transactions());
        }
    }

    /** Until the server's code is compiled: claims on a preset of their own, misses once that is empty. */
    void warmUp(LarderServer server, int connections) throws IOException {
        shelf.refill(warm, WARM_UP_STOCK);
        try (HttpLoad load = new HttpLoad(server, shelf.token(), body(warm), connections)) {
            int answered = 0;
            for (int slice = 0; slice < WARM_UP_SLICES_MAX && answered < WARM_UP_ANSWERS; slice++) {
                answered += load.run(WARM_UP_SLICE).nanos().length;
            }
        }
    }

    /** One connection that claims from that preset. */
    HttpLoad load(LarderServer server, UUID from) throws IOException {
        return new HttpLoad(server, shelf.token(), body(from), 1);
    }

    @Override
    public void close() throws IOException {
        shelf.close();
        base.close();
    }
}
