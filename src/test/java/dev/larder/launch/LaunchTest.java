package dev.larder.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.Eventually;
import dev.larder.testing.Signals;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

@ResourceLock("the port of kept data")
class LaunchTest {

    @TempDir
    Path folder;

    private final Process stranger = startedProcess();

    @AfterEach
    void ends_the_stranger() {
        stranger.destroyForcibly();
    }

    @Test
    void makes_a_secret_once_and_for_its_owner_alone() throws Exception {
        Home home = new Home(folder);

        String secret = home.secret("key", Base64.getEncoder()::encodeToString);

        assertThat(Base64.getDecoder().decode(secret)).hasSize(32);
        assertThat(home.secret("key", bytes -> "another")).isEqualTo(secret);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("key"))))
                .isEqualTo("rw-------");
    }

    @Test
    void ends_the_application_that_was_left_running() {
        Home home = new Home(folder);
        home.write("application.pid", stranger.pid() + " " + startOf(stranger));

        assertThat(Application.endLeftBehind(home)).isTrue();

        assertThat(Signals.ends(stranger.toHandle(), Duration.ofSeconds(10))).isTrue();
        assertThat(Application.endLeftBehind(home)).isFalse();
    }

    @Test
    void spares_a_process_that_only_has_the_same_id() {
        Home home = new Home(folder);
        home.write("application.pid", stranger.pid() + " " + (startOf(stranger) - 1000));

        assertThat(Application.endLeftBehind(home)).isFalse();

        assertThat(stranger.isAlive()).isTrue();
    }

    @Test
    void a_half_written_process_id_ends_nobody() {
        Home home = new Home(folder);
        home.write("application.pid", "");

        assertThat(Application.endLeftBehind(home)).isFalse();
    }

    @Test
    void copies_over_what_was_there() throws Exception {
        Home home = new Home(folder.resolve("home"));
        Files.createDirectories(folder.resolve("home/application/lib"));
        Files.writeString(folder.resolve("home/application/lib/old.jar"), "old");
        Files.createDirectories(folder.resolve("built/lib"));
        Files.writeString(folder.resolve("built/lib/new.jar"), "new");

        Path copy = home.copy(folder.resolve("built"), "application");

        assertThat(copy.resolve("lib/new.jar")).hasContent("new");
        assertThat(copy.resolve("lib/old.jar")).doesNotExist();
    }

    @Test
    void an_unreadable_home_is_said() throws Exception {
        Files.writeString(folder.resolve("file"), "not a folder");

        assertThatThrownBy(() -> new Home(folder.resolve("file")).own())
                .hasMessageContaining("cannot use " + folder.resolve("file"));
    }

    @Test
    void a_start_that_cannot_be_is_refused_before_anything_is_built() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            Given given = given("LARDER_PORT", String.valueOf(taken.getLocalPort()));

            assertThatThrownBy(() -> Ahead.look(given))
                    .isInstanceOf(CannotStart.class)
                    .hasMessageContaining("port " + taken.getLocalPort() + " is taken");
        }
        assertThatThrownBy(() -> Ahead.look(given("LARDER_PORT", "many"))).hasMessageContaining("not 'many'");
        assertThat(folder.resolve("home")).as("nothing is made").doesNotExist();
    }

    @Test
    void a_second_start_on_the_same_folder_is_refused_before_anything_is_built() {
        Given given = given();
        given.home().own();

        assertThatThrownBy(() -> Ahead.look(given))
                .isInstanceOf(CannotStart.class)
                .hasMessageContaining("Larder runs already on " + folder.resolve("home"));
    }

    @Test
    void the_port_of_an_application_that_was_left_running_is_no_obstacle() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            Given given = given("LARDER_PORT", String.valueOf(taken.getLocalPort()));
            Files.createDirectories(folder.resolve("home"));
            given.home().write("application.pid", stranger.pid() + " " + startOf(stranger));

            assertThatCode(() -> Ahead.look(given)).doesNotThrowAnyException();
        }
    }

    @Test
    void a_database_that_was_killed_is_started_again_on_its_port_with_its_data() throws Exception {
        try (KeptDatabase database = new KeptDatabase(folder.resolve("postgres"), List.of("CREATE DATABASE kept"))) {
            EmbeddedPostgres before = database.server();
            assertThat(database.heal()).isFalse();
            before.kill();

            // This JVM hears of its child's end a moment later than the kernel tells it.
            assertThat(Eventually.see(database::heal, healed -> healed)).isTrue();

            assertThat(database.server().port()).isEqualTo(before.port());
            assertThat(database.server().isAlive()).isTrue();
            assertThat(database.heal()).isFalse();
            database.server().discard();
        }
    }

    private Given given(String... variables) {
        Map<String, String> environment =
                new HashMap<>(Map.of("LARDER_HOME", folder.resolve("home").toString()));
        for (int index = 0; index < variables.length; index += 2) {
            environment.put(variables[index], variables[index + 1]);
        }
        return new Given(folder, environment);
    }

    private static Process startedProcess() {
        try {
            return new ProcessBuilder("sleep", "600").start();
        } catch (java.io.IOException failed) {
            throw new java.io.UncheckedIOException(failed);
        }
    }

    private static long startOf(Process process) {
        return process.info().startInstant().map(Instant::toEpochMilli).orElseThrow();
    }
}
