package dev.larder.state;

import dev.larder.database.Bulkhead;
import dev.larder.database.Encryption;
import dev.larder.database.Worked;
import dev.larder.model.Ids;
import dev.larder.model.MisconfiguredException;
import dev.larder.state.Envelope.Place;
import dev.larder.state.StateBodies.Stored;
import dev.larder.state.StateReads.StoredBody;
import dev.larder.state.VersionStore.Content;
import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/** Packs, seals and opens bodies, off the event loop and within limits. It decides nothing. */
@ApplicationScoped
class Vault {

    private static final Logger LOG = Logger.getLogger(Vault.class);

    /** Above it a body takes memory and time that are worth bounding. */
    private static final int LARGE_BYTES = 1024 * 1024;

    /** Up to it, to hand a body to several threads takes longer than it saves. */
    private static final int SMALL_BYTES = 256 * 1024;

    /** So many packed or sealed bytes are sealed or opened in place: it takes less time than to change threads. */
    private static final int IN_PLACE_BYTES = 16 * 1024;

    /** Large uploads that are worked on at the same time, of all states. */
    private static final int LARGE_AT_ONCE = 4;

    private static final int LINE_MAX = 16;
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final Bulkhead<UUID> largeOfState = new Bulkhead<>(1, LINE_MAX, PATIENCE);
    private final Bulkhead<String> large = new Bulkhead<>(LARGE_AT_ONCE, LINE_MAX, PATIENCE);
    private final Encryption encryption;
    private final Envelope envelope;
    private final StateBodies bodies;
    private final BodyCache cache;
    private final Ids ids;
    private final Sizes sizes;

    /**
     * Bytes of a body.
     *
     * @param version at most, inclusive
     * @param reject at most, inclusive
     */
    record Sizes(long version, long reject) {

        Sizes {
            if (version < 1 || reject < version || reject > Integer.MAX_VALUE / 2) {
                throw new MisconfiguredException(
                        "larder.state.max-size must be at least 1 byte, and larder.state.hard-max-size from that to 1023M");
            }
        }
    }

    @Inject
    Vault(
            Encryption encryption,
            StateKeys keys,
            StateBodies bodies,
            BodyCache cache,
            Ids ids,
            @ConfigProperty(name = "larder.state.max-size", defaultValue = "32M") MemorySize max,
            @ConfigProperty(name = "larder.state.hard-max-size", defaultValue = "128M") MemorySize hardMax) {
        this(encryption, keys, bodies, cache, ids, new Sizes(max.asLongValue(), hardMax.asLongValue()));
    }

    Vault(Encryption encryption, StateKeys keys, StateBodies bodies, BodyCache cache, Ids ids, Sizes sizes) {
        this.encryption = encryption;
        this.envelope = new Envelope(keys);
        this.bodies = bodies;
        this.cache = cache;
        this.ids = ids;
        this.sizes = sizes;
    }

    Optional<Body> cached(UUID state, long version) {
        return cache.find(state, version);
    }

    boolean isTooLargeToKeep(byte[] bytes) {
        return bytes.length > sizes.reject();
    }

    Promotion.Candidate candidate(Upload upload, Pack pack) {
        Upload.Conditions conditions = upload.conditions();
        boolean differs = conditions
                .contentMd5()
                .filter(md5 -> !MessageDigest.isEqual(md5, Packed.md5(pack.packed())))
                .isPresent();
        return new Promotion.Candidate(
                pack.file(), pack.size() > sizes.version(), differs, conditions.version(), conditions.force());
    }

    UUID newReject() {
        return ids.next();
    }

    /** Large uploads of one state run one after the other, and only a few of all states at once. */
    <T> Uni<T> oneAtATime(UUID state, byte[] bytes, Supplier<Uni<T>> work) {
        return bytes.length <= LARGE_BYTES ? work.get() : largeOfState.in(state, () -> large.in("all", work));
    }

    /** A large body on two threads: reading and digesting it takes as long as compressing it. */
    Uni<Pack> pack(byte[] bytes, String contentType) {
        if (bytes.length <= SMALL_BYTES) {
            return Worked.off(() -> new Pack(
                    StateFile.of(bytes),
                    bytes.length,
                    encryption.fingerprint(bytes),
                    contentType,
                    Packed.of(bytes, md5(bytes))));
        }
        return Uni.combine()
                .all()
                .unis(
                        Worked.off(() -> StateFile.of(bytes)),
                        Worked.off(() -> encryption.fingerprint(bytes)),
                        Worked.off(() -> Packed.of(bytes, md5(bytes))))
                .with((file, digest, packed) -> new Pack(file, bytes.length, digest, contentType, packed));
    }

    private static byte[] md5(byte[] bytes) {
        try {
            return MessageDigest.getInstance("MD5").digest(bytes);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    Uni<Content> sealVersion(UUID state, long version, Pack pack) {
        return seal(Place.ofVersion(state, version, pack.digest()), pack);
    }

    Uni<Content> sealReject(UUID state, UUID reject, Pack pack) {
        return seal(Place.ofReject(state, reject, pack.digest()), pack);
    }

    private Uni<Content> seal(Place place, Pack pack) {
        return inPlace(pack.packed(), () -> envelope.seal(place, pack.packed())).chain(body -> keep(place, pack, body));
    }

    private static <T> Uni<T> inPlace(byte[] bytes, Supplier<T> work) {
        return bytes.length <= IN_PLACE_BYTES ? Uni.createFrom().item(work) : Worked.off(work);
    }

    private Uni<Content> keep(Place place, Pack pack, Sealed body) {
        return bodies.keep(place, body.body()).map(stored -> content(pack, body, stored));
    }

    private static Content content(Pack pack, Sealed sealed, Stored stored) {
        return new Content(
                pack.file(),
                pack.size(),
                pack.digest(),
                pack.contentType(),
                sealed.keyId(),
                sealed.wrappedKey(),
                stored);
    }

    /** Fails with state_body_missing, state_corrupt, encryption_key_unavailable. */
    Uni<Body> openVersion(UUID state, long version, StoredBody row) {
        return open(Place.ofVersion(state, version, row.digest()), row).invoke(body -> cache.keep(state, body));
    }

    /** The same for a reject; its version is 0. */
    Uni<Body> openReject(UUID state, UUID reject, StoredBody row) {
        return open(Place.ofReject(state, reject, row.digest()), row);
    }

    private Uni<Body> open(Place place, StoredBody row) {
        return bodies.fetch(row.stored())
                .map(found -> found.orElseThrow(
                        () -> refused(place, "state_body_missing", "The body of the version is missing.")))
                .chain(body -> inPlace(body, () -> opened(place, row, body)))
                .onFailure(DamagedException.class)
                .transform(damaged -> refused(
                        place, "state_corrupt", "The body of the version was changed, or moved from another row."))
                .onFailure(MissingKeyException.class)
                .transform(missing ->
                        refused(place, "encryption_key_unavailable", "This server does not have the key of the body."));
    }

    private Body opened(Place place, StoredBody row, byte[] body) {
        byte[] packed = envelope.open(place, new Sealed(row.keyId(), row.wrappedKey(), body));
        byte[] bytes = Packed.bytes(packed);
        return new Body(
                place.version(),
                bytes,
                row.contentType(),
                Packed.md5(packed),
                HexFormat.of().formatHex(row.digest()));
    }

    private static StateProblemException refused(Place place, String code, String message) {
        LOG.errorf("state body not opened state=%s version=%d code=%s", place.state(), place.version(), code);
        return new StateProblemException(code, message);
    }
}
