package dev.larder.database;

import io.smallrye.config.ConfigSourceInterceptor;
import io.smallrye.config.ConfigSourceInterceptorContext;
import io.smallrye.config.ConfigValue;
import org.jspecify.annotations.Nullable;

/**
 * Lets the data source's address name several hosts as PostgreSQL's own clients write it: {@code postgresql://a:1,b:2/db}.
 * Quarkus splits the setting at its commas, so it is given one whole address per host.
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
