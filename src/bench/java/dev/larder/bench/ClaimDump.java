package dev.larder.bench;

import static dev.larder.bench.Figures.say;

import dev.larder.testing.GeneratedDump;
import dev.larder.testing.Signals;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.pgclient.PgConnectOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * What a client waits for a workspace whose template is a dump of 50 MB ({@code -Dbench.megabytes=}), beside one of an
 * empty database: the claim, and the first statement in the workspace. A server with its worker builds both pools.
 */
final class ClaimDump {

    private static final int MEGABYTES = Integer.getInteger("bench.megabytes", 50);
    private static final int INSTANCES = 10;
    private static final Duration PATIENCE = Duration.ofMinutes(5);
    private static final String ORGANIZATION = "bench";

    private final Base base;
    private final OwnerApi api;

    private ClaimDump(Base base, OwnerApi api) {
        this.base = base;
        this.api = api;
    }

    static void main() throws Exception {
        Path folder = Files.createDirectories(Path.of("target", "bench")).toAbsolutePath();
        Path tokenFile = folder.resolve("claim-dump-" + ProcessHandle.current().pid() + ".token");
        try (Base base = Base.start("claim-dump")) {
            base.run("REVOKE ALL ON DATABASE " + Base.DATABASE + " FROM PUBLIC");
            Map<String, String> settings = Map.of(
                    "LARDER_BOOTSTRAP_TOKEN_FILE", tokenFile.toString(),
                    "LARDER_BACKEND_POSTGRES_URL", base.server().url("postgres"),
                    "LARDER_BACKEND_POSTGRES_USERNAME", base.server().user(),
                    "LARDER_BACKEND_POSTGRES_PASSWORD", base.server().password());
            try (LarderServer server = LarderServer.start(base, "claim-dump", settings)) {
                OwnerApi api = new OwnerApi(server, Files.readString(tokenFile).strip());
                new ClaimDump(base, api).measure(folder.resolve("claim-dump.sql"));
            }
        }
    }

    private void measure(Path dump) throws Exception {
        long rows = GeneratedDump.write(dump, MEGABYTES, false);
        String created = api.send("POST", "organizations", "{\"name\":\"" + ORGANIZATION + "\"}");
        long begun = System.nanoTime();
        String digest = digest(dump);
        String uploaded = api.upload("organizations/" + ORGANIZATION + "/files/" + digest, BodyPublishers.ofFile(dump));
        say("a dump of %d MB, %d rows: uploaded in %.1f s", MEGABYTES, rows, seconds(begun));
        say("  stock of %d: %.1f s from the declaration", INSTANCES, stock("dump", "{\"digest\":\"" + digest + "\"}"));
        say("empty, stock of %d: %.1f s from the declaration", INSTANCES, stock("empty", "\"SELECT 1\""));
        List<double[]> empty = new ArrayList<>();
        List<double[]> filled = new ArrayList<>();
        for (int round = 0; round < INSTANCES; round++) {
            empty.add(claim("empty", "SELECT 1"));
            filled.add(claim("dump", "SELECT count(*) FROM (SELECT FROM visit LIMIT 1) one"));
        }
        say(
                "%d claims of each, in turns, and the first statement in the workspace; medians (least to greatest)",
                INSTANCES);
        show("empty", empty);
        show("dump", filled);
        Files.delete(dump);
    }

    private static void show(String name, List<double[]> all) {
        say(
                "  %-6s claim %s ms, connected and answered %s ms",
                name,
                Figures.spread("%.1f", all.stream().mapToDouble(one -> one[0]).toArray()),
                Figures.spread("%.1f", all.stream().mapToDouble(one -> one[1]).toArray()));
    }

    private static double seconds(long begun) {
        return (System.nanoTime() - begun) / 1e9;
    }

    private static String digest(Path file) throws Exception {
        MessageDigest sha = MessageDigest.getInstance("SHA-256");
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), sha)) {
            long read = in.transferTo(OutputStream.nullOutputStream());
        }
        return "sha256:" + HexFormat.of().formatHex(sha.digest());
    }

    /** Declares a pool and waits until it is full. */
    private double stock(String template, String file) throws IOException, InterruptedException {
        long begun = System.nanoTime();
        String declared = api.send(
                "PUT", "organizations/" + ORGANIZATION + "/templates/" + template, """
                        {"backend": "postgres", "files": {"1.sql": %s},
                         "presets": [{"name": "small", "prebuilds": {"instances": %d}}]}""".formatted(file, INSTANCES));
        String ready = """
                SELECT count(*) FROM workspaces w JOIN templates t ON t.id = w.template_id
                 WHERE t.name = $1 AND w.build_status = 'succeeded'""";
        while (base.number(ready, template) < INSTANCES) {
            if (System.nanoTime() - begun > PATIENCE.toNanos()) {
                throw new IllegalStateException("no stock of " + template + " within " + PATIENCE);
            }
            Signals.pause(Duration.ofMillis(20));
        }
        return seconds(begun);
    }

    /** Milliseconds of the claim, and of a session with its first statement. */
    private double[] claim(String template, String statement) throws IOException, InterruptedException {
        long begun = System.nanoTime();
        String answer = api.send("POST", "claims", """
                {"organization":"%s","template":"%s","preset":"small","policy":"fail"}""".formatted(ORGANIZATION, template));
        double claimed = seconds(begun) * 1e3;
        String url = new JsonObject(answer)
                .getJsonObject("workspace")
                .getJsonObject("outputs")
                .getString("url");
        long connecting = System.nanoTime();
        PgConnection connection = PgConnection.connect(base.vertx(), PgConnectOptions.fromUri(url))
                .await()
                .indefinitely();
        var row = connection.query(statement).executeAndAwait();
        double answered = seconds(connecting) * 1e3;
        connection.closeAndAwait();
        return new double[] {claimed, answered};
    }
}
