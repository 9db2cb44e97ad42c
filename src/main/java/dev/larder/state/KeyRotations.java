package dev.larder.state;

import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.state.Envelope.Place;
import dev.larder.state.KeyRotationStore.Rotation;
import dev.larder.state.KeyRotationStore.Wrapped;
import dev.larder.wakeup.Loop;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Wraps the data keys of all bodies with the current key, in batches, so that an older key can be taken out
 * of the ring. One rotation runs at a time. It can be stopped; a later one goes on where it was, since it
 * only looks at what another key wraps. The rotation of a server that was killed is resumed by another one,
 * or by the same one after its start.
 */
@ApplicationScoped
public class KeyRotations {

    private static final Logger LOG = Logger.getLogger(KeyRotations.class);
    private static final int BATCH = 200;
    private static final UUID FIRST = new UUID(0, 0);

    /** A server that works on a rotation beats with each batch. */
    static final Duration SILENT = Duration.ofMinutes(1);

    /** Then no server has its key. */
    static final Duration ABANDONED = Duration.ofMinutes(5);

    private final KeyRotationStore store;
    private final StateKeys keys;
    private final Envelope envelope;
    private final InstantSource clock;
    private final Loop loop = new Loop("key rotation", this::batch);
    private volatile @Nullable Walk walk;

    KeyRotations(KeyRotationStore store, StateKeys keys, InstantSource clock) {
        this.store = store;
        this.keys = keys;
        this.envelope = new Envelope(keys);
        this.clock = clock;
    }

    /** Begins one to the current key of this server; it runs on. Empty where one is running already. */
    Uni<Optional<Rotation>> start(UUID user) {
        return store.begin(keys.current(), user, clock.instant()).invoke(begun -> begun.ifPresent(this::walkOn));
    }

    /** No further batch. Answers whether it was running; empty where there is no such rotation. */
    Uni<Optional<Boolean>> stop(UUID rotation, UUID user) {
        return store.stop(rotation, user, clock.instant());
    }

    /** Newest first. */
    Uni<Page<Rotation>> list(PageRequest page) {
        return store.list(page.after(), page.rows()).map(rows -> Page.of(page, rows, Rotation::id));
    }

    /** Takes over a rotation that no server works on, and goes on with the own one where a batch has failed. */
    Uni<Void> look() {
        Instant now = clock.instant();
        if (walk != null) {
            loop.wake();
            return Uni.createFrom().voidItem();
        }
        return store.adopt(now.minus(SILENT), keys.names(), now)
                .invoke(adopted -> adopted.ifPresent(this::walkOn))
                .chain(() -> store.abandon(now.minus(ABANDONED), now));
    }

    private void walkOn(Rotation rotation) {
        LOG.infof("key rotation goes on id=%s key=%s", rotation.id(), rotation.keyId());
        synchronized (this) {
            walk = new Walk(rotation, keys);
        }
        loop.wake();
    }

    /** A rotation that began while the last batch of a stopped one ran is not left with it. */
    private synchronized void leave(Walk ended) {
        if (walk == ended) {
            walk = null;
        }
    }

    /** What is still to be looked at, in this order; and how much of it could not be opened. */
    private static final class Walk {

        private final Rotation rotation;
        private final Deque<Source> sources = new ArrayDeque<>();
        private Place after = Place.ofReject(FIRST, FIRST, new byte[0]);
        private long failed;

        private record Source(String keyId, boolean ofVersions) {}

        Walk(Rotation rotation, StateKeys keys) {
            this.rotation = rotation;
            for (String keyId : keys.names()) {
                if (!keyId.equals(rotation.keyId())) {
                    sources.add(new Source(keyId, true));
                    sources.add(new Source(keyId, false));
                }
            }
        }

        void next() {
            sources.remove();
            after = Place.ofReject(FIRST, FIRST, new byte[0]);
        }
    }

    /** One batch; answers whether there may be another one. */
    private Uni<Boolean> batch() {
        Walk now = walk;
        if (now == null) {
            return Uni.createFrom().item(false);
        }
        Walk.Source source = now.sources.peek();
        return source == null ? finish(now) : read(now, source).chain(found -> rewrap(now, source, found));
    }

    private Uni<List<Wrapped>> read(Walk now, Walk.Source source) {
        return source.ofVersions()
                ? store.versions(source.keyId(), now.after.state(), now.after.version(), BATCH)
                : store.rejects(source.keyId(), now.after.reject(), BATCH);
    }

    private Uni<Boolean> rewrap(Walk now, Walk.Source source, List<Wrapped> found) {
        List<Wrapped> was = new ArrayList<>();
        List<byte[]> wrapped = new ArrayList<>();
        long failed = 0;
        for (Wrapped one : found) {
            try {
                wrapped.add(envelope.rewrap(one.place(), one.keyId(), one.key(), now.rotation.keyId()));
                was.add(one);
            } catch (DamagedException | MissingKeyException cause) {
                LOG.errorf(
                        "data key not wrapped state=%s version=%d cause=%s",
                        one.place().state(), one.place().version(), cause.getMessage());
                failed++;
            }
        }
        long failures = failed;
        return store.rewrap(now.rotation, source.ofVersions(), was, wrapped, clock.instant())
                .map(running -> on(now, found, failures, running));
    }

    private boolean on(Walk now, List<Wrapped> found, long failed, boolean running) {
        if (!running) {
            leave(now);
            return false;
        }
        now.failed += failed;
        if (found.isEmpty()) {
            now.next();
        } else {
            now.after = found.getLast().place();
        }
        return true;
    }

    private Uni<Boolean> finish(Walk now) {
        return store.others(now.rotation.keyId())
                .chain(others -> others == 0
                        ? store.end(now.rotation.id(), "completed", null, clock.instant())
                        : store.end(now.rotation.id(), "failed", error(now, others), clock.instant()))
                .invoke(ended -> {
                    leave(now);
                    LOG.infof("key rotation ended id=%s left=%s", now.rotation.id(), ended.map(Rotation::error));
                })
                .replaceWith(false);
    }

    /** New bodies may have been sealed meanwhile by servers that have another current key. */
    private static String error(Walk now, long others) {
        return others + " bodies are wrapped with other keys; " + now.failed
                + " of them could not be opened with a key of this server";
    }
}
