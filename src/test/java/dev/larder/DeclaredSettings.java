package dev.larder;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMethod;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** The settings that begin with {@code larder.}, as classes and application.properties declare them. */
final class DeclaredSettings {

    private static final Path PROPERTIES = Path.of("src/main/resources/application.properties");

    // As a line of its own, or with a default where another property refers to it.
    private static final Pattern IN_PROPERTIES =
            Pattern.compile("(?m)^(larder\\.[a-z.-]+)=(.*)$|\\$\\{(larder\\.[a-z.-]+):([^}]*)\\}");

    /** The defaults of each: none where it has none, several where the places that read it do not agree. */
    static final Map<String, Set<String>> DEFAULTS = defaults();

    private DeclaredSettings() {}

    private static Map<String, Set<String>> defaults() {
        Map<String, Set<String>> all = new TreeMap<>();
        for (JavaClass house : HouseTest.HOUSE) {
            mapped(house, all);
            injected(house.reflect(), all);
        }
        IN_PROPERTIES.matcher(properties()).results().forEach(found -> {
            boolean line = found.group(1) != null;
            add(all, line ? found.group(1) : found.group(3), line ? found.group(2) : found.group(4));
        });
        return all;
    }

    private static void mapped(JavaClass house, Map<String, Set<String>> all) {
        if (!house.isAnnotatedWith(ConfigMapping.class)) {
            return;
        }
        String prefix = house.getAnnotationOfType(ConfigMapping.class).prefix();
        for (JavaMethod method : house.getMethods()) {
            Method declared = method.reflect();
            if (!declared.isDefault() && !declared.isSynthetic()) {
                String name = declared.getName().replaceAll("([A-Z])", "-$1").toLowerCase();
                WithDefault value = declared.getAnnotation(WithDefault.class);
                add(all, prefix + "." + name, value == null ? "" : value.value());
            }
        }
    }

    private static void injected(Class<?> house, Map<String, Set<String>> all) {
        Stream.<Executable>concat(
                        Arrays.stream(house.getDeclaredConstructors()), Arrays.stream(house.getDeclaredMethods()))
                .flatMap(executable -> Arrays.stream(executable.getParameters()))
                .map(parameter -> parameter.getAnnotation(ConfigProperty.class))
                .filter(property -> property != null && property.name().startsWith("larder."))
                .forEach(property -> add(
                        all,
                        property.name(),
                        property.defaultValue().equals(ConfigProperty.UNCONFIGURED_VALUE)
                                ? ""
                                : property.defaultValue()));
    }

    private static void add(Map<String, Set<String>> all, String name, String value) {
        Set<String> values = all.computeIfAbsent(name, unused -> new TreeSet<>());
        if (!value.isEmpty()) {
            values.add(value);
        }
    }

    private static String properties() {
        try {
            return Files.readString(PROPERTIES);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
