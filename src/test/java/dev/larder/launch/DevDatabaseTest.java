package dev.larder.launch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DevDatabaseTest {

    private static final String MAVEN = "org.codehaus.plexus.classworlds.launcher.Launcher ";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "quarkus:dev",
                "-B -Pquick quarkus:dev -Ddebug=false",
                "io.quarkus.platform:quarkus-maven-plugin:3.33.2:dev",
                "quarkus:3.33.2:dev",
                "quarkus:dev@default-cli"
            })
    void dev_mode_has_a_database_however_its_goal_is_written(String arguments) {
        assertThat(DevDatabase.isDevMode(MAVEN + arguments)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "verify", "-Pdev verify", "quarkus:build", "quarkus:dev-tools", "-Dnote=dev package"})
    void other_builds_start_no_database(String arguments) {
        assertThat(DevDatabase.isDevMode(MAVEN + arguments)).isFalse();
    }
}
