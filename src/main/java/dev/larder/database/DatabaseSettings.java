package dev.larder.database;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.Optional;

/** How Larder uses its own database, beside the address, user and password of the data source. */
@ConfigMapping(prefix = "larder.database")
public interface DatabaseSettings {

    /** How long a statement may take before the server ends it. */
    @WithDefault("10s")
    Duration statementTimeout();

    /** How long a statement may wait for one lock before the server ends it. */
    @WithDefault("5s")
    Duration lockTimeout();

    /**
     * How long a transaction may be idle before the server ends its session, because the process is frozen or lost.
     */
    @WithDefault("10s")
    Duration idleTransactionTimeout();

    /**
     * The address of the server itself, if {@code quarkus.datasource.reactive.url} is that of a transaction pooler.
     * The listener and the reconciler's lock use it. User, password and TLS default to those of the data source.
     */
    Optional<String> directUrl();

    /**
     * Whether requests use named prepared statements. By default they do, but not with a {@link #directUrl}: PgBouncer
     * carries named statements since 1.21, with {@code max_prepared_statements} above 0.
     */
    Optional<Boolean> namedStatements();

    /** The same as one value. */
    default TimeLimits limits() {
        return new TimeLimits(statementTimeout(), lockTimeout(), idleTransactionTimeout());
    }
}
