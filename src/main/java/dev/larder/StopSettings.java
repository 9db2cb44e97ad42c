package dev.larder;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Settings of a stop. */
@ConfigMapping(prefix = "larder.stop")
interface StopSettings {

    /**
     * How long requests are still served after readiness went down: as long as a load balancer needs to notice.
     * Kubernetes sends SIGTERM before its endpoints are updated.
     */
    @WithDefault("3s")
    Duration delay();

    /** How long requests in flight may take after that. */
    @WithDefault("10s")
    Duration requests();
}
