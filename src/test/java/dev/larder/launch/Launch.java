package dev.larder.launch;

import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.Signals;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * {@code ./mvnw -q -Prun}: Larder, ready to be claimed from, with nothing installed. Ctrl-C or SIGTERM stops the
 * application first and then its database; after a kill -9 of any part the next start recovers.
 *
 * <p>A configured datasource URL ({@code QUARKUS_DATASOURCE_REACTIVE_URL} or {@code LARDER_DATASOURCE_URL})
 * switches the embedded PostgreSQL and the demo catalog off.
 */
public final class Launch {

    private static final Duration LOOK = Duration.ofMillis(200);
    private static final Duration READY_WITHIN = Duration.ofMinutes(2);
    private static final String DEMO_APPLIED = "demo-applied";
    private static final String TOKEN = "owner-token";
    /** Another database has another owner: its token must not take the place of the first one. */
    private static final String EXTERNAL_TOKEN = "external-owner-token";

    private final Given given;
    private final Home home;
    private final Address address;
    private @Nullable KeptDatabase database;
    private @Nullable Application application;
    private boolean knownBefore;
    private volatile boolean stopping;
    private volatile @Nullable CannotStart lost;

    private Launch(Given given) {
        this.given = given;
        this.home = given.home();
        this.address = Address.of(given);
    }

    public static void main(String[] arguments) {
        int exit;
        try {
            exit = new Launch(Given.here()).run();
        } catch (CannotStart reason) {
            System.err.println("larder: " + reason.getMessage());
            exit = 1;
        } catch (IllegalStateException | UncheckedIOException | IOException failed) {
            System.err.println("larder: " + oneLine(failed));
            exit = 1;
        }
        System.exit(exit);
    }

    private int run() throws IOException {
        home.own();
        Runtime.getRuntime().addShutdownHook(new Thread(this::stop, "stop-larder"));
        if (Application.endLeftBehind(home)) {
            System.out.println("Ended an application that an earlier start left running.");
        }
        address.refuseTaken();
        Map<String, String> environment = new HashMap<>(Map.of(
                "QUARKUS_HTTP_HOST",
                address.host(),
                "QUARKUS_HTTP_PORT",
                Integer.toString(address.port()),
                "QUARKUS_LOG_CONSOLE_LEVEL",
                given.first("QUARKUS_LOG_CONSOLE_LEVEL").orElse("WARN"),
                "QUARKUS_LOG_FILE_ENABLED",
                "true",
                "QUARKUS_LOG_FILE_ENABLE",
                "true",
                "QUARKUS_LOG_FILE_JSON_ENABLED",
                "false",
                "QUARKUS_LOG_FILE_PATH",
                home.file("larder.log").toString(),
                "LARDER_BOOTSTRAP_TOKEN_FILE",
                home.file(TOKEN).toString()));
        environment.put(
                "LARDER_ENCRYPTION_KEY",
                given.first("LARDER_ENCRYPTION_KEY")
                        .orElseGet(() -> home.secret("encryption-key", Base64.getEncoder()::encodeToString)));
        Optional<String> datasource = given.first("QUARKUS_DATASOURCE_REACTIVE_URL", "LARDER_DATASOURCE_URL");
        knownBefore = home.has(datasource.isPresent() ? EXTERNAL_TOKEN : TOKEN);
        if (datasource.isPresent()) {
            environment.put(
                    "LARDER_BOOTSTRAP_TOKEN_FILE", home.file(EXTERNAL_TOKEN).toString());
            environment.put("QUARKUS_DATASOURCE_REACTIVE_URL", datasource.get());
        } else {
            startDatabase(environment);
        }
        // Nobody balances between this and another server.
        environment.put("LARDER_STOP_DELAY", given.first("LARDER_STOP_DELAY").orElse("0s"));
        // The demo has scripts too; they run as whoever runs this command.
        environment.putIfAbsent("LARDER_BACKEND_EXEC_ENABLED", "true");
        environment.putIfAbsent("LARDER_BACKEND_EXEC_ROOT", home.file("exec").toString());
        if (hasTool()) {
            environment.putIfAbsent("LARDER_BACKEND_TERRAFORM_ENABLED", "true");
            environment.putIfAbsent(
                    "LARDER_BACKEND_TERRAFORM_ROOT", home.file("terraform").toString());
        }
        startApplication(environment);
        Application running = application;
        if (running == null) {
            return 0;
        }
        KeptDatabase kept = database;
        if (kept != null) {
            Thread watching = new Thread(() -> watch(kept, running), "larder-postgres");
            watching.setDaemon(true);
            watching.start();
        }
        if (becomesReady(running)) {
            welcome(running, datasource.isEmpty());
        }
        int exit = running.ended();
        if (stopping) {
            return 0;
        }
        CannotStart why = lost;
        if (why != null) {
            throw why;
        }
        throw new CannotStart("the application ended by itself with " + exit + "; see " + shown("larder.log"));
    }

    /** The tool that runs Terraform modules, looked for as the application does. */
    private boolean hasTool() {
        return Arrays.stream(given.first("PATH").orElse("").split(":"))
                .flatMap(folder -> Stream.of("terraform", "tofu").map(name -> Path.of(folder, name)))
                .anyMatch(Files::isExecutable);
    }

