package dev.larder.cli;

import dev.larder.model.Backend;
import dev.larder.model.MisconfiguredException;
import dev.larder.worker.ListingSettings;
import dev.larder.worker.Worker;
import dev.larder.worker.WorkerSettings;
import dev.larder.worker.remote.Api;
import dev.larder.worker.remote.HttpJobSource;
import dev.larder.worker.terraform.ServerAddress;
import io.quarkus.arc.All;
import io.quarkus.arc.Unremovable;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import io.quarkus.runtime.configuration.MemorySize;
import io.vertx.mutiny.core.Vertx;
import jakarta.inject.Singleton;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A remote worker, as {@link WorkerOptions} describe. Runs until it is stopped. */
@Unremovable
@Singleton
class WorkerApplication implements QuarkusApplication {

    private static final Duration STOP_MARGIN = Duration.ofSeconds(10);

    private final Vertx vertx;
    private final InstantSource clock;
    private final WorkerSettings settings;
    private final ListingSettings inventory;
    private final List<Backend> backends;
    private final WorkerProcess process;
    private final ServerAddress stateServer;

    WorkerApplication(
            Vertx vertx,
            InstantSource clock,
            WorkerSettings settings,
            ListingSettings inventory,
            @All List<Backend> backends,
            WorkerProcess process,
            ServerAddress stateServer) {
        this.vertx = vertx;
        this.clock = clock;
        this.settings = settings;
        this.inventory = inventory;
        this.backends = backends;
        this.process = process;
        this.stateServer = stateServer;
    }

    @Override
    public int run(String... args) {
        Signals.install();
        refuseUnusable();
        WorkerOptions options = WorkerOptions.of(args);
        Given given = new Given(settings, options);
        HttpJobSource jobSource = new HttpJobSource(new Api(vertx, options.server, options.token()), clock);
        stateServer.remote(options.server);
        Worker worker = new Worker(jobSource, vertx, clock, given, inventory, backends);
        process.begin(
                worker,
                worker.toolsEndWithin().plus(given.drain().multipliedBy(2)).plus(STOP_MARGIN),
                WorkerApplication::refused);
        Quarkus.waitForExit();
        return 0;
    }

    private void refuseUnusable() {
        List<Backend> offered = backends.stream().filter(Backend::offered).toList();
        if (offered.isEmpty()) {
            throw new MisconfiguredException(
                    "nothing to work with: set LARDER_BACKEND_EXEC_ENABLED=true, or LARDER_BACKEND_POSTGRES_URL");
        }
        Backend.refuseUnusable(offered);
    }

    /** The server refused the worker and would refuse it again. */
    private static void refused(Throwable failure) {
        System.err.println("larder: not begun: " + failure.getMessage());
        Quarkus.asyncExit(1);
    }

    /** The options of the command override the configuration. */
    private record Given(WorkerSettings base, WorkerOptions options) implements WorkerSettings {

        @Override
        public boolean enabled() {
            return true;
        }

        @Override
        public Optional<String> name() {
            return Optional.ofNullable(options.name);
        }

        @Override
        public int slots() {
            return options.slots;
        }

        @Override
        public Optional<Integer> reserved() {
            return Optional.ofNullable(options.reserved);
        }

        @Override
        public Map<String, String> tags() {
            return options.tags;
        }

        @Override
        public Duration poll() {
            return base.poll();
        }

        @Override
        public Duration drain() {
            return base.drain();
        }

        @Override
        public Path filesRoot() {
            return base.filesRoot();
        }

        @Override
        public MemorySize filesMaxSize() {
            return base.filesMaxSize();
        }
    }
}
