package dev.larder.bench;

import static dev.larder.bench.Figures.say;

import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.ToDoubleFunction;

/**
 * Jobs per second from the first to the last of a preloaded stock, Larder beside other queues on PostgreSQL: the
 * same server, a fresh database, 16 connections in all, one process, jobs that do nothing. Done is what the table
 * says.
 *
 * <p>The jobs are not the same. A job of the others is a row with a payload, which most of them delete at the end.
 * A job of Larder's is a step of a workspace: leasing it reads the workspace with its owner, template, version,
 * preset and parameters and moves the workspace's copy of the status; ending it keeps the job, stores encrypted
 * outputs in the workspace, settles what claims wait for it and marks the preset for the reconciler. That is twice
 * the rows written, in tables with 6 and 11 indexes. It has no payload: what it is given is read from those tables.
 * On the other side the others are generous hosts: graphile-worker has a process of its own on the shared
 * processors, and db-scheduler and JobRunr run in this one beside an idle Larder; whatever they need until their
 * first job is not counted, while Larder's first turn is.
 */
final class QueuePeers {

    private static final int FIRST_JOBS = 5_000;
    private static final int JOBS_MIN = 2_000;
    private static final int JOBS_MAX = 200_000;

    /**
     * How many jobs each works off: {@code -Dbench.jobs=}. Where it is 0, as many as the peer did before in
     * {@link Scene#length}.
     */
    private static final int JOBS = Integer.getInteger("bench.jobs", 0);

    private final Scene scene;
    private final Map<String, List<Cell>> cells = new LinkedHashMap<>();

    private QueuePeers(Scene scene) {
        this.scene = scene;
    }

    static void main() throws Exception {
        try (Scene scene = Scene.set("queue-peers", Shelf.INSTANCES_MAX)) {
            scene.base.reconcileElsewhere();
            new QueuePeers(scene).measure();
        }
    }

    /** What so many jobs took, and what they cost. */
    private record Cell(int jobs, double seconds, Meter meter, long commits, long tuples) {

        double rate() {
            return jobs / seconds;
        }

        /** So many that the next one takes that long. */
        int jobsIn(Duration length) {
            int thousands = (int) (rate() * length.toSeconds() / 1_000);
            return Math.clamp(thousands * 1_000L, JOBS_MIN, JOBS_MAX);
        }
    }

    private void measure() throws Exception {
        List<Peer> peers = peers();
        try {
            for (int round = -1; round < scene.rounds; round++) {
                for (Peer peer : peers) {
                    cells.computeIfAbsent(peer.name(), unseen -> new ArrayList<>())
                            .add(cell(peer));
                }
            }
        } finally {
            for (Peer peer : peers) {
                peer.close();
            }
        }
        // The first round, which warms up, is not counted.
        cells.values().forEach(List::removeFirst);
        report();
    }

    private List<Peer> peers() throws IOException {
        Pool pool = scene.base.pool(1);
        UUID worker = JobLoops.register(pool);
        pool.closeAndAwait();
        PeerBase base = new PeerBase(scene.base);
        String missing = PeerGraphile.install();
        List<Peer> peers = new ArrayList<>();
        peers.add(new PeerLarder(scene, worker, 100));
        if (missing.isEmpty()) {
            peers.add(PeerGraphile.batched(base));
        }
        peers.add(PeerDbScheduler.lockAndFetch(base));
        peers.add(new PeerLarder(scene, worker, 1));
        if (missing.isEmpty()) {
            peers.add(PeerGraphile.byDefault(base));
        }
        peers.add(PeerDbScheduler.byDefault(base));
        peers.add(new PeerJobRunr(base));
        if (!missing.isEmpty()) {
            say("");
            say("*** graphile-worker is LEFT OUT: %s. Its ratios are missing below.", missing);
            say("");
        }
        return peers;
    }

    private Cell cell(Peer peer) throws Exception {
        List<Cell> before = cells.getOrDefault(peer.name(), List.of());
        int jobs = JOBS > 0
                ? JOBS
                : before.isEmpty() ? FIRST_JOBS : before.getLast().jobsIn(scene.length);
        // Those of this benchmark itself, where it is Larder's database.
        int others = scene.base.connections(peer.database());
        peer.load(jobs);
        Row counted = counted(peer);
        Meter meter = Meter.read(scene.base, Optional.empty());
        long[] begun = {System.nanoTime()};
        peer.work(jobs, () -> begun[0] = System.nanoTime());
        double seconds = (System.nanoTime() - begun[0]) / 1e9;
        Meter spent = Meter.read(scene.base, Optional.empty()).since(meter);
        peer.rest();
        scene.base.awaitConnections(peer.database(), others);
        Row after = counted(peer);
        return new Cell(
                jobs,
                seconds,
                spent,
                after.getLong("commits") - counted.getLong("commits"),
                after.getLong("tuples") - counted.getLong("tuples"));
    }

    private Row counted(Peer peer) {
        return scene.base.rows("""
                        SELECT xact_commit AS commits, tup_inserted + tup_updated + tup_deleted AS tuples
                          FROM pg_stat_database WHERE datname = $1""", peer.database()).iterator().next();
    }

    private void report() {
        say(
                "%d interleaved rounds; %d connections each, preloaded jobs without work, payload %d characters; medians (least to"
                        + " greatest)",
                scene.rounds, Peer.CONNECTIONS, Peer.PAYLOAD_CHARACTERS);
        cells.forEach((name, all) -> {
            say("%s", name);
            say(
                    "  jobs/s     %s; %,d jobs in all",
                    Figures.spread("%,.0f", of(all, Cell::rate)), (long) sum(all, Cell::jobs));
            double jobs = sum(all, Cell::jobs);
            say(
                    "  per job    %.4f commits (%.4f that wrote), %,.0f bytes of WAL, %.2f rows written, %.3f ms of PostgreSQL's processor time",
                    sum(all, Cell::commits) / jobs,
                    sum(all, cell -> cell.meter().writingTransactions()) / jobs,
                    sum(all, cell -> cell.meter().walBytes()) / jobs,
                    sum(all, Cell::tuples) / jobs,
                    1_000 * sum(all, cell -> cell.meter().postgresSeconds()) / jobs);
        });
        say("Ratios, round by round");
        ratio("Larder, batch 100", "graphile-worker, batched", "wanted: 1.0");
        ratio("Larder, batch 100", "db-scheduler, lock-and-fetch", "wanted: 4");
        ratio("Larder, batch 100", "db-scheduler, defaults", "wanted: 4");
        ratio("Larder, batch 100", "JobRunr", "wanted: 10");
        ratio("Larder, batch 1", "graphile-worker, defaults", "nothing promised");
    }

    private void ratio(String own, String other, String wanted) {
        List<Cell> ours = cells.getOrDefault(own, List.of());
        List<Cell> theirs = cells.getOrDefault(other, List.of());
        if (theirs.isEmpty()) {
            say("  %-18s of %-29s LEFT OUT", own, other);
            return;
        }
        double[] ratios = new double[ours.size()];
        for (int round = 0; round < ratios.length; round++) {
            ratios[round] = ours.get(round).rate() / theirs.get(round).rate();
        }
        say("  %-18s of %-29s %s; %s", own, other, Figures.spread("%.2f", ratios), wanted);
    }

    private static double sum(List<Cell> all, ToDoubleFunction<Cell> of) {
        return all.stream().mapToDouble(of).sum();
    }

    private static double[] of(List<Cell> all, ToDoubleFunction<Cell> of) {
        return all.stream().mapToDouble(of).toArray();
    }
}
