package dev.larder;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class UnknownSettingsTest {

    @Test
    void every_setting_that_the_code_declares_is_known_and_no_other() {
        assertThat(UnknownSettings.KNOWN).containsExactlyInAnyOrderElementsOf(DeclaredSettings.DEFAULTS.keySet());
    }

    @Test
    void a_mistyped_setting_is_noticed_as_a_property_and_as_a_variable() {
        assertThat(UnknownSettings.isUnknown("larder.encryptoin.key")).isTrue();
        assertThat(UnknownSettings.isUnknown("LARDER_ENCRYPTOIN_KEY")).isTrue();
        assertThat(UnknownSettings.isUnknown("LARDER_WORKER_SLOTZ")).isTrue();
    }

    @Test
    void known_settings_and_those_of_others_are_not_complained_of() {
        assertThat(UnknownSettings.isUnknown("larder.encryption.key")).isFalse();
        assertThat(UnknownSettings.isUnknown("LARDER_ENCRYPTION_KEY")).isFalse();
        assertThat(UnknownSettings.isUnknown("LARDER_WORKER_TAGS_SITE")).isFalse();
        assertThat(UnknownSettings.isUnknown("larder.worker.tags.site")).isFalse();
        assertThat(UnknownSettings.isUnknown("LARDER_HOME")).isFalse();
        assertThat(UnknownSettings.isUnknown("QUARKUS_HTTP_PORT")).isFalse();
    }

    @Test
    void what_kubernetes_makes_of_a_service_named_larder_is_not_complained_of() {
        assertThat(UnknownSettings.isUnknown("LARDER_SERVICE_HOST")).isFalse();
        assertThat(UnknownSettings.isUnknown("LARDER_SERVICE_PORT_HTTP")).isFalse();
        assertThat(UnknownSettings.isUnknown("LARDER_PORT_8080_TCP_ADDR")).isFalse();
        assertThat(UnknownSettings.isUnknown("LARDER_CANARY_PORT")).isFalse();
    }
}
