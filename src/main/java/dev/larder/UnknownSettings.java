package dev.larder;

import dev.larder.cleanup.CleanupSettings;
import jakarta.inject.Singleton;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.spi.ConfigSource;
import org.jboss.logging.Logger;

/**
 * Names settings that nothing reads, so that a mistyped one does not go unnoticed. They are logged and do not end the
 * process: Kubernetes gives every container variables that begin with the name of each service.
 */
@Singleton
class UnknownSettings {

    private static final Logger LOG = Logger.getLogger(UnknownSettings.class);

    /**
     * Every setting that begins with {@code larder.}. Injected settings cannot be listed at run time, so they
     * are listed here, and a test compares the list with what the code declares. For tests alone:
     * {@code larder.clock.offset}. For benchmarks alone: {@code larder.wake.enabled}.
     */
    static final Set<String> KNOWN = Set.of(
            "larder.access.tokens-per-user",
            "larder.backend.exec.enabled",
            "larder.backend.exec.line-limit",
            "larder.backend.exec.log-limit",
            "larder.backend.exec.ready-every",
            "larder.backend.exec.root",
            "larder.backend.exec.stop-grace",
            "larder.backend.postgres.connection-limit",
            "larder.backend.postgres.password",
            "larder.backend.postgres.public-host",
            "larder.backend.postgres.public-port",
            "larder.backend.postgres.temp-file-limit",
            "larder.backend.postgres.url",
            "larder.backend.postgres.username",
            "larder.backend.terraform.address",
            "larder.backend.terraform.binary",
            "larder.backend.terraform.drain",
            "larder.backend.terraform.enabled",
            "larder.backend.terraform.environment",
            "larder.backend.terraform.plugin-cache",
            "larder.backend.terraform.provider-mirror",
            "larder.backend.terraform.root",
            "larder.bootstrap.token-file",
            "larder.claim.combine",
            "larder.claim.combine-max",
            "larder.claim.full-scan-every",
            "larder.claim.hold",
            "larder.claim.waiting-max",
            "larder.claim.waiting-max-per-user",
            "larder.claim.watermark",
            "larder.cleanup.every",
            "larder.cleanup.state-versions.keep-intermediate",
            "larder.clock.offset",
            "larder.connections.kept",
            "larder.connections.organization-percent",
            "larder.database.direct-url",
            "larder.database.idle-transaction-timeout",
            "larder.database.lock-timeout",
            "larder.database.named-statements",
            "larder.database.statement-timeout",
            "larder.encryption.key",
            "larder.events.replay",
            "larder.files.body-timeout",
            "larder.files.idle-timeout",
            "larder.files.max-size",
            "larder.files.organization-max",
            "larder.follow.claims-max",
            "larder.follow.events-max",
            "larder.follow.logs-max",
            "larder.follow.organization-percent",
            "larder.follow.rollouts-max",
            "larder.follow.user-percent",
            "larder.http.body-max",
            "larder.http.body-timeout",
            "larder.inventory.every",
            "larder.inventory.grace",
            "larder.drift.at-once",
            "larder.drift.interval",
            "larder.drift.round",
            "larder.drift.timeout",
            "larder.janitor.interval",
            "larder.log.json",
            "larder.metrics.cleanup-every",
            "larder.metrics.inventory-every",
            "larder.metrics.jobs-every",
            "larder.metrics.token",
            "larder.objects.access-key",
            "larder.objects.bucket",
            "larder.objects.check-interval",
            "larder.objects.endpoint",
            "larder.objects.kind",
            "larder.objects.max-size",
            "larder.objects.prefix",
            "larder.objects.region",
            "larder.objects.secret-key",
            "larder.objects.timeout",
            "larder.reconcile.backoff-interval",
            "larder.reconcile.concurrency",
            "larder.reconcile.cycle-deadline",
            "larder.reconcile.failure-lookback",
            "larder.reconcile.hard-limit",
            "larder.reconcile.interval",
            "larder.reconcile.lock-silence",
            "larder.reconcile.show-every",
            "larder.reconcile.stop-deadline",
            "larder.role",
            "larder.state.body-timeout",
            "larder.state.cache-size",
            "larder.state.current-key",
            "larder.state.hard-max-size",
            "larder.state.inline-below",
            "larder.state.keys",
            "larder.state.lock-lease",
            "larder.state.max-size",
            "larder.state.named-max",
            "larder.state.rotation-interval",
            "larder.state.uploads-at-once",
            "larder.stop.delay",
            "larder.stop.requests",
            "larder.wake.enabled",
            "larder.webhooks.allowed-networks",
            "larder.webhooks.at-once",
            "larder.webhooks.at-once-per-webhook",
            "larder.webhooks.disable-after",
            "larder.webhooks.give-up-after",
            "larder.webhooks.http",
            "larder.webhooks.pending-max",
            "larder.webhooks.per-organization",
            "larder.webhooks.timeout",
            "larder.worker.drain",
            "larder.worker.enabled",
            "larder.worker.files-max-size",
            "larder.worker.files-root",
            "larder.worker.heartbeat",
            "larder.worker.log-retention",
            "larder.worker.max-attempts",
            "larder.worker.name",
            "larder.worker.overrun",
            "larder.worker.patience",
            "larder.worker.poll",
            "larder.worker.reserved",
            "larder.worker.slots",
            "larder.worker.tags");

