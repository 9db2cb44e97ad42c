package dev.larder.webhooks;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Webhooks (decision 0041). */
@ConfigMapping(prefix = "larder.webhooks")
public interface WebhookSettings {

    /** How many webhooks an organization may have. */
    @WithDefault("20")
    int perOrganization();

    /** Whether receivers may be called without TLS. */
    @WithDefault("false")
    boolean http();

    /** Networks that are not public and may be called all the same, such as {@code 10.1.0.0/16}. */
    Optional<List<String>> allowedNetworks();

    /** How many requests this server has open at once; at most half of them to webhooks that fail. */
    @WithDefault("32")
    int atOnce();

    /** How many requests of one webhook are open at once; of a webhook that fails it is one. */
    @WithDefault("4")
    int atOncePerWebhook();

    /** The most time that an attempt takes, from the look-up of the address to the answer. */
    @WithDefault("10s")
    Duration timeout();

    /** How long a delivery is tried again. */
    @WithDefault("24h")
    Duration giveUpAfter();

    /** A webhook of which all attempts have failed for so long is disabled. */
    @WithDefault("72h")
    Duration disableAfter();

    /** A webhook with more pending deliveries than this is disabled. */
    @WithDefault("100000")
    int pendingMax();
}
