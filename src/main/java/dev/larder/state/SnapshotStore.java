package dev.larder.state;

import dev.larder.database.Worked;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.state.Promotion.Decision;
import dev.larder.state.Promotion.Result;
import dev.larder.state.StateReads.Found;
import dev.larder.state.StateReads.StoredReject;
import dev.larder.state.VersionStore.Content;
import dev.larder.state.VersionStore.Settlement;
import dev.larder.state.Versions.Outputs;
import dev.larder.state.Versions.Reject;
import dev.larder.state.Versions.Version;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What is known of states: read, written as the next version, restored (decision 0033). A failure of a call
 * that is the caller's or the state's is a {@link StateProblemException}; others are the database's.
 */
@ApplicationScoped
public class SnapshotStore {

    /** Attempts of one call, each against the current version as it is then. Then an upload is kept as a reject. */
    private static final int ATTEMPTS_MAX = 3;

    private final StateReads reads;
    private final VersionStore versions;
    private final Vault vault;
    private final InstantSource clock;

    SnapshotStore(StateReads reads, VersionStore versions, Vault vault, InstantSource clock) {
        this.reads = reads;
        this.versions = versions;
        this.vault = vault;
        this.clock = clock;
    }

    /** Empty where there is no such state. */
    Uni<Optional<Snapshot>> find(UUID state) {
        return reads.find(state);
    }

    /** Empty where there is no such workspace, or no job has ever worked on its state. */
    Uni<Optional<Snapshot>> ofWorkspace(UUID workspace) {
        return reads.ofWorkspace(workspace);
    }

    /** Newest first. */
    Uni<Page<Version>> versions(UUID state, PageRequest page) {
        return reads.versions(state, page);
    }

    /** Newest first. */
    Uni<Page<Reject>> rejects(UUID state, PageRequest page) {
        return reads.rejects(state, page);
    }

    /**
     * Opens a version; an opened one is kept in memory. Fails with state_not_found, version_not_found,
     * state_body_missing, state_corrupt, encryption_key_unavailable. Where the current version is missing or
     * damaged, the state is corrupt.
     */
    Uni<Body> read(UUID state, long version) {
        return vault.cached(state, version)
                .map(body -> Uni.createFrom().item(body))
                .orElseGet(() -> reads.stored(state, version)
                        .chain(found -> open(state, version, found))
                        .onFailure(StateProblemException.class)
                        .call(failure -> mark(state, version, failure)));
    }

    private Uni<Body> open(UUID state, long version, Optional<Found> found) {
        if (found.isEmpty()) {
            return problem("state_not_found", "There is no such state.");
        }
        StateReads.@Nullable StoredBody row = found.get().row();
        if (row == null) {
            return found.get().current() && version > 0
                    ? problem("state_body_missing", "The row of the current version is missing.")
                    : problem("version_not_found", "The state has no version " + version + ".");
        }
        return vault.openVersion(state, version, row);
    }

    private Uni<Void> mark(UUID state, long version, Throwable failure) {
        String code = ((StateProblemException) failure).code();
        return switch (code) {
            case "state_body_missing", "state_corrupt" -> versions.markCorrupt(state, version, code, clock.instant());
            default -> Uni.createFrom().voidItem();
        };
    }

    /** Of the current version. Fails as {@link #read} does. */
    Uni<Outputs> outputs(UUID state) {
        return found(state).chain(this::outputs);
    }

    private Uni<Outputs> outputs(Snapshot snapshot) {
        if (snapshot.version() == 0) {
            return Uni.createFrom().item(new Outputs(0, true, Map.of()));
        }
        return read(snapshot.state(), snapshot.version())
                .chain(body -> Worked.off(() -> StateOutputs.of(body.version(), body.bytes())));
    }

    private Uni<Snapshot> found(UUID state) {
        return find(state)
                .map(found -> found.orElseThrow(
                        () -> new StateProblemException("state_not_found", "There is no such state.")));
    }

