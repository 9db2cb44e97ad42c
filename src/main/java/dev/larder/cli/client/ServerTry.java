package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.model.Durations;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Builds one workspace of a declaration on a server's worker. The declaration becomes a template of its own, without
 * stock, of which one workspace is claimed. The template and the workspace are removed at the end. The claim has a
 * lease, so that only the template is left where this process is killed.
 */
final class ServerTry implements LeaseKeeper.Listener {

    private static final Duration LEASE = Duration.ofMinutes(2);
    private static final Duration LOG_WITHIN = Duration.ofSeconds(10);

    private final Session session;
    private final Progress progress;
    private final Consumer<String> log;
    private final String template = "try-" + UUID.randomUUID().toString().substring(0, 8);
    private final Thread thread = Thread.currentThread();
    private final Duration timeout;
    private volatile String job = "";
    private boolean applied;
    private @Nullable Claiming claiming;
    private @Nullable LeaseKeeper keeper;
    private @Nullable Thread follower;

    /**
     * @param timeout for the build, with the time until a worker takes it
     * @param log takes each line of the build's log, on another thread
     */
    ServerTry(Session session, Progress progress, Duration timeout, Consumer<String> log) {
        this.timeout = timeout;
        this.session = session;
        this.progress = progress;
        this.log = log;
    }

    /**
     * Builds the workspace. {@link #remove} must be called after it, also if it fails.
     *
     * @return the outputs
     */
    JsonNode build(Declared declared, String preset, Map<String, String> parameters) {
        ObjectNode unstocked = new Uploads(session.api(), session.organization()).body(declared);
        for (JsonNode each : unstocked.path("presets")) {
            if (each instanceof ObjectNode object) {
                object.remove("prebuilds");
            }
        }
        applied = true;
        Answer unused = session.api().put(path(), unstocked);
        ObjectNode request = Json.object()
                .put("organization", session.organization())
                .put("template", template)
                .put("preset", preset)
                .put("policy", "cold")
                .put("ttl", LEASE.toString());
        if (!parameters.isEmpty()) {
            ObjectNode given = request.putObject("parameters");
            parameters.forEach(given::put);
        }
        Claiming begun = new Claiming(
                session.api(), request, UUID.randomUUID().toString(), progress, Waits.Deadline.in(timeout));
        claiming = begun;
        try {
            JsonNode outputs = begun.take(this::held).path("workspace").path("outputs");
            awaitLog();
            return outputs;
        } catch (Failure failure) {
            throw failure.exit() == ExitCode.TIMED_OUT ? late() : ended(failure);
        }
    }

    /** The log says why a build failed. */
    private Failure ended(Failure failure) {
        awaitLog();
        return failure;
    }

    /** With the reason why no worker takes the job, if there is one. */
    private Failure late() {
        JsonNode waiting = job.isEmpty()
                ? Json.object()
                : session.api().get(Paths.of("jobs", job)).body().path("waiting");
        String why = waiting.isObject() ? ": " + Json.text(waiting, "detail") : "";
        return Failure.of(ExitCode.TIMED_OUT, "the workspace is not built within " + Durations.written(timeout) + why);
    }

    private String path() {
        return Paths.of("organizations", session.organization(), "templates", template);
    }

    private void held(JsonNode claim, long sentAt) {
        ApiClient api = session.api();
        ClaimLease lease = new ClaimLease(api, Json.text(claim, "id"), LEASE);
        keeper = new LeaseKeeper(LeaseClock.granted(LEASE, sentAt), lease, this, System::nanoTime).start();
        job = JobOf.id(api, Json.text(claim.path("workspace"), "id"), OptionalInt.of(1));
        Thread following = new Thread(() -> follow(api), "larder-log");
        following.setDaemon(true);
        following.start();
        follower = following;
    }

    private void follow(ApiClient api) {
        String path = Paths.of("jobs", job, "logs", "events");
        try {
            new EventFollower(headers -> api.open(path, headers), log).follow(this::taken);
        } catch (Failure failure) {
            log.accept("the log cannot be followed: " + failure.sentence());
        }
    }

    private boolean taken(EventLines.Event event) {
        if (event.name().equals("end")) {
            return false;
        }
        try {
            log.accept(Json.text(Json.read(event.data()), "line"));
        } catch (IOException malformed) {
            log.accept(event.data());
        }
        return true;
    }

    private void awaitLog() {
        if (follower != null) {
            try {
                boolean unused = follower.join(LOG_WITHIN);
            } catch (InterruptedException ending) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void failing(String why) {
        session.output().notice("the lease cannot be renewed now: " + why);
    }

    @Override
    public void recovered() {
        session.output().notice("the lease is renewed again");
    }

    @Override
    public void lost(String why) {
        session.output().notice("the workspace is lost: " + why);
        thread.interrupt();
    }

    /** @return what is left and why; empty where the server removes all of it */
    Optional<String> remove() {
        if (keeper != null) {
            keeper.close();
        }
        Optional<String> held = claiming == null ? Optional.empty() : claiming.giveUp();
        if (!applied) {
            return held;
        }
        try {
            Answer unused = session.api().delete(path());
            return held;
        } catch (Failure failure) {
            return failure.exit() == ExitCode.NOT_FOUND
                    ? held
                    : Optional.of("template " + template + " is not removed: " + failure.sentence());
        }
    }
}
