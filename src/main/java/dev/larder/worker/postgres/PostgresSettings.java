package dev.larder.worker.postgres;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.util.Optional;
import java.util.OptionalInt;

/** Settings of the PostgreSQL server that holds the workspaces. */
@ConfigMapping(prefix = "larder.backend.postgres")
public interface PostgresSettings {

    /** {@code postgresql://host:port/postgres}, PostgreSQL 15 or newer. Without it this backend is not offered. */
    Optional<String> url();

    /**
     * A superuser, or a role with CREATEDB, CREATEROLE and INHERIT, as managed servers give it. Section 4.1 of the
     * design says what differs.
     */
    Optional<String> username();

    Optional<String> password();

    /** The host in the outputs, if clients reach the server under another name than Larder. */
    Optional<String> publicHost();

    OptionalInt publicPort();

    /**
     * How many connections one workspace may have at once, so that one workspace cannot use up the server's
     * connections. An existing workspace keeps the limit it was created with.
     */
    @WithDefault("10")
    int connectionLimit();

    /**
     * The size of temporary files that one session of a workspace may use; 0 for no limit. Each parallel worker
     * counts as a session. The workspace's role cannot change it.
     */
    @WithDefault("1G")
    MemorySize tempFileLimit();
}
