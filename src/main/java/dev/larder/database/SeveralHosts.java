package dev.larder.database;

import io.smallrye.config.ConfigSourceInterceptor;
import io.smallrye.config.ConfigSourceInterceptorContext;
import io.smallrye.config.ConfigValue;
import org.jspecify.annotations.Nullable;

/**
 * Allows several hosts in the address of the data source, as in PostgreSQL's own clients:
 * {@code postgresql://a:1,b:2/db}. Quarkus splits the setting at commas, so it gets one whole address per host.
 */
public final class SeveralHosts implements ConfigSourceInterceptor {

    static final String URL = "quarkus.datasource.reactive.url";

    private static final long serialVersionUID = 1L;

    @Override
    public @Nullable ConfigValue getValue(ConfigSourceInterceptorContext context, String name) {
        ConfigValue value = context.proceed(name);
        return value == null || !name.equals(URL) || value.getValue() == null
                ? value
                : value.withValue(Connections.oneHostEach(value.getValue()));
    }
}
