package dev.larder.worker.exec;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;

/** Settings of the backend that runs scripts. */
@ConfigMapping(prefix = "larder.backend.exec")
public interface ExecSettings {

    /** Off by default: scripts of template admins run as the server's own user. */
    @WithDefault("false")
    boolean enabled();

    /**
     * The folder of all jobs and workspaces. It must belong to the user of the server; no other process may clear
     * it.
     */
    @WithDefault("${java.io.tmpdir}/larder-exec")
    Path root();

    /**
     * How long a script may run after SIGINT (a cancel, or its deadline) before it is killed. Use minutes for tools
     * that must not be interrupted. Must be shorter than {@code larder.worker.overrun} of the server.
     */
    @WithDefault("5s")
    Duration stopGrace();

    /** The pause between two runs of {@code ready.sh}. */
    @WithDefault("1s")
    Duration readyEvery();

    /** Bytes of a log line. A longer line is cut. */
    @WithDefault("8192")
    int lineLimit();

    /**
     * Bytes of a job's log, counting 32 for each line: half for the beginning, half for the end. The middle is left
     * out.
     */
    @WithDefault("1048576")
    int logLimit();
}
