package dev.larder.cli;

import dev.larder.provision.Backend;
import dev.larder.provision.InventorySettings;
import dev.larder.provision.Settings;
import dev.larder.provision.Worker;
import dev.larder.provision.remote.Api;
import dev.larder.provision.remote.HttpDesk;
import io.quarkus.arc.All;
import io.quarkus.runtime.Quarkus;
import io.vertx.mutiny.core.Vertx;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Works on a server's jobs from elsewhere: it needs the server's address and a worker's token, and no database. What it can
 * build is configured as in a server.
 */
@Command(
        name = "worker",
        description =
                "Works on a server's jobs. What it can build is configured as in a server: LARDER_BACKEND_EXEC_ENABLED=true.",
        mixinStandardHelpOptions = true)
public final class WorkerCommand implements Callable<Integer> {

    private static final Duration STOP_MARGIN = Duration.ofSeconds(10);

    private final Vertx vertx;
    private final InstantSource clock;
    private final Settings settings;
    private final InventorySettings inventory;
    private final List<Backend> backends;
    private final Shift shift;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(
            names = "--server",
            required = true,
            defaultValue = "${env:LARDER_SERVER}",
            description = "The server's address: https://larder.example.org. Also LARDER_SERVER.")
    @SuppressWarnings("NullAway.Init")
    private URI server;

    @Option(
            names = "--token-file",
            description = "Holds the token of a user whose role is worker; else LARDER_TOKEN does.")
    private @Nullable Path tokenFile;

    @Option(names = "--name", description = "For people; the host's name otherwise.")
    private @Nullable String name;

    @Option(names = "--slots", description = "How many jobs at once; ${DEFAULT-VALUE} otherwise.", defaultValue = "2")
    private int slots;

    @Option(
            names = "--reserved",
            description = "How many of the slots prebuild jobs never take. Without it: half of them are kept from"
                    + " prebuild jobs that may take more than an hour, and none from the others.")
    private @Nullable Integer reserved;

    @Option(
            names = "--tag",
            description = "key=value, again and again: it takes the jobs whose tags are all among these.")
    private Map<String, String> tags = new LinkedHashMap<>();

    WorkerCommand(
            Vertx vertx,
            InstantSource clock,
            Settings settings,
            InventorySettings inventory,
            @All List<Backend> backends,
            Shift shift) {
        this.vertx = vertx;
        this.clock = clock;
        this.settings = settings;
        this.inventory = inventory;
        this.backends = backends;
        this.shift = shift;
    }

    @Override
    public Integer call() throws IOException {
        if (backends.stream().noneMatch(Backend::offered)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "Nothing to work with: LARDER_BACKEND_EXEC_ENABLED=true, or LARDER_BACKEND_POSTGRES_URL.");
        }
        Given given =
                new Given(settings, Optional.ofNullable(name), slots, Optional.ofNullable(reserved), Map.copyOf(tags));
        HttpDesk desk = new HttpDesk(new Api(vertx, server, token()), clock);
        try {
            shift.begin(
                            new Worker(desk, vertx, clock, given, inventory, backends),
                            given.drain().multipliedBy(2).plus(STOP_MARGIN))
                    .onFailure(failure -> !refused(failure))
                    .retry()
                    .withBackOff(Duration.ofMillis(250), Duration.ofSeconds(5))
                    .indefinitely()
                    .await()
                    .indefinitely();
        } catch (IllegalArgumentException | Api.UnexpectedException refused) {
            spec.commandLine().getErr().println("Not begun: " + refused.getMessage());
            return 1;
        }
        Quarkus.waitForExit();
        return 0;
    }

    /** What the caller did wrong will be wrong again. */
    private static boolean refused(Throwable failure) {
        return failure instanceof IllegalArgumentException
                || (failure instanceof Api.UnexpectedException answer && answer.isCallers());
    }

    private String token() throws IOException {
        String token = tokenFile == null ? System.getenv("LARDER_TOKEN") : Files.readString(tokenFile);
        if (token == null || token.isBlank()) {
            throw new ParameterException(spec.commandLine(), "Missing: --token-file=<file>, or LARDER_TOKEN.");
        }
        return token.strip();
    }

    /** The command's own options over what is configured. */
    private record Given(
            Settings base, Optional<String> name, int slots, Optional<Integer> reserved, Map<String, String> tags)
            implements Settings {

        @Override
        public boolean enabled() {
            return true;
        }

        @Override
        public Duration poll() {
            return base.poll();
        }

        @Override
        public Duration heartbeat() {
            return base.heartbeat();
        }

        @Override
        public Duration drain() {
            return base.drain();
        }

        @Override
        public int maxAttempts() {
            return base.maxAttempts();
        }

        @Override
        public Duration overrun() {
            return base.overrun();
        }

        @Override
        public Duration logRetention() {
            return base.logRetention();
        }

        @Override
        public Duration patience() {
            return base.patience();
        }
    }
}