    /**
     * Makes an upload the next version, or keeps it as a reject. Answers after the commit. Fails with
     * state_not_found, and with state_too_large above {@code larder.state.hard-max-size}: such a body is not
     * kept.
     */
    Uni<Result> put(Upload upload) {
        if (vault.isTooLargeToKeep(upload.bytes())) {
            return problem("state_too_large", "The body is larger than larder.state.hard-max-size.");
        }
        return vault.oneAtATime(
                upload.state(),
                upload.bytes(),
                () -> vault.pack(upload.bytes(), upload.contentType()).chain(packed -> decide(upload, packed, 1)));
    }

    private Uni<Result> decide(Upload upload, Pack packed, int attempt) {
        return reads.base(upload, packed.digest(), clock.instant())
                .map(found -> found.orElseThrow(
                        () -> new StateProblemException("state_not_found", "There is no such state.")))
                .chain(base -> perform(base, upload, packed, attempt));
    }

    private Uni<Result> perform(Promotion.Base now, Upload upload, Pack packed, int attempt) {
        return switch (Promotion.decide(now, vault.candidate(upload, packed))) {
            case Decision.Promote(long base) -> promote(upload, packed, base, attempt);
            case Decision.Same(long version) -> Uni.createFrom().item(new Result.Same(version));
            case Decision.Reject rejected -> reject(upload, packed, rejected, now.version());
        };
    }

    private Uni<Result> promote(Upload upload, Pack packed, long base, int attempt) {
        return vault.sealVersion(upload.state(), base + 1, packed)
                .chain(content -> versions.promote(upload, base, content, clock.instant()))
                .chain(promoted -> promoted.isPresent()
                        ? Uni.createFrom().item(new Result.Promoted(promoted.get()))
                        : lost(upload, packed, base, attempt));
    }

    private static final Decision.Reject LOST =
            new Decision.Reject("write_conflict", "Other uploads of this state came first each time.");

    private Uni<Result> lost(Upload upload, Pack packed, long base, int attempt) {
        return attempt < ATTEMPTS_MAX ? decide(upload, packed, attempt + 1) : reject(upload, packed, LOST, base);
    }

    private Uni<Result> reject(Upload upload, Pack packed, Decision.Reject why, long current) {
        UUID id = vault.newReject();
        return vault.sealReject(upload.state(), id, packed)
                .chain(content -> versions.reject(upload, id, why.code(), content, clock.instant()))
                .map(kept -> new Result.Rejected(why.code(), why.detail(), kept, current));
    }

    /** A kept upload, byte for byte. Its version is 0. Fails as {@link #read} does, and with reject_not_found. */
    Uni<Body> reject(UUID reject) {
        return stored(reject).chain(found -> vault.openReject(found.state(), reject, found.row()));
    }

    private Uni<StoredReject> stored(UUID reject) {
        return reads.storedReject(reject)
                .map(found -> found.orElseThrow(
                        () -> new StateProblemException("reject_not_found", "There is no such reject.")));
    }

    /**
     * Makes the bytes of an earlier version the current version. The state is reliable then. Fails as
     * {@link #read} does, and with mutation_in_progress and state_tombstoned.
     */
    Uni<Result> restore(UUID state, long version, UUID user, String reason) {
        return settleable(state)
                .chain(() -> read(state, version))
                .chain(body -> vault.pack(body.bytes(), body.contentType()))
                .chain(packed -> restore(state, packed, new Why(user, reason, null), 1));
    }

    /**
     * Makes the bytes of a reject the current version, and removes the reject. The state is reliable then. Fails as
     * {@link #restore} does, with reject_not_found, and with malformed_state or unsupported_state_format where the
     * reject is no state that can be read.
     */
    Uni<Result> promote(UUID reject, UUID user) {
        return stored(reject).chain(found -> promote(reject, user, found));
    }

    private Uni<Result> promote(UUID reject, UUID user, StoredReject found) {
        return settleable(found.state())
                .chain(() -> vault.openReject(found.state(), reject, found.row()))
                .chain(body -> vault.pack(body.bytes(), body.contentType()))
                .invoke(SnapshotStore::refuseUnread)
                .chain(packed -> restore(found.state(), packed, new Why(user, "reject " + reject, reject), 1));
    }

