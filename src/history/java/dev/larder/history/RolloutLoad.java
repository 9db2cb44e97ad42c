package dev.larder.history;

import dev.larder.history.History.Built;
import dev.larder.history.History.Reached;
import dev.larder.history.History.Sample;
import dev.larder.history.RecordingClient.Member;
import dev.larder.testing.ContextPropagation;
import dev.larder.testing.Signals;
import io.vertx.core.VertxOptions;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * Changes the versions of a template on two servers that are killed at random and build its workspaces, under claims,
 * and records all of it. What becomes ready, and which state a rollout comes to, is what one statement after the other
 * sees.
 */
public final class RolloutLoad implements Round {

    private static final String LINE = "one";
    private static final Duration BETWEEN_SAMPLES = Duration.ofMillis(20);
    private static final Duration BETWEEN_OPERATIONS = Duration.ofMillis(200);
    private static final Duration SETTLES_WITHIN = Duration.ofMinutes(2);
    private static final Duration LOOK = Duration.ofMillis(20);
    private static final int CLIENTS = 6;
    private static final int USERS = 2;
    private static final int KNOWN_PRESETS = 3;

    /** One name, and one workspace at a time: a batch would empty the pool each time. */
    private static final Set<OperationType> TYPES = EnumSet.complementOf(
            EnumSet.of(OperationType.CLAIM_BATCH, OperationType.CLAIM_ALTERNATIVES, OperationType.CLAIM_COLD));

    private static final Map<String, String> SETTINGS = Map.of(
            "LARDER_WORKER_ENABLED", "true",
            "LARDER_WORKER_SLOTS", "6",
            "LARDER_WORKER_HEARTBEAT", "1s",
            // A job that dies with its server again and again is no fault of its template.
            "LARDER_WORKER_MAX_ATTEMPTS", "50",
            "LARDER_RECONCILE_BACKOFF_INTERVAL", "100ms",
            "LARDER_BACKEND_EXEC_ENABLED", "true");

    static {
        ContextPropagation.prepare();
    }

    private final long seed;
    private final int changes;
    private final Path file;
    private final Recorder recorder;
    private final Cluster cluster;
    private final Board board = new Board();
    private final Vertx vertx = Vertx.vertx(new VertxOptions().setUseDaemonThread(true));
    private final Set<UUID> ready = new HashSet<>();
    private final Set<String> reached = new HashSet<>();
    private volatile List<UUID> presets = List.of();
    private volatile boolean over;
    private volatile boolean ended;
    private volatile boolean quiet;

    /**
     * What came of it.
     *
     * @param file the history, for {@link History#read}
     * @param kills of servers, each of which was replaced
     */
    public record Ran(Path file, int kills, Duration took) {}

    private RolloutLoad(long seed, int changes, Path folder) {
        this.seed = seed;
        this.changes = changes;
        this.file = folder.resolve("rollouts-" + seed + ".jsonl");
        this.recorder = new Recorder(file);
        Map<String, String> settings = new HashMap<>(SETTINGS);
        settings.put(
                "LARDER_BACKEND_EXEC_ROOT",
                folder.toAbsolutePath().resolve("exec-{slot}").toString());
        this.cluster = new Cluster(folder, 2, settings);
    }

    /**
     * Makes so many changes.
     *
     * @param seed of every choice that is made by chance; what the processes make of it differs from run to run
     * @param folder for the history, the database and the workspaces
     */
    public static Ran run(long seed, int changes, Path folder) throws Exception {
        RolloutLoad load = new RolloutLoad(seed, changes, folder);
        try (load.cluster;
                load.recorder) {
            return load.run();
        } finally {
            load.vertx.closeAndAwait();
        }
    }

