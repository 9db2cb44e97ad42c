package dev.larder.cleanup;

import static dev.larder.testing.Stock.await;

import dev.larder.database.CleanupType;
import dev.larder.testing.CleanupTypes;
import dev.larder.testing.Eventually;
import dev.larder.testing.Stock;
import io.quarkus.runtime.configuration.DurationConverter;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A process that cleans up on a {@link Stock}. */
final class Cleaning {

    final Stock stock;
    final OperationStore store;
    final Cleanups cleanups;

    Cleaning(Stock stock) {
        this(stock, stock.pool, CleanupTypes.ALL, Map.of());
    }

    Cleaning(Stock stock, Pool pool, List<CleanupType> types, Map<String, String> settings) {
        this.stock = stock;
        store = new OperationStore(pool, stock.ids);
        cleanups = new Cleanups(store, settings(types, settings), stock.clock, (type, rows) -> {});
    }

    static CleanupSettings settings(List<CleanupType> types, Map<String, String> settings) {
        return new CleanupSettings(
                new SmallRyeConfigBuilder()
                        .withSources(new PropertiesConfigSource(settings, "test", 100))
                        .withConverter(Duration.class, 200, new DurationConverter())
                        .build(),
                types);
    }

    /** Runs one operation of the type to its end. */
    Operation clean(String type) {
        Operation begun = begun(type);
        return ended(begun);
    }

    Operation begun(String type) {
        var begun = await(cleanups.begin(type, stock.owner.userId()));
        if (begun instanceof Cleanups.Begun.Running(var operation)) {
            return operation;
        }
        throw new AssertionError(type + " did not begin: " + begun);
    }

    Operation ended(Operation begun) {
        return Eventually.see(
                () -> await(store.find(begun.id())).orElseThrow(),
                seen -> !seen.status().equals("running"));
    }

    Optional<Operation> find(Operation operation) {
        return await(store.find(operation.id()));
    }
}
