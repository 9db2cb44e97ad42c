package dev.larder;

import dev.larder.cleanup.CleanupSettings;
import dev.larder.database.Direct;
import dev.larder.database.Encryption;
import dev.larder.jobs.QueueSettings;
import dev.larder.model.Backend;
import dev.larder.model.MisconfiguredException;
import dev.larder.objects.ObjectStore;
import dev.larder.webhooks.WebhookSettings;
import dev.larder.webhooks.Webhooks;
import dev.larder.worker.WorkerSettings;
import io.quarkus.arc.All;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** Checks the configuration before HTTP opens and before the database is connected. */
@Singleton
class StartCheck {

    private static final String CANNOT_PARSE = "Cannot parse invalid connection URI";
    private static final int CAUSES_MAX = 16;

    private final Instance<Encryption> encryption;
    private final Direct direct;
    private final Instance<ObjectStore> objects;
    private final WorkerSettings worker;
    private final QueueSettings queue;
    private final CleanupSettings cleanup;
    private final WebhookSettings webhooks;
    private final List<Backend> backends;
    private final UnknownSettings unknown;

    StartCheck(
            Instance<Encryption> encryption,
            Direct direct,
            Instance<ObjectStore> objects,
            WorkerSettings worker,
            QueueSettings queue,
            CleanupSettings cleanup,
            WebhookSettings webhooks,
            @All List<Backend> backends,
            UnknownSettings unknown) {
        this.encryption = encryption;
        this.direct = direct;
        this.objects = objects;
        this.worker = worker;
        this.queue = queue;
        this.cleanup = cleanup;
        this.webhooks = webhooks;
        this.backends = backends;
        this.unknown = unknown;
    }

    /**
     * Fails with {@link MisconfiguredException}. Unknown settings are only logged, since another version may
     * have them.
     */
    void refuseUnusable() {
        unknown.log();
        Encryption unused = checked(encryption::get, "quarkus.datasource.reactive.url");
        var address = checked(direct::address, "quarkus.datasource.reactive.url");
        cleanup.refuseUnusable();
        Webhooks.refuseUnusable(webhooks);
        ObjectStore opened = checked(objects::get, "quarkus.datasource.reactive.url");
        if (worker.enabled()) {
            refuseUnworkable();
            Backend.refuseUnusable(checked(this::offered, "larder.backend.postgres.url"));
        }
    }

    private List<Backend> offered() {
        return backends.stream().filter(Backend::offered).toList();
    }

    private void refuseUnworkable() {
        if (worker.slots() < 1) {
            throw new MisconfiguredException("larder.worker.slots must be 1 or more, not " + worker.slots()
                    + "; larder.worker.enabled=false works on nothing");
        }
        if (worker.reserved()
                .filter(reserved -> reserved < 0 || reserved >= worker.slots())
                .isPresent()) {
            throw new MisconfiguredException(
                    "larder.worker.reserved must be 0 or more and less than larder.worker.slots, not "
                            + worker.reserved().orElseThrow());
        }
        positive("larder.worker.poll", worker.poll());
        positive("larder.worker.heartbeat", queue.heartbeat());
    }

    private static void positive(String key, Duration value) {
        if (value.toMillis() < 1) {
            throw new MisconfiguredException(key + " must be longer than nothing");
        }
    }

    /** Creates a lazy bean now, so that its configuration is checked. */
    private static <T> T checked(Supplier<T> use, String addressKey) {
        try {
            return use.get();
        } catch (RuntimeException unusable) {
            throw refusal(unusable, addressKey).orElseThrow(() -> unusable);
        }
    }

    private static Optional<MisconfiguredException> refusal(Throwable unusable, String addressKey) {
        int depth = 0;
        for (Throwable cause = unusable; cause != null && depth < CAUSES_MAX; cause = cause.getCause()) {
            if (cause instanceof MisconfiguredException told) {
                return Optional.of(told);
            }
            // The client's message contains the whole address, which may contain a password.
            if (String.valueOf(cause.getMessage()).contains(CANNOT_PARSE)) {
                return Optional.of(
                        new MisconfiguredException(addressKey + " must be like postgresql://host:5432/database"));
            }
            depth++;
        }
        return Optional.empty();
    }
}
