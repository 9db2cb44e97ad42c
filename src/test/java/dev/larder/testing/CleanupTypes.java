package dev.larder.testing;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Batch;
import dev.larder.database.CleanupType.Retention;
import dev.larder.database.CleanupType.Slice;
import io.quarkus.runtime.configuration.DurationConverter;
import jakarta.enterprise.inject.Produces;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Every type of clean-up that the rooms have, as a server with the default settings makes them. */
public final class CleanupTypes {

    public static final List<CleanupType> ALL = new ClassFileImporter()
                    .withImportOption(new ImportOption.DoNotIncludeTests())
                    .withImportOption(location -> location.contains("CleanupStore"))
                    .importPackages("dev.larder")
                    .stream()
                    .filter(house -> house.getSimpleName().endsWith("CleanupStore"))
                    .map(JavaClass::reflect)
                    .flatMap(CleanupTypes::of)
                    .sorted(Comparator.comparing(CleanupType::name))
                    .toList();

    private static final int BATCHES_MAX = 10_000;

    private CleanupTypes() {}

    public static CleanupType named(String name) {
        return ALL.stream().filter(type -> type.name().equals(name)).findFirst().orElseThrow();
    }

    /** What one operation of the type with its default settings does now, batch by batch of so many rows. */
    public static Batch run(Stock stock, String type, int rows) {
        return run(stock, named(type), named(type).retention(), rows);
    }

    /** The same with other settings. */
    public static Batch run(Stock stock, CleanupType type, Retention keeps, int rows) {
        Instant now = stock.clock.instant();
        Batch sum = new Batch(0, 0, 0, 0, null);
        String position = null;
        int batches = 0;
        do {
            Slice slice = new Slice(now, now.minus(keeps.keepFor()), keeps.keepNewest(), position, rows);
            Batch done = Stock.await(stock.pool.withTransaction(transaction -> type.batch(transaction, slice)));
            sum = new Batch(
                    sum.examined() + done.examined(),
                    sum.deleted() + done.deleted(),
                    sum.bytes() + done.bytes(),
                    sum.objects() + done.objects(),
                    null);
            position = done.position();
        } while (position != null && ++batches < BATCHES_MAX);
        if (position != null) {
            throw new AssertionError(type.name() + " does not end");
        }
        return sum;
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
