package dev.larder.worker.terraform;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** How Terraform modules are run. */
@ConfigMapping(prefix = "larder.backend.terraform")
public interface TerraformSettings {

    /** Off by default: a module runs programs as the worker's own user. */
    @WithDefault("false")
    boolean enabled();

    /** The tool; {@code terraform} of the path without it, or else {@code tofu}. */
    Optional<Path> binary();

    /** The folders of jobs are made below it. It must belong to the worker's user. */
    @WithDefault("${java.io.tmpdir}/larder-terraform")
    Path root();

    /** Names of variables that the tool gets from the worker's environment: credentials, proxies. */
    Optional<List<String>> environment();

    /** A folder in which downloaded providers are kept for later jobs. */
    Optional<Path> pluginCache();

    /** Where providers are taken from, and from nowhere else: a folder, or the https address of a network mirror. */
    Optional<String> providerMirror();

    /** The server's address as the tool reaches it; the server's own, or the one that a remote worker was given. */
    Optional<String> address();

    /**
     * How long the tool may take to end after it was asked to stop: by a cancel, by the deadline of its job, by the
     * end of the worker. Then it is killed. It must be shorter than {@code larder.worker.overrun} of the server.
     */
    @WithDefault("10m")
    Duration drain();
}
