package dev.larder.launch;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.Signals;
import dev.larder.testing.Unprivileged;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * {@code ./mvnw -B -ntp -q -Pclients package}: runs the tests of each client in {@code src/clients} against the
 * packaged application, which has a few small pools in stock. Fails where one of them fails, or where a claim or a
 * database is left. A client whose language is not on the path is skipped, and that is said.
 */
public final class Clients {

    /** How a suite says that its packages cannot be installed, as test scripts have done for long. */
    private static final int SKIPPED = 77;

    /** What a client needs on the path. */
    private static final Map<String, String> TOOLS =
            Map.of("java", "java", "python", "python3", "go", "go", "typescript", "npm", "generated", "python3");

    private static final Path SUITES = Path.of("src", "clients").toAbsolutePath();
    private static final Path TARGET = Path.of("target", "clients").toAbsolutePath();
    private static final String ORGANIZATION = "clients";

    // Four tests at a time, and what they gave back is removed while the next ones run.
    private static final Map<String, String> SETTINGS = Map.of(
            "LARDER_BACKEND_POSTGRES_CONNECTION_LIMIT",
            "4",
            "LARDER_CONNECTIONS_ORGANIZATION_PERCENT",
            "100",
            "LARDER_BACKEND_EXEC_ROOT",
            TARGET.resolve("exec").toString());

    private static final Duration LOOK = Duration.ofMillis(100);
    private static final Duration GONE_WITHIN = Duration.ofMinutes(2);

    private final Trial trial;
    private final EmbeddedPostgres elsewhere;
    private final Api owner;

    /** @param elsewhere a server on which suites make databases without Larder, to compare */
    private Clients(Trial trial, EmbeddedPostgres elsewhere) {
        this.trial = trial;
        this.elsewhere = elsewhere;
        this.owner = trial.owner();
    }

    /** @param arguments names of clients with commas between them */
    public static void main(String[] arguments) throws Exception {
        List<String> names = List.of(arguments[0].split(",", -1));
        Files.createDirectories(TARGET);
        boolean passed;
        try (EmbeddedPostgres elsewhere = EmbeddedPostgres.throwaway(TARGET.resolve("postgres"));
                Trial trial = Trial.start("clients", SETTINGS)) {
            Clients clients = new Clients(trial, elsewhere);
            Set<String> before = trial.databases();
            clients.stock();
            passed = clients.run(names);
            clients.expectNothingLeft(before);
        }
        System.exit(passed ? 0 : 1);
    }

    private void stock() throws IOException {
        Trial.expect(owner.post("/api/v1/organizations", "{\"name\":\"" + ORGANIZATION + "\"}"));
        try (DirectoryStream<Path> declarations = Files.newDirectoryStream(SUITES.resolve("server"), "*.yaml")) {
            for (Path file : declarations) {
                Trial.expect(owner.put(template(file), Files.readString(file)));
            }
        }
    }

    private static String template(Path declaration) {
        return "/api/v1/organizations/" + ORGANIZATION + "/templates/"
                + declaration.getFileName().toString().replaceFirst("\\.yaml$", "");
    }

    private boolean run(List<String> names) throws IOException, InterruptedException {
        List<String> failed = new ArrayList<>();
        for (String name : names) {
            String tool = TOOLS.get(name);
            if (tool == null) {
                throw new IllegalArgumentException(
                        "no client is called " + name + ": " + new TreeSet<>(TOOLS.keySet()));
            }
            if (!Unprivileged.onPath(tool)) {
                System.out.println("clients: " + name + " is skipped: " + tool + " is not on the path");
                continue;
            }
            long begun = System.nanoTime();
            int exit = suite(name);
            Duration took = Duration.ofNanos(System.nanoTime() - begun);
            System.out.printf("clients: %s %s, %d s%n", name, told(exit), took.toSeconds());
            if (exit != 0 && exit != SKIPPED) {
                failed.add(name);
            }
        }
        return failed.isEmpty();
    }

    private static String told(int exit) {
        return switch (exit) {
            case 0 -> "passed";
            case SKIPPED -> "is skipped: what it needs cannot be installed here";
            default -> "FAILED";
        };
    }

    private int suite(String name) throws IOException, InterruptedException {
        ProcessBuilder suite =
                new ProcessBuilder(SUITES.resolve(name).resolve("test").toString()).inheritIO();
        suite.directory(SUITES.resolve(name).toFile());
        Map<String, String> environment = suite.environment();
        environment.put("JAVA_HOME", System.getProperty("java.home"));
        environment.put("LARDER_URL", trial.url());
        environment.put("LARDER_TOKEN", token(name, "member"));
        environment.put("LARDER_TEST_ADMIN_TOKEN", token(name + "-admin", "template_admin"));
        environment.put("LARDER_TEST_TARGET", TARGET.toString());
        environment.put("LARDER_TEST_SCHEMA", schema().toString());
        environment.put("LARDER_TEST_COUNT", System.getProperty("larder.clients.tests", "20"));
        environment.put(
                "LARDER_TEST_POSTGRES",
                "postgresql://%s:%s@%s:%d/postgres"
                        .formatted(elsewhere.user(), elsewhere.password(), elsewhere.host(), elsewhere.port()));
        return suite.start().waitFor();
    }

    /** What the template {@code orders} runs, for a database that is made without Larder. */
    private static Path schema() throws IOException {
        JsonNode files = YAMLMapper.builder()
                .build()
                .readTree(SUITES.resolve("server/orders.yaml").toFile())
                .path("files");
        StringBuilder statements = new StringBuilder();
        files.forEach(file -> statements.append(file.asText()));
        return Files.writeString(TARGET.resolve("schema.sql"), statements);
    }

    private String token(String name, String role) throws IOException {
        Trial.expect(owner.post(
                "/api/v1/organizations/" + ORGANIZATION + "/users",
                "{\"name\":\"%s\",\"role\":\"%s\"}".formatted(name, role)));
        String wanted = "{\"name\":\"tests\",\"user\":\"%s\",\"organization\":\"%s\"}".formatted(name, ORGANIZATION);
        return Trial.expect(owner.post("/api/v1/tokens", wanted)).path("token").asText();
    }

    /** Claims of tests that were killed end with their leases, and what was claimed goes; then the stock goes too. */
    private void expectNothingLeft(Set<String> before) throws IOException {
        eventually("claims are left", () -> trial.count("SELECT count(*) FROM claims WHERE ended_at IS NULL") == 0);
        try (DirectoryStream<Path> declarations = Files.newDirectoryStream(SUITES.resolve("server"), "*.yaml")) {
            for (Path file : declarations) {
                Trial.expect(owner.delete(template(file)));
            }
        }
        eventually("databases are left", () -> trial.databases().equals(before));
        System.out.println("clients: no claim and no database is left");
    }

    private interface Condition {
        boolean holds();
    }

    private static void eventually(String otherwise, Condition condition) {
        for (long looks = GONE_WITHIN.dividedBy(LOOK); looks > 0; looks--) {
            if (condition.holds()) {
                return;
            }
            Signals.pause(LOOK);
        }
        throw new IllegalStateException(otherwise + " after " + GONE_WITHIN);
    }
}
