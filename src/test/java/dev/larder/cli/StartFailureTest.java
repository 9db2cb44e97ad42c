package dev.larder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.MisconfiguredException;
import io.quarkus.runtime.QuarkusBindException;
import io.smallrye.config.ConfigValidationException;
import io.smallrye.config.ConfigValidationException.Problem;
import java.net.BindException;
import org.junit.jupiter.api.Test;

class StartFailureTest {

    private static StartFailure of(String problem) {
        return StartFailure.of(new RuntimeException(
                "Failed to start quarkus", new ConfigValidationException(new Problem[] {new Problem(problem)})));
    }

    @Test
    void what_larder_refuses_is_said_as_it_is_however_deep_it_lies() {
        StartFailure failure = StartFailure.of(
                new RuntimeException(new IllegalStateException(new MisconfiguredException("larder.x cannot be."))));

        assertThat(failure.sentence()).isEqualTo("larder.x cannot be.");
        assertThat(failure.exit()).isEqualTo(2);
    }

    @Test
    void a_value_that_cannot_be_read_is_named_by_its_setting() {
        String told = "java.lang.IllegalArgumentException: SRCFG00039: The config property larder.worker.poll with the "
                + "config value \"soon\" threw an Exception whilst being converted Invalid duration: soon";

        assertThat(of(told).sentence()).isEqualTo("larder.worker.poll cannot be used: Invalid duration: soon");
    }

    @Test
    void the_value_of_what_may_be_a_secret_is_not_repeated() {
        String told = "SRCFG00039: The config property larder.some.password with the config value \"hunter2\" threw an "
                + "Exception whilst being converted hunter2 is no number";

        assertThat(of(told).sentence()).isEqualTo("larder.some.password cannot be used");
    }

    @Test
    void unknown_missing_and_empty_settings_are_told_apart() {
        assertThat(of("SRCFG00050: larder.worker.slotz in SysPropConfigSource does not map to any root")
                        .sentence())
                .isEqualTo("larder.worker.slotz is no setting of Larder");
        assertThat(
                        of("SRCFG00014: The config property larder.x.y is required but it could not be found in any config source")
                                .sentence())
                .isEqualTo("larder.x.y is not set");
        assertThat(of("SRCFG00040: The config property larder.x.y is defined as the empty String (\"\") which the "
                                + "following Converter considered to be null: a.b.C")
                        .sentence())
                .isEqualTo("larder.x.y is empty");
    }

    @Test
    void a_port_in_use_and_an_address_that_is_none_are_configuration_too() {
        StartFailure taken = StartFailure.of(new RuntimeException(
                new QuarkusBindException("127.0.0.1", 8080, new BindException("Address already in use"))));
        StartFailure address = StartFailure.of(
                new IllegalArgumentException("Cannot parse invalid connection URI: jdbc:postgresql://u:hunter2@h/d"));

        assertThat(taken.sentence()).startsWith("127.0.0.1:8080 cannot be listened on");
        assertThat(address.sentence())
                .contains("quarkus.datasource.reactive.url")
                .doesNotContain("hunter2");
        assertThat(taken.exit()).isEqualTo(2);
        assertThat(address.exit()).isEqualTo(2);
    }

    @Test
    void a_fault_is_no_matter_of_configuration() {
        StartFailure fault = StartFailure.of(new IllegalStateException("impossible"));

        assertThat(fault.exit()).isEqualTo(1);
        assertThat(fault.unexpected()).hasMessage("impossible");
    }
}
