package dev.larder.launch;

import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.Signals;
import dev.larder.testing.Unprivileged;
import io.vertx.core.VertxOptions;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.pgclient.PgConnectOptions;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs the main command as a reader of the README would, on a free port and a folder of its own: pools fill, a claim is
 * answered with a database that can be queried, Ctrl-C leaves nothing running, and a second start still has the data.
 */
public final class Smoke {

    private static final Duration LOOK = Duration.ofMillis(200);

    private Smoke() {}

    public static void main(String[] arguments) throws Exception {
        Path checkout =
                Path.of(System.getProperty("larder.launch.checkout", ".")).toAbsolutePath();
        Path home = checkout.resolve("target/smoke");
        EmbeddedPostgres.recover(home.resolve("postgres"));
        Home.deleteFolder(home);
        Files.createDirectories(home);
        int port = freePort();

        Run first = new Run(checkout, home, port, "first");
        try {
            first.says("All pools are full", Duration.ofMinutes(5));
            claimAndQuery(home, port);
        } finally {
            first.interrupt();
        }
        first.leavesNothing();

        Run second = new Run(checkout, home, port, "second");
        try {
            second.says("All pools are full", Duration.ofMinutes(5));
            claimAndQuery(home, port);
        } finally {
            second.interrupt();
        }
        second.leavesNothing();
        System.out.println("smoke: passed");
    }

    private static void claimAndQuery(Path home, int port) throws IOException {
        Api api = new Api(
                "http://127.0.0.1:" + port,
                Files.readString(home.resolve("owner-token")).strip());
        Api.Answer claim = api.post(
                "/api/v1/claims", "{\"organization\":\"demo\",\"template\":\"orders-database\",\"preset\":\"small\"}");
        String url = claim.body().at("/workspace/outputs/url").asText();
        if (claim.status() >= 300 || url.isEmpty()) {
            throw new IllegalStateException("the claim was answered with " + claim.status() + ": " + claim.body());
        }
        Vertx vertx = Vertx.vertx(new VertxOptions().setUseDaemonThread(true));
        PgConnection connection = PgConnection.connectAndAwait(vertx, PgConnectOptions.fromUri(url));
        int orders = connection
                .query("SELECT count(*)::int FROM orders")
                .executeAndAwait()
                .iterator()
                .next()
                .getInteger(0);
        connection.closeAndAwait();
        vertx.closeAndAwait();
        if (orders != 5000) {
            throw new IllegalStateException("the claimed database holds " + orders + " orders");
        }
        System.out.println(
                "smoke: claimed " + claim.body().at("/workspace/name").asText() + " and found " + orders
                        + " orders in it (path " + claim.body().path("path").asText() + ")");
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    /** The main command in a process group of its own, as a terminal would start it. */
    private static final class Run {

        private final Path home;
        private final Path output;
        private final Process process;

        Run(Path checkout, Path home, int port, String name) throws IOException {
            this.home = home;
            this.output = home.resolve(name + ".out");
            List<String> command = new ArrayList<>();
            if (Unprivileged.onPath("setsid")) {
                command.add("setsid");
            }
            command.addAll(List.of(checkout.resolve("mvnw").toString(), "-B", "-q", "-Prun"));
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(checkout.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile());
            builder.environment().put("LARDER_PORT", Integer.toString(port));
            builder.environment().put("LARDER_HOME", home.toString());
            this.process = builder.start();
        }

        void says(String words, Duration within) throws IOException {
            for (long looks = within.dividedBy(LOOK); looks > 0; looks--) {
                if (Files.readString(output).contains(words)) {
                    System.out.println(Files.readString(output).replaceAll("(?m)^Owner token: .*", "Owner token: ..."));
                    return;
                }
                if (!process.isAlive()) {
                    break;
                }
                Signals.pause(LOOK);
            }
            throw new IllegalStateException(
                    "the main command did not say '" + words + "':\n" + Files.readString(output));
        }

        /** What Ctrl-C does: the signal goes to every process of the group. */
        void interrupt() throws IOException {
            Signals.send("INT", Unprivileged.onPath("setsid") ? -process.pid() : process.pid());
            if (!Signals.ends(process.toHandle(), Duration.ofMinutes(1))) {
                throw new IllegalStateException("Ctrl-C did not end it:\n" + Files.readString(output));
            }
        }

        void leavesNothing() throws IOException {
            List<String> left = ProcessHandle.allProcesses()
                    .flatMap(other -> other.info().commandLine().stream())
                    .filter(line -> line.contains(home + "/application") || line.contains(home + "/postgres"))
                    .toList();
            if (!left.isEmpty()) {
                throw new IllegalStateException("still running: " + left);
            }
            String said = Files.readString(output);
            if (!said.contains("Larder has stopped.") || said.contains("\tat ")) {
                throw new IllegalStateException("it did not stop cleanly:\n" + said);
            }
        }
    }
}