    private static void refuseUnread(Pack packed) {
        switch (packed.file()) {
            case StateFile.Malformed malformed ->
                throw new StateProblemException("malformed_state", "The body " + malformed.reason() + ".");
            case StateFile.OtherFormat(long format) ->
                throw new StateProblemException("unsupported_state_format", StateFile.unsupported(format));
            case StateFile.Clear clear -> {}
            case StateFile.Encrypted encrypted -> {}
        }
    }

    /** @param reject null: no reject */
    private record Why(UUID user, String reason, @Nullable UUID reject) {

        Settlement of(Snapshot snapshot) {
            return new Settlement(snapshot.state(), snapshot.version(), user, reason, reject);
        }
    }

    private Uni<Result> restore(UUID state, Pack packed, Why why, int attempt) {
        return settleable(state)
                .chain(snapshot -> vault.sealVersion(state, snapshot.version() + 1, packed)
                        .chain(content -> versions.restore(why.of(snapshot), content, clock.instant())))
                .chain(restored -> settled(restored, attempt, () -> restore(state, packed, why, attempt + 1)));
    }

    private static Uni<Result> settled(Optional<Long> version, int attempt, Supplier<Uni<Result>> again) {
        if (version.isPresent()) {
            return Uni.createFrom().item(new Result.Promoted(version.get()));
        }
        return attempt < ATTEMPTS_MAX
                ? again.get()
                : problem("mutation_in_progress", "The state is being changed by others at the moment.");
    }

    /** The state, unless it is being changed or was destroyed. */
    private Uni<Snapshot> settleable(UUID state) {
        return found(state).invoke(snapshot -> {
            switch (snapshot.status()) {
                case "in_flight" ->
                    throw new StateProblemException("mutation_in_progress", "A mutation of the state is open.");
                case "tombstoned" -> throw new StateProblemException("state_tombstoned", "The state was destroyed.");
                default -> {}
            }
        });
    }

    /**
     * Says that the current version is true all the same: a new version with its bytes, which is reliable. A
     * state that is not unreliable is left as it is. Fails as {@link #restore} does, and with version_conflict; a
     * corrupt state has nothing to acknowledge.
     *
     * @param expected the current version that the state must have
     */
    Uni<Result> acknowledge(UUID state, OptionalLong expected, UUID user, String reason) {
        return acknowledge(state, expected, new Why(user, reason, null), 1);
    }

    private Uni<Result> acknowledge(UUID state, OptionalLong expected, Why why, int attempt) {
        return settleable(state)
                .invoke(snapshot -> refuseOther(snapshot, expected))
                .chain(snapshot -> switch (snapshot.status()) {
                    case "unreliable" -> acknowledge(snapshot, expected, why, attempt);
                    case "corrupt" ->
                        problem("state_corrupt", "The current version cannot be read; restore another one.");
                    default -> Uni.createFrom().item(new Result.Same(snapshot.version()));
                });
    }

    private static void refuseOther(Snapshot snapshot, OptionalLong expected) {
        if (expected.orElse(snapshot.version()) != snapshot.version()) {
            throw StateProblemException.otherVersion(snapshot.version());
        }
    }

    private Uni<Result> acknowledge(Snapshot snapshot, OptionalLong expected, Why why, int attempt) {
        Uni<Optional<Long>> acknowledged = snapshot.version() == 0
                ? versions.acknowledge(why.of(snapshot), null, clock.instant())
                : sealAgain(snapshot)
                        .chain(content -> versions.acknowledge(why.of(snapshot), content, clock.instant()));
        return acknowledged.chain(
                version -> settled(version, attempt, () -> acknowledge(snapshot.state(), expected, why, attempt + 1)));
    }

    private Uni<Content> sealAgain(Snapshot snapshot) {
        return read(snapshot.state(), snapshot.version())
                .chain(body -> vault.pack(body.bytes(), body.contentType()))
                .chain(packed -> vault.sealVersion(snapshot.state(), snapshot.version() + 1, packed));
    }

    private static <T> Uni<T> problem(String code, String message) {
        return Uni.createFrom().failure(new StateProblemException(code, message));
    }
}
