package dev.larder.claim;

import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.claim.GivenParameters.Chosen;
import dev.larder.claim.NewClaim.Terms;
import dev.larder.database.Encryption;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Creates claims that are not recorded yet. */
@ApplicationScoped
public class NewClaims {

    private final Ids ids;
    private final Encryption encryption;

    public NewClaims(Ids ids, Encryption encryption) {
        this.ids = ids;
        this.encryption = encryption;
    }

    /** A claim of one workspace, with a new id. */
    public NewClaim one(Caller caller, Optional<IdempotencyKey> key, Optional<Duration> ttl) {
        return new NewClaim(
                ids.next(), 0, new Terms(caller, key, ttl, Optional.empty(), GivenParameters.NONE, Map.of()));
    }

    /** The claim that a request makes, or the first of them. */
    NewClaim of(Caller caller, ClaimRequest request, Optional<String> idempotencyKey) {
        return one(caller, idempotencyKey.map(text -> key(text, request)), request.ttl())
                .labelled(request.labels());
    }

    /**
     * The claim of a new workspace that the client names. Without a key of its own the workspace's id is the key, so
     * that a request whose answer was lost can be repeated.
     */
    NewClaim of(Caller caller, ClaimRequest request, Chosen chosen, Optional<String> idempotencyKey) {
        IdempotencyKey given = key(idempotencyKey.orElse("workspace " + chosen.id()), request);
        IdempotencyKey key = new IdempotencyKey(given.key(), encryption.fingerprint(named(given.hash(), chosen)));
        return one(caller, Optional.of(key), request.ttl())
                .labelled(request.labels())
                .with(GivenParameters.NONE.of(Optional.of(chosen)));
    }

    /** What a claim of the preset gives its workspace. */
    GivenParameters given(UUID preset, ParameterMatch match) {
        return new GivenParameters(
                match.cold(), match.sensitive(), Optional.empty(), match.fitting(), late(preset, match));
    }

    /** The text of a JSON object, with the sensitive values sealed for the preset; null where no value is late. */
    private @Nullable String late(UUID preset, ParameterMatch match) {
        return match.late().isEmpty()
                ? null
                : SealedValues.json(encryption, preset, match.late(), match.sensitive())
                        .encode();
    }

    private static byte[] named(byte[] hash, Chosen chosen) {
        byte[] name = (chosen.id() + " " + chosen.name()).getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(hash.length + name.length)
                .put(hash)
                .put(name)
                .array();
    }

    /** The first claim of a set. */
    NewClaim of(Caller caller, ClaimSetRequest request, Optional<String> idempotencyKey) {
        byte[] hash = encryption.fingerprint(("set " + request.written()).getBytes(StandardCharsets.UTF_8));
        return one(caller, idempotencyKey.map(text -> new IdempotencyKey(text, hash)), request.ttl())
                .labelled(request.labels());
    }

    /** Several claims of one request; {@code first} is the first of them. */
    public List<NewClaim> several(NewClaim first, int count) {
        List<NewClaim> claims = new ArrayList<>(count);
        claims.add(first);
        for (int ordinal = 1; ordinal < count; ordinal++) {
            claims.add(new NewClaim(ids.next(), ordinal, first.terms()));
        }
        return claims;
    }

    /**
     * The key of a request. Parameters may be secret, so they cannot be guessed from the hash that is kept.
     */
    private IdempotencyKey key(String text, ClaimRequest request) {
        byte[] hash = request.hash();
        return request.wanted() instanceof Wanted.Parameterized
                ? new IdempotencyKey(text, encryption.fingerprint(hash), hash)
                : new IdempotencyKey(text, hash);
    }
}
