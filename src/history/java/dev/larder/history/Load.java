package dev.larder.history;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.database.DatabaseFaults;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * Drives real servers through claims, repeats and releases while they are killed and their database crashes, and
 * records all of it. What the database holds is recorded after everything has ended.
 */
public final class Load implements Round {

    static final String TEMPLATE = "tiny";

    private static final Duration BETWEEN_SAMPLES = Duration.ofMillis(150);
    private static final Duration BETWEEN_INVALIDATIONS = Duration.ofSeconds(8);
    private static final Duration FIRST_KILL_AFTER = Duration.ofSeconds(2);
    private static final Duration READ = Duration.ofMillis(20);
    private static final Duration TTL = Duration.ofSeconds(60);
    private static final int SCARCE = 20;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final LoadPlan plan;
    private final Path file;
    private final Recorder recorder;
    private final Cluster cluster;

    static {
        ContextPropagation.prepare();
    }

    private final Vertx vertx = Vertx.vertx(new VertxOptions().setUseDaemonThread(true));
    private final Board board = new Board();
    private volatile long begun;
    private volatile boolean over;
    private volatile boolean quiet;

    /**
     * What came of it.
     *
     * @param file the history, for {@link History#read}
     * @param kills of servers, each of which was replaced
     * @param crashes of the database
     */
    public record Ran(Path file, int operations, int kills, int crashes, Duration took) {}

    private Load(LoadPlan plan) {
        this.plan = plan;
        this.file = plan.folder().resolve("history-" + plan.seed() + ".jsonl");
        this.recorder = new Recorder(file);
        this.cluster = new Cluster(plan.folder(), plan.servers());
    }

    public static Ran run(LoadPlan plan) throws Exception {
        Load load = new Load(plan);
        try (load.cluster;
                load.recorder) {
            return load.run();
        } finally {
            load.vertx.closeAndAwait();
        }
    }