    private Ran run() throws Exception {
        Pool pool = cluster.freshDatabase(vertx, 4);
        cluster.start();
        RolloutChanges changing = new RolloutChanges(pool, caller(random(-1)), random(-1));
        List<Member> members = join(changing);
        long begun = recorder.now();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            try {
                Future<?> sampling = threads.submit(() -> sample(pool));
                settle(changing);
                Future<?> killing = threads.submit(this::kill);
                List<SimulatedClient> clients = members.stream()
                        .map(member -> new SimulatedClient(this, member, random(member.client())))
                        .toList();
                List<Future<?>> calling =
                        clients.stream().<Future<?>>map(threads::submit).toList();
                for (int number = 1; number <= changes; number++) {
                    changing.change(number);
                    failed(Stream.concat(Stream.of(sampling, killing), calling.stream()));
                }
                over = true;
                await(List.of(killing));
                changing.awaitEnded();
                ended = true;
                await(calling);
                await(clients.stream()
                        .<Future<?>>map(client -> threads.submit(client::repeatSome))
                        .toList());
                settle(changing);
                quiet = true;
                recorder.write(new History.Served(recorder.now()));
                await(List.of(sampling));
            } finally {
                over = true;
                ended = true;
                quiet = true;
            }
            cluster.stop();
        }
        Duration took = Duration.ofNanos(recorder.now() - begun);
        changing.close();
        pool.closeAndAwait();
        recorder.write(new History.Kept(new FinalStateReader(cluster.pool(vertx, "larder", 1), recorder).read()));
        return new Ran(file, cluster.kills(), took);
    }

    private List<Member> join(RolloutChanges changing) throws IOException {
        try (HttpConnection line = HttpConnection.to(cluster.port(0))) {
            Members members = new Members(line);
            members.declare(Load.TEMPLATE, changing.first());
            return members.join(USERS, CLIENTS);
        }
    }

    private static void await(List<Future<?>> all) throws InterruptedException, ExecutionException {
        for (Future<?> one : all) {
            var done = one.get();
        }
    }

    /** Fails where one of these has. */
    private static void failed(Stream<Future<?>> all) throws InterruptedException, ExecutionException {
        await(all.filter(one -> one.state() == Future.State.FAILED).toList());
    }

    /** What does not come to rest in time is judged as it is. */
    private void settle(RolloutChanges changing) {
        long until = recorder.now() + SETTLES_WITHIN.toNanos();
        while (!changing.settled() && recorder.now() < until) {
            Signals.pause(LOOK);
        }
    }

    @Override
    public boolean goesOn() {
        return !ended;
    }

    @Override
    public Set<OperationType> types() {
        return TYPES;
    }

    @Override
    public void rest() {
        Signals.pause(BETWEEN_OPERATIONS);
    }

    @Override
    public RecordingClient caller(Random random) {
        return new RecordingClient(cluster, recorder, random);
    }

    /** The name, or the id of one of the newest versions' presets. */
    @Override
    public String anyPreset(Random random) {
        List<UUID> known = presets;
        return known.isEmpty() || random.nextInt(4) > 0
                ? LINE
                : known.get(random.nextInt(known.size())).toString();
    }

    @Override
    public String scarcePreset() {
        return LINE;
    }

    @Override
    public Board board() {
        return board;
    }

    private Random random(int stream) {
        return new Random(seed * 1_000_003 + stream);
    }

    private Void kill() throws InterruptedException {
        Random random = random(-2);
        while (!over) {
            Signals.pause(Duration.ofMillis(random.nextInt(300, 3_000)));
            cluster.replace(random.nextInt(cluster.size()));
        }
        return null;
    }

    // One statement sees one snapshot. Those that were invalidated at once are being replaced.
    private static final String LOOK_AT = """
            SELECT p.id AS active,
                   (SELECT count(*)::integer FROM workspaces w JOIN presets o ON o.id = w.preset_id
                     WHERE w.prebuild AND w.deleted_at IS NULL AND w.transition = 'start'
                       AND w.build_status IN ('pending', 'succeeded')
                       AND w.created_at >= coalesce(o.last_invalidated_at, '-infinity')) AS held,
                   ARRAY(SELECT w.id FROM workspaces w
                          WHERE w.prebuild AND w.deleted_at IS NULL AND w.transition = 'start'
                            AND w.build_status = 'succeeded' AND w.ready_at IS NOT NULL) AS ready,
                   ARRAY(SELECT r.id::text || r.state FROM rollouts r ORDER BY r.created_at DESC LIMIT 10) AS rollouts,
                   ARRAY(SELECT o.id FROM presets o ORDER BY o.id DESC LIMIT %d) AS presets
              FROM templates t JOIN presets p ON p.version_id = t.active_version_id""".formatted(KNOWN_PRESETS);

    private Void sample(Pool pool) {
        long before = 0;
        while (!quiet) {
            recorder.compareClocks();
            long sent = recorder.now();
            Row row = pool.preparedQuery(LOOK_AT).executeAndAwait().iterator().next();
            long received = recorder.now();
            recorder.write(new Sample(row.getUUID("active"), row.getInteger("held"), received));
            for (UUID workspace : row.getArrayOfUUIDs("ready")) {
                if (ready.add(workspace)) {
                    recorder.write(new Built(workspace, before, received));
                }
            }
            for (String rollout : row.getArrayOfStrings("rollouts")) {
                if (reached.add(rollout)) {
                    UUID id = UUID.fromString(rollout.substring(0, 36));
                    recorder.write(new Reached(id, rollout.substring(36), before, received));
                }
            }
            presets = List.of(row.getArrayOfUUIDs("presets"));
            before = sent;
            Signals.pause(BETWEEN_SAMPLES);
        }
        return null;
    }
}