    private static final Set<String> KNOWN_VARIABLES =
            KNOWN.stream().map(UnknownSettings::variable).collect(Collectors.toUnmodifiableSet());

    /** What the main command, {@code larder worker} and the commands that call a server read themselves. */
    private static final Set<String> OTHERS = Set.of(
            "LARDER_HOME",
            "LARDER_PORT",
            "LARDER_DATASOURCE_URL",
            "LARDER_SERVER",
            "LARDER_TOKEN",
            "LARDER_CONFIG",
            "LARDER_CONTEXT",
            "LARDER_ORGANIZATION",
            "LARDER_URL");

    private static final Pattern OF_KUBERNETES = Pattern.compile(
            "LARDER(_[A-Z0-9]+)*_(SERVICE_(HOST|PORT)|PORT_[0-9]+_(TCP|UDP))(_.*)?|LARDER(_[A-Z0-9]+)*_PORT");

    private final Config config;
    private final CleanupSettings cleanup;

    UnknownSettings(Config config, CleanupSettings cleanup) {
        this.config = config;
        this.cleanup = cleanup;
    }

    void log() {
        Map<String, String> found = new TreeMap<>();
        for (ConfigSource source : config.getConfigSources()) {
            boolean environment = source.getName().startsWith("EnvConfigSource");
            source.getPropertyNames().stream()
                    // Variables are listed a second time as the property that they may stand for.
                    .filter(name -> !environment || name.startsWith("LARDER_"))
                    .filter(name -> isUnknown(name) && !isOfCleanup(name))
                    .forEach(name -> found.put(name, source.getName()));
        }
        found.forEach((name, source) -> LOG.warnf("unknown setting, it has no effect name=%s source=%s", name, source));
    }

    /** Those of the types of clean-up, which every room adds to. */
    private boolean isOfCleanup(String name) {
        return cleanup.keys().stream()
                .anyMatch(key -> key.equals(name) || variable(key).equals(name));
    }

    static boolean isUnknown(String name) {
        if (name.startsWith("LARDER_")) {
            return !KNOWN_VARIABLES.contains(name)
                    && !name.startsWith("LARDER_WORKER_TAGS_")
                    && !OTHERS.contains(name)
                    && !OF_KUBERNETES.matcher(name).matches();
        }
        return name.startsWith("larder.") && !KNOWN.contains(name) && !name.startsWith("larder.worker.tags.");
    }

    private static String variable(String key) {
        return key.toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9]", "_");
    }
}