    private Ran run() throws Exception {
        Pool pool = cluster.freshDatabase(vertx, 16);
        cluster.start();
        List<Member> members = declare();
        InstantWorker filler = new InstantWorker(pool, recorder);
        begun = recorder.now();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> filling = threads.submit(filler);
            Future<?> sampling = threads.submit(() -> sample(pool));
            Future<?> invalidating = threads.submit(() -> invalidate(presetIds(pool)));
            Future<?> killing = threads.submit(this::kill);
            List<SimulatedClient> clients = members.stream()
                    .map(member -> new SimulatedClient(this, member, random(member.client())))
                    .toList();
            join(clients.stream().<Future<?>>map(threads::submit).toList(), List.of(filling, sampling, killing));
            over = true;
            join(List.of(invalidating, killing), List.of());
            join(
                    clients.stream()
                            .<Future<?>>map(client -> threads.submit(client::repeatSome))
                            .toList(),
                    List.of());
            quiet = true;
            recorder.write(new History.Served(recorder.now()));
            cluster.stop();
            filler.stop();
            join(List.of(sampling, filling), List.of());
        }
        long ended = recorder.now();
        pool.closeAndAwait();
        recorder.write(new History.Kept(new FinalStateReader(cluster.pool(vertx, "larder", 1), recorder).read()));
        return new Ran(
                file, recorder.operations(), cluster.kills(), cluster.crashes(), Duration.ofNanos(ended - begun));
    }

    /** Waits for all of these; if one of the others ends meanwhile, it failed, and the rest is for nothing. */
    private void join(List<Future<?>> awaited, List<Future<?>> others) throws InterruptedException, ExecutionException {
        for (Future<?> one : awaited) {
            while (!one.isDone()) {
                for (Future<?> other : others) {
                    if (other.state() == Future.State.FAILED) {
                        over = true;
                        quiet = true;
                        var failure = other.get();
                    }
                }
                Signals.pause(READ);
            }
            var done = one.get();
        }
    }

    @Override
    public Set<OperationType> types() {
        return plan.types();
    }

    /** Clients call as fast as they are answered. */
    @Override
    public void rest() {}

    @Override
    public Board board() {
        return board;
    }

    /** On a fast machine too until what was to be killed has been killed, and on a slow one. */
    @Override
    public boolean goesOn() {
        boolean undisturbed = cluster.kills() == 0 || cluster.crashes() < plan.crashes();
        boolean done = recorder.operations() >= plan.operations()
                || elapsed() >= plan.atMost().toNanos();
        return !over && (undisturbed || !done) && elapsed() < plan.atMost().toNanos() * 4;
    }

    /** In nanoseconds, since everything was declared and served. */
    private long elapsed() {
        return recorder.now() - begun;
    }

    @Override
    public RecordingClient caller(Random random) {
        return new RecordingClient(cluster, recorder, random);
    }

    @Override
    public String anyPreset(Random random) {
        return preset(random.nextInt(plan.presets()));
    }

    @Override
    public String scarcePreset() {
        return preset(0);
    }

    private static String preset(int number) {
        return "p" + number;
    }

    private Random random(int stream) {
        return new Random(plan.seed() * 1_000_003 + stream);
    }

    private List<Member> declare() throws IOException {
        try (HttpConnection line = HttpConnection.to(cluster.port(0))) {
            Members members = new Members(line);
            members.declare(TEMPLATE, declaration());
            return members.join(plan.members(), plan.clients());
        }
    }

    private String declaration() throws JsonProcessingException {
        List<Map<String, Object>> presets = IntStream.range(0, plan.presets())
                .<Map<String, Object>>mapToObj(number -> Map.of("name", preset(number), "prebuilds", prebuilds(number)))
                .toList();
        return MAPPER.writeValueAsString(
                Map.of("backend", "exec", "files", Map.of("start.sh", "#!/bin/sh\n"), "presets", presets));
    }

    private Map<String, Object> prebuilds(int preset) {
        if (preset == 0) {
            return Map.of("instances", Math.max(2, plan.instances() / SCARCE));
        }
        return preset == plan.presets() - 1
                ? Map.of("instances", plan.instances(), "ttl", TTL.toString())
                : Map.of("instances", plan.instances());
    }

    private static List<UUID> presetIds(Pool pool) {
        List<UUID> ids = new ArrayList<>();
        pool.query("SELECT id FROM presets ORDER BY name").executeAndAwait().forEach(row -> ids.add(row.getUUID("id")));
        return ids;
    }

    // One statement sees one snapshot: what is counted here was all there at one instant. Expired ones are being
    // replaced.
    // The list of statuses is the index's own, so that it can be used.
    private static final String HELD = """
            SELECT p.id, (
                    SELECT count(*)::integer
                      FROM workspaces w
                     WHERE w.preset_id = p.id AND w.prebuild AND w.deleted_at IS NULL
                       AND w.build_status IN ('pending', 'canceling', 'succeeded')
                       AND w.transition = 'start' AND w.build_status <> 'canceling'
                       AND w.created_at >= coalesce(
                               greatest(p.last_invalidated_at, now() - make_interval(secs => p.ttl_seconds)), '-infinity')) AS held
              FROM presets p""";

    private void sample(Pool pool) {
        while (!quiet) {
            recorder.compareClocks();
            try {
                for (Row row : pool.preparedQuery(HELD).executeAndAwait()) {
                    recorder.write(new Sample(row.getUUID("id"), row.getInteger("held"), recorder.now()));
                }
            } catch (RuntimeException failed) {
                if (!DatabaseFaults.unavailable(failed)) {
                    throw failed;
                }
            }
            Signals.pause(BETWEEN_SAMPLES);
        }
    }

    private void invalidate(List<UUID> presets) {
        Random random = random(-1);
        Duration quarter = plan.atMost().dividedBy(4);
        Duration between = quarter.compareTo(BETWEEN_INVALIDATIONS) < 0 ? quarter : BETWEEN_INVALIDATIONS;
        try (RecordingClient caller = caller(random)) {
            while (goesOn()) {
                pause(between);
                caller.call(Members.OWNER, new Request.Invalidate(presets.get(random.nextInt(presets.size())), true));
            }
        }
    }

    /** One server after the other is killed and replaced; in between, the database crashes. */
    private Void kill() throws InterruptedException {
        pause(FIRST_KILL_AFTER);
        int crashes = 0;
        for (int turn = 0; goesOn(); turn++) {
            if (crashes < plan.crashes() && progress() > (crashes + 1.0) / (plan.crashes() + 1) / 2) {
                cluster.crashDatabase();
                crashes++;
            }
            cluster.replace(turn % plan.servers());
            pause(plan.killEvery());
        }
        return null;
    }

    /** From 0 to 1. */
    private double progress() {
        return Math.max(
                recorder.operations() / (double) plan.operations(),
                elapsed() / (double) plan.atMost().toNanos());
    }

    /** Shorter when the run ends. */
    private void pause(Duration time) {
        long until = recorder.now() + time.toNanos();
        while (goesOn() && recorder.now() < until) {
            Signals.pause(READ);
        }
    }
}
