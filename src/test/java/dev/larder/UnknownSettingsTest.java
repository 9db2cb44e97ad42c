package dev.larder;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.smallrye.config.ConfigMapping;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.junit.jupiter.api.Test;

class UnknownSettingsTest {

    /** Named in annotations of schedules and in application.properties only. */
    private static final Set<String> IN_TEXTS = Set.of(
            "larder.janitor.interval",
            "larder.log.json",
            "larder.metrics.inventory-every",
            "larder.metrics.jobs-every");

    @Test
    void every_setting_that_the_code_declares_is_known_and_no_other() {
        Set<String> declared = new TreeSet<>(IN_TEXTS);
        for (JavaClass house : new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests())
                .importPackages("dev.larder")) {
            declared.addAll(mapped(house));
            declared.addAll(injected(house));
        }

        assertThat(new TreeSet<>(UnknownSettings.KNOWN)).isEqualTo(declared);
    }

    private static Set<String> mapped(JavaClass house) {
        Set<String> keys = new TreeSet<>();
        if (house.isAnnotatedWith(ConfigMapping.class)) {
            String prefix = house.getAnnotationOfType(ConfigMapping.class).prefix();
            for (JavaMethod method : house.getMethods()) {
                Method declared = method.reflect();
                if (!declared.isDefault() && !declared.isSynthetic()) {
                    keys.add(prefix + "."
                            + declared.getName().replaceAll("([A-Z])", "-$1").toLowerCase());
                }
            }
        }
        return keys;
    }

    private static Set<String> injected(JavaClass house) {
        Set<String> keys = new TreeSet<>();
        Stream.concat(
                        Arrays.stream(house.reflect().getDeclaredConstructors())
                                .flatMap(constructor -> Arrays.stream(constructor.getParameters())),
                        Arrays.stream(house.reflect().getDeclaredMethods())
                                .flatMap(method -> Arrays.stream(method.getParameters())))
                .map(UnknownSettingsTest::key)
                .filter(key -> key.startsWith("larder."))
                .forEach(keys::add);
        return keys;
    }

    private static String key(Parameter parameter) {
        ConfigProperty property = parameter.getAnnotation(ConfigProperty.class);
        return property == null ? "" : property.name();
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