    private synchronized void startDatabase(Map<String, String> environment) {
        if (stopping) {
            return;
        }
        // Larder is not its database server's superuser; only the backend that makes databases is.
        String password = home.secret("database-password", HexFormat.of()::formatHex);
        KeptDatabase kept = KeptDatabase.withLarder(home.file("postgres"), password);
        database = kept;
        EmbeddedPostgres started = kept.server();
        environment.put("QUARKUS_DATASOURCE_REACTIVE_URL", started.url("larder"));
        environment.put("QUARKUS_DATASOURCE_USERNAME", "larder");
        environment.put("QUARKUS_DATASOURCE_PASSWORD", password);
        environment.put("LARDER_BACKEND_POSTGRES_URL", started.url("postgres"));
        environment.put("LARDER_BACKEND_POSTGRES_USERNAME", started.user());
        environment.put("LARDER_BACKEND_POSTGRES_PASSWORD", started.password());
    }

    /** Looks after the database for as long as the application runs. */
    private void watch(KeptDatabase kept, Application running) {
        while (running.isAlive() && !stopping) {
            try {
                if (kept.heal()) {
                    System.out.println("PostgreSQL had ended by itself and was started again.");
                }
            } catch (CannotStart beyondHelp) {
                lost = beyondHelp;
                running.stop();
            } catch (IllegalStateException | UncheckedIOException failed) {
                lost = new CannotStart("PostgreSQL ended by itself and does not start again: " + oneLine(failed));
                running.stop();
            }
            Signals.pause(LOOK);
        }
    }

    private synchronized void startApplication(Map<String, String> environment) {
        Path built = given.checkout().resolve("target/quarkus-app");
        if (!Files.exists(built.resolve("quarkus-run.jar"))) {
            throw new CannotStart("nothing is built in " + built + "; start with: ./mvnw -q -Prun");
        }
        if (!stopping) {
            // A copy, so that the next build does not change the classes under the running application.
            application = Application.start(home, home.copy(built, "application"), logging(), environment);
        }
    }

    private List<String> logging() {
        return List.of(
                "-Dquarkus.log.file.enabled=true",
                "-Dquarkus.log.file.path=" + home.file("larder.log"),
                "-Dquarkus.log.file.json.enabled=false",
                // It warns of a deprecated name that is not used here.
                "-Dquarkus.log.category.\"io.quarkus.config\".level=ERROR",
                "-Dquarkus.log.file.format=%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5p %c{2.} %s%e%n");
    }

    /** The shutdown hook: waits for a step of the start that is under way, then takes everything down in order. */
    private void stop() {
        stopping = true;
        synchronized (this) {
            Application running = application;
            KeptDatabase server = database;
            if (running != null) {
                running.stop();
            }
            if (server != null) {
                server.close();
            }
            if (running != null || server != null) {
                System.out.println("Larder has stopped.");
            }
        }
    }

    private boolean becomesReady(Application running) {
        Api api = new Api(address.url(), "");
        for (long looks = READY_WITHIN.dividedBy(LOOK); looks > 0 && running.isAlive() && !stopping; looks--) {
            if (api.isReady()) {
                return true;
            }
            Signals.pause(LOOK);
        }
        if (running.isAlive() && !stopping) {
            throw new CannotStart("the application is not ready after " + READY_WITHIN.toMinutes() + " minutes; see "
                    + shown("larder.log"));
        }
        return false;
    }

    /** Failing here is said and no more: Larder itself is up. */
    private void welcome(Application running, boolean embedded) {
        System.out.println("Larder runs on " + address.url() + "  (log: " + shown("larder.log") + ", Ctrl-C stops it)");
        String tokenFile = embedded ? TOKEN : EXTERNAL_TOKEN;
        for (int looks = 0; looks < 25 && !home.has(tokenFile); looks++) {
            // A first start may be ready a moment before it has handed its token over.
            Signals.pause(LOOK);
        }
        if (!home.has(tokenFile)) {
            System.out.println("There are users already and no token in " + shown(tokenFile) + ": use one of yours.");
            return;
        }
        String token = home.read(tokenFile);
        // Shown once: later starts only say where it is.
        System.out.println("Owner token: " + (knownBefore ? "" : token + "  ") + "(kept in " + shown(tokenFile) + ")");
        if (!embedded) {
            return;
        }
        try {
            Demo demo = new Demo(new Api(address.url(), token));
            if (!home.has(DEMO_APPLIED)) {
                demo.apply(given.checkout().resolve("src/docs/examples"), hasTool());
                home.write(DEMO_APPLIED, "");
            }
            boolean told = false;
            while (!demo.showPools()) {
                told = told || tellClaim(demo);
                if (!running.isAlive() || stopping) {
                    return;
                }
                Signals.pause(LOOK);
            }
            if (!told) {
                told = tellClaim(demo);
            }
            System.out.println("All pools are full.");
        } catch (IOException refused) {
            if (!stopping) {
                System.err.println("larder: the demo catalog is not complete: " + oneLine(refused));
            }
        }
    }

    /** As soon as there is something to claim, whatever the other pools do. */
    private boolean tellClaim(Demo demo) {
        if (demo.ready("orders-database/small") == 0) {
            return false;
        }
        System.out.println("Claim a database, ready to connect to:");
        System.out.println(claim());
        return true;
    }

    private String claim() {
        return """
                  curl -s -X POST %s/api/v1/claims -H "Authorization: Bearer $(cat %s)" -H 'Content-Type: application/json' -d '{"organization":"demo","template":"orders-database","preset":"small"}'""".formatted(address.url(), shown(TOKEN));
    }

    /** The file as the person who started it can type it. */
    private String shown(String name) {
        Path file = home.file(name);
        Path here = Path.of("").toAbsolutePath();
        return (file.startsWith(here) ? here.relativize(file) : file).toString();
    }

    private static String oneLine(Throwable failed) {
        Throwable cause = failed.getCause();
        return failed.getMessage() + (cause == null || cause.getMessage() == null ? "" : ": " + cause.getMessage());
    }
}
