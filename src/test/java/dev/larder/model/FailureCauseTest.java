package dev.larder.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FailureCauseTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "sql_failed",
                "template_timed_out",
                "timed_out",
                "script_failed",
                "script_missing",
                "script_not_started",
                "not_ready",
                "outputs_missing",
                "outputs_invalid",
                "replaced_invalid",
                "report_refused",
                "parameters_unreadable"
            })
    void what_the_templates_files_do_is_the_templates(String code) {
        assertThat(FailureCause.of(code)).isEqualTo(FailureCause.TEMPLATE);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "backend_unavailable",
                "backend_unsuitable",
                "backend_missing",
                "not_isolated",
                "database_refused",
                "backend_full"
            })
    void what_a_server_or_a_disk_does_holds_the_place(String code) {
        assertThat(FailureCause.of(code).holdsPlace()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"superseded", "backend_busy", "backend_fault", "worker_lost"})
    void what_passes_holds_no_place_and_is_not_the_templates(String code) {
        assertThat(FailureCause.of(code)).isEqualTo(FailureCause.PASSING);
        assertThat(FailureCause.of(code).holdsPlace()).isFalse();
    }

    @Test
    void an_unknown_code_is_the_templates() {
        assertThat(FailureCause.of("something_of_a_newer_worker")).isEqualTo(FailureCause.TEMPLATE);
    }

    @Test
    void only_a_script_that_ran_shows_that_the_place_works() {
        assertThat(FailureCause.provesPlace("sql_failed")).isTrue();
        assertThat(FailureCause.provesPlace("script_failed")).isTrue();
        assertThat(FailureCause.provesPlace("timed_out")).isFalse();
        assertThat(FailureCause.provesPlace("backend_busy")).isFalse();
        assertThat(FailureCause.provesPlace("something_of_a_newer_worker")).isFalse();
    }
}
