package dev.larder.worker.postgres;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.util.Optional;
import java.util.OptionalInt;

/** The server that workspaces are made on. */
@ConfigMapping(prefix = "larder.backend.postgres")
public interface PostgresSettings {

    /** {@code postgresql://host:port/postgres}; without it this backend is not offered. PostgreSQL 15 or newer. */
    Optional<String> url();

    /** A superuser: it gives databases to others and ends their sessions. */
    Optional<String> username();

    Optional<String> password();

    /** What claimers are told to connect to, where it is not what Larder connects to. */
    Optional<String> publicHost();

    OptionalInt publicPort();

    /**
     * How many connections one workspace may have at once, so that none takes the server away from the others. What was made
     * with another limit keeps it.
     */
    @WithDefault("10")
    int connectionLimit();

    /**
     * How large the temporary files of one session of a workspace may be; 0 for no limit. Each parallel worker counts as a
     * session. The role cannot change it.
     */
    @WithDefault("1G")
    MemorySize tempFileLimit();
}
