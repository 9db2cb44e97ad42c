package dev.larder.history.states;

import dev.larder.database.DatabaseFaults;
import dev.larder.database.Encryption;
import dev.larder.history.states.Act.Kind;
import dev.larder.history.states.StateCaller.Ask;
import dev.larder.history.states.StateCaller.Told;
import dev.larder.jobs.JobStore;
import dev.larder.jobs.JobStore.Taken;
import dev.larder.jobs.WorkerStore;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.lifecycle.RequeueStore;
import dev.larder.model.Assignment;
import dev.larder.model.Ids;
import dev.larder.model.JobOutcome;
import dev.larder.model.StateAccess;
import dev.larder.model.ToolEnd;
import dev.larder.model.Transition;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.Server;
import dev.larder.testing.Signals;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.function.BooleanSupplier;

/**
 * A worker of backend terraform without a tool: it uploads over HTTP with the job's token, as the tool does. Now and
 * then it dies in the middle of a job and another one begins; the dead one's tool may upload once more.
 */
final class StateWorker implements Runnable {

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration IDLE = Duration.ofMillis(20);
    private static final Duration SILENCE = Duration.ofSeconds(4);

    private final JobStore jobs;
    private final EndBuildStore ends;
    private final RequeueStore requeues;
    private final WorkerStore workers;
    private final InstantSource clock = InstantSource.system();
    private final String name;
    private final Bodies bodies;
    private final Random random;
    private final StateCaller caller;
    private final BooleanSupplier goesOn;
    private int lives;

    StateWorker(String name, Pool pool, Bodies bodies, Random random, StateCaller caller, BooleanSupplier goesOn) {
        Encryption encryption = new Encryption(Server.ENCRYPTION_KEY);
        this.ends = new EndBuildStore(pool, encryption, new Ids(clock));
        this.jobs = new JobStore(pool, encryption, ends);
        this.requeues = new RequeueStore(pool);
        this.workers = new WorkerStore(pool, new Ids(clock));
        this.name = name;
        this.bodies = bodies;
        this.random = random;
        this.caller = caller;
        this.goesOn = goesOn;
    }

    @Override
    public void run() {
        while (goesOn.getAsBoolean()) {
            try {
                live();
            } catch (RuntimeException failed) {
                if (!DatabaseFaults.unavailable(failed)) {
                    throw failed;
                }
                Signals.pause(IDLE);
            }
        }
    }

    private static <T> T await(Uni<T> uni) {
        return uni.await().atMost(PATIENCE);
    }

    private void live() {
        UUID worker = await(workers.register(
                new WorkerEntry(name + "-" + lives++, Map.of(), List.of("terraform"), 1), clock.instant()));
        boolean alive = true;
        while (alive && goesOn.getAsBoolean()) {
            var pulse = await(workers.heartbeat(worker, clock.instant()));
            List<Taken> taken = await(jobs.take(worker, 1, clock.instant())).jobs();
            if (taken.isEmpty()) {
                Signals.pause(IDLE);
            }
            for (Taken one : taken) {
                alive = work(one.assignment());
            }
        }
    }

    /** False where it died over the job. */
    private boolean work(Assignment job) {
        StateAccess access = job.target().state().orElseThrow();
        boolean deletes = job.transition() == Transition.DELETE;
        int fate = random.nextInt(100);
        if (fate < 3) {
            return false;
        }
        long serial = serial(job, access);
        int writes = fate < 6 ? 0 : 1 + random.nextInt(2);
        for (int i = 0; i < writes; i++) {
            write(job, access, bodies.next(access.state(), ++serial, deletes && fate > 8 ? 0 : 1));
        }
        if (fate >= 96) {
            dieAndWriteOnce(job, access, serial);
            return false;
        }
        end(job, fate, writes);
        if (fate > 90) {
            write(job, access, bodies.next(access.state(), serial + 1, 1));
        }
        return true;
    }

    private void end(Assignment job, int fate, int writes) {
        if (fate >= 92) {
            var handed = await(requeues.requeue(job.lease(), clock.instant()));
            return;
        }
        JobOutcome outcome = switch (fate) {
            case 3, 4 -> new JobOutcome.Failed("init_failed", "It failed.", ToolEnd.NOT_STARTED);
            case 9, 10 -> new JobOutcome.Failed("apply_failed", "It failed.", ToolEnd.EXITED);
            case 11 -> new JobOutcome.Failed("apply_failed", "It failed.", ToolEnd.UNKNOWN);
            default -> new JobOutcome.Succeeded(Map.of("writes", String.valueOf(writes)));
        };
        var done = await(ends.complete(job.lease(), outcome, clock.instant()));
    }

    /** Its tool goes on without it, and uploads after the job was taken back. */
    private void dieAndWriteOnce(Assignment job, StateAccess access, long serial) {
        if (random.nextBoolean()) {
            Signals.pause(SILENCE);
            write(job, access, bodies.next(access.state(), serial + 1, 1));
        }
    }

    private Told tool(Kind kind, Assignment job, StateAccess access, String method, String body) {
        byte[] pair = (access.mutation() + ":" + access.token()).getBytes(StandardCharsets.UTF_8);
        Map<String, String> headers = Map.of(
                "Authorization",
                "Basic " + Base64.getEncoder().encodeToString(pair),
                "Content-Type",
                "application/json");
        String path = "/tf/v1/workspaces/" + job.workspaceId() + "/state";
        return caller.call(new Ask(kind, access.state(), access.mutation().toString(), method, path, headers, body));
    }

    private long serial(Assignment job, StateAccess access) {
        Told read = StateCaller.insist(() -> tool(Kind.READ, job, access, "GET", ""));
        return read.status() == 200 ? read.json().path("serial").asLong() : 0;
    }

    private void write(Assignment job, StateAccess access, String body) {
        Told written = StateCaller.insist(() -> tool(Kind.WRITE, job, access, "POST", body));
        if (written.status() == 404) {
            throw new IllegalStateException("a write is not found: " + written);
        }
    }
}
