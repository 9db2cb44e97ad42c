package dev.larder.state;

import dev.larder.http.Problem;
import dev.larder.state.Promotion.Result;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Uploads of state bodies. A write counts as failed from before its body is read until it is accepted: a body that
 * ends in the middle leaves its mark on the mutation. The bodies that this process reads at once are bounded by
 * bytes.
 */
@ApplicationScoped
class Uploads {

    private final SnapshotStore snapshots;
    private final OpenMutationStore mutations;
    private final WakeUps wakeUps;
    private final InstantSource clock;
    private final Duration lockLease;
    private final long bodyMax;
    private final long atOnce;
    private final AtomicLong reading = new AtomicLong();

    Uploads(
            SnapshotStore snapshots,
            OpenMutationStore mutations,
            WakeUps wakeUps,
            InstantSource clock,
            @ConfigProperty(name = "larder.state.lock-lease", defaultValue = "2h") Duration lockLease,
            @ConfigProperty(name = "larder.state.hard-max-size", defaultValue = "128M") MemorySize hardMax,
            @ConfigProperty(name = "larder.state.uploads-at-once", defaultValue = "256M") MemorySize atOnce) {
        this.snapshots = snapshots;
        this.mutations = mutations;
        this.wakeUps = wakeUps;
        this.clock = clock;
        this.lockLease = lockLease;
        this.bodyMax = hardMax.asLongValue();
        // One body of the largest size must always find room.
        this.atOnce = Math.max(bodyMax, atOnce.asLongValue());
    }

    /** Bytes of the largest body that is kept at all. */
    long bodyMax() {
        return bodyMax;
    }

    /** How long a tool's lock lasts after its last upload. */
    Duration lockLease() {
        return lockLease;
    }

    /** Room for a body, until it is closed. */
    interface Room extends AutoCloseable {
        @Override
        void close();
    }

    /** Takes room for a body of this many bytes. Code: 503 {@code uploads_busy}; 413 {@code state_too_large}. */
    Room room(long bytes) {
        if (bytes > bodyMax) {
            throw Problem.of(413, "state_too_large", "The body is larger than " + bodyMax + " bytes.");
        }
        if (reading.addAndGet(bytes) > atOnce) {
            long unused = reading.addAndGet(-bytes);
            throw Problem.of(503, "uploads_busy", "Many large states are uploaded at the moment; send it again.")
                    .withHeader("Retry-After", "2");
        }
        return () -> reading.addAndGet(-bytes);
    }

    /** To be called before the body is read. */
    Uni<Void> announce(Optional<UUID> mutation) {
        return mutation.map(mutations::announceWrite)
                .orElseGet(() -> Uni.createFrom().voidItem());
    }

    /** Makes an announced upload the next version, or keeps it as a reject. */
    Uni<Result> put(Upload upload) {
        return snapshots
                .put(upload)
                .call(result -> noted(upload, result))
                .invoke(() -> wakeUps.changed(Change.STATE_EVENT));
    }

    private Uni<Void> noted(Upload upload, Result result) {
        return result instanceof Result.Rejected || upload.mutation().isEmpty()
                ? Uni.createFrom().voidItem()
                : mutations.written(upload.mutation().get(), result instanceof Result.Same, lockLease, clock.instant());
    }
}
