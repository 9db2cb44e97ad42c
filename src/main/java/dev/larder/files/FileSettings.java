package dev.larder.files;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Bounds of uploaded files. */
@ConfigMapping(prefix = "larder.files")
interface FileSettings {

    /** The most bytes of one file. */
    @WithDefault("1G")
    MemorySize maxSize();

    /** The most bytes of all files of an organization, parts included. */
    @WithDefault("10G")
    MemorySize organizationMax();

    /** How long a request may send no byte. */
    @WithDefault("30s")
    Duration idleTimeout();

    /** How long a request may take to send its body. */
    @WithDefault("1h")
    Duration bodyTimeout();
}
