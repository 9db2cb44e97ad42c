package dev.larder.launch;

import dev.larder.testing.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Starts the embedded PostgreSQL for {@code ./mvnw quarkus:dev} and tells the application where it is.
 *
 * <p>Dev mode runs the build's plugin executions up to {@code test-compile} before it starts the application. One
 * of them is this class, in Maven's own process: the database lives as long as Maven does, over live reloads and
 * changes of the pom. Every other build runs it too and gets nothing from it but one look at the command line.
 *
 * <p>The settings are written to {@code target/dev/application.properties}, which the pom gives to dev mode as
 * {@code quarkus.config.locations}. Their prefix {@code %dev.} keeps them out of everything else. Environment
 * variables and system properties take precedence. A datasource URL in the environment keeps the embedded
 * PostgreSQL from being started.
 */
public final class DevDatabase {

    /** The goal in each of its forms, such as {@code quarkus:dev} or with group and version. */
    private static final Pattern DEV_MODE =
            Pattern.compile("(^|[ :])quarkus(-maven-plugin)?(:[^ :]+)?:dev(@[^ ]*)?( |$)");

    /** Set in Maven's process once the database runs: a change of the pom makes dev mode run this class again. */
    private static final String STARTED = "larder.dev.database";

    private DevDatabase() {}

    public static void main(String[] arguments) {
        if (!isDevMode(System.getProperty("sun.java.command", "")) || System.getProperty(STARTED) != null) {
            return;
        }
        System.setProperty(STARTED, "true");
        Given given = Given.here();
        boolean external = given.first("QUARKUS_DATASOURCE_REACTIVE_URL").isPresent();
        write(given.checkout().resolve("target/dev"), external ? Map.of() : start(given));
    }

    static boolean isDevMode(String commandLine) {
        return DEV_MODE.matcher(commandLine).find();
    }

    private static Map<String, String> start(Given given) {
        // Apart from the main command's: code under development may leave a schema that released code cannot read.
        Home home = new Home(given.home().file("dev"));
        home.own();
        String password = home.secret("database-password", HexFormat.of()::formatHex);
        KeptDatabase database = KeptDatabase.withLarder(home.file("postgres"), password);
        Runtime.getRuntime().addShutdownHook(new Thread(database::close, "stop-dev-database"));
        System.out.println("PostgreSQL for dev mode runs on "
                + database.server().url("larder") + " (data: " + home.file("postgres") + ")");
        System.out.println("Owner token: kept in " + home.file("owner-token") + " once the application has started.");
        return settings(home, password, database.server());
    }

    private static Map<String, String> settings(Home home, String password, EmbeddedPostgres server) {
        Map<String, String> settings = new TreeMap<>();
        // Above application.properties in the application (250), below environment variables (300).
        settings.put("config_ordinal", "275");
        settings.put("%dev.quarkus.datasource.reactive.url", server.url("larder"));
        settings.put("%dev.quarkus.datasource.username", "larder");
        settings.put("%dev.quarkus.datasource.password", password);
        settings.put("%dev.larder.backend.postgres.url", server.url("postgres"));
        settings.put("%dev.larder.backend.postgres.username", server.user());
        settings.put("%dev.larder.backend.postgres.password", server.password());
        settings.put("%dev.larder.backend.exec.enabled", "true");
        settings.put("%dev.larder.backend.exec.root", home.file("exec").toString());
        settings.put(
                "%dev.larder.bootstrap.token-file", home.file("owner-token").toString());
        settings.put("%dev.larder.encryption.key", home.secret("encryption-key", Base64.getEncoder()::encodeToString));
        settings.put("%dev.larder.stop.delay", "0s");
        return settings;
    }

    private static void write(Path folder, Map<String, String> settings) {
        String text = settings.entrySet().stream()
                .map(one -> one.getKey() + "=" + one.getValue().replace("\\", "\\\\"))
                .collect(Collectors.joining("\n", "", "\n"));
        try {
            Files.createDirectories(folder);
            Path fresh = folder.resolve("application.properties.new");
            Files.deleteIfExists(fresh);
            Files.createFile(fresh, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(fresh, text);
            Files.move(fresh, folder.resolve("application.properties"), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot write the settings for dev mode to " + folder, failed);
        }
    }
}
