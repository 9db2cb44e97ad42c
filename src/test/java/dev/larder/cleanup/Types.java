package dev.larder.cleanup;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.larder.database.CleanupType;
import io.quarkus.runtime.configuration.DurationConverter;
import jakarta.enterprise.inject.Produces;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Every type of clean-up that the rooms have, as a server with the default settings makes them. */
final class Types {

    static final List<CleanupType> ALL = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("dev.larder").stream()
                    .filter(house -> house.getSimpleName().endsWith("CleanupStore"))
                    .map(JavaClass::reflect)
                    .flatMap(Types::of)
                    .sorted(Comparator.comparing(CleanupType::name))
                    .toList();

    private Types() {}

    static CleanupType named(String name) {
        return ALL.stream().filter(type -> type.name().equals(name)).findFirst().orElseThrow();
    }

    private static Stream<CleanupType> of(Class<?> store) {
        try {
            Constructor<?> constructor = store.getDeclaredConstructors()[0];
            constructor.setAccessible(true);
            Object made = constructor.newInstance(defaults(constructor));
            return made instanceof CleanupType type
                    ? Stream.of(type)
                    : Arrays.stream(store.getDeclaredMethods())
                            .filter(method -> method.isAnnotationPresent(Produces.class))
                            .map(method -> produced(method, made));
        } catch (ReflectiveOperationException broken) {
            throw new AssertionError(store.getName(), broken);
        }
    }

    private static CleanupType produced(Method method, Object store) {
        try {
            method.setAccessible(true);
            return (CleanupType) method.invoke(store, defaults(method));
        } catch (ReflectiveOperationException broken) {
            throw new AssertionError(method.toString(), broken);
        }
    }

    private static Object[] defaults(Executable executable) {
        return Arrays.stream(executable.getParameters())
                .map(parameter -> {
                    String value = parameter.getAnnotation(ConfigProperty.class).defaultValue();
                    return parameter.getType() == Duration.class
                            ? (Object) DurationConverter.parseDuration(value)
                            : (Object) Integer.valueOf(value);
                })
                .toArray();
    }
}
