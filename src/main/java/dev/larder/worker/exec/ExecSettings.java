package dev.larder.worker.exec;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;

/** How scripts are run. */
@ConfigMapping(prefix = "larder.backend.exec")
public interface ExecSettings {

    /** Off by default: scripts of template admins run as the server's own user. */
    @WithDefault("false")
    boolean enabled();

    /** Job and workspace folders lie below it; it must belong to the server's user, and nobody else may clear it. */
    @WithDefault("${java.io.tmpdir}/larder-exec")
    Path root();

    /**
     * How long a script may take to end after it was asked to by SIGINT, because of a cancel or its deadline; then it is killed.
     * Minutes for tools that must not be cut. It must be shorter than {@code larder.worker.overrun} of the server.
     */
    @WithDefault("5s")
    Duration stopGrace();

    /** Between two runs of {@code ready.sh}. */
    @WithDefault("1s")
    Duration readyEvery();

    /** A longer line is cut. Bytes. */
    @WithDefault("8192")
    int lineLimit();

    /** Half of it for the beginning, half for the end; what is printed between them is left out. Bytes, with 32 for each line. */
    @WithDefault("1048576")
    int logLimit();
}
