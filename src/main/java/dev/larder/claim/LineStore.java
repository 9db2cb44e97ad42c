package dev.larder.claim;

import dev.larder.claim.ClaimQuotaStore.UnderQuota;
import dev.larder.claim.ClaimStore.Taken;
import dev.larder.claim.NewClaim.Terms;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/**
 * Serves several claims of one request from the presets of a line, in one transaction: the stock of all of them counts
 * (decision 0046). A line of one preset, as nearly all are, takes one statement.
 */
@ApplicationScoped
public class LineStore {

    /** A transaction that another one stood in the way of is made again so often. */
    private static final int DEADLOCKS_MAX = 3;

    private final Pool client;
    private final ClaimStore store;
    private final ClaimQuotaStore quotas;

    public LineStore(Pool client, ClaimStore store, ClaimQuotaStore quotas) {
        this.client = client;
        this.store = store;
        this.quotas = quotas;
    }

    /**
     * A preset that is asked for stock.
     *
     * @param given what its workspace is given by the client
     */
    public record Offer(Claimable preset, GivenParameters given) {

        public static Offer of(Claimable preset) {
            return new Offer(preset, GivenParameters.NONE);
        }

        private List<NewClaim> claims(List<NewClaim> asked) {
            return given.late() == null
                    ? asked
                    : asked.stream().map(claim -> claim.with(given)).toList();
        }
    }

    /** Undoes the transaction. */
    private static final class TooFewException extends RuntimeException {

        private static final long serialVersionUID = 1;

        TooFewException() {
            super("the presets of the line have too few", null, false, false);
        }
    }

    /**
     * As {@link ClaimStore#take}, from the first of the presets and then from the next ones.
     *
     * @param line at least one
     */
    public Uni<Taken> take(List<Offer> line, List<NewClaim> claims, int atLeast, Instant at) {
        if (line.size() == 1) {
            Offer only = line.getFirst();
            return store.take(
                    only.preset().id(), only.preset().order(), only.claims(claims), atLeast, ScanStart.OLDEST, at);
        }
        return client.withTransaction(connection -> takeEach(connection, line, claims, atLeast, false, at))
                .onFailure(ClaimQuotaStore::isDeadlock)
                .retry()
                .atMost(DEADLOCKS_MAX)
                .onFailure(LineStore::isNothing)
                .recoverWithItem(Taken.NOTHING);
    }

    private static boolean isNothing(Throwable failure) {
        return failure instanceof TooFewException || ClaimQuotaStore.keyTaken(failure);
    }

    /** As {@link #take}, under the lock of the organization's quota; fewer than these claims where it leaves fewer. */
    public Uni<UnderQuota<List<Claim>>> takeWithinQuota(
            List<Offer> line, List<NewClaim> claims, int atLeast, Instant at) {
        return quotas.within(
                        line.getFirst().preset().id(),
                        claims.getFirst().caller().userId(),
                        atLeast,
                        List.<Claim>of(),
                        (connection, left) -> takeEach(
                                        connection,
                                        line,
                                        claims.subList(0, Math.min(left, claims.size())),
                                        atLeast,
                                        true,
                                        at)
                                .map(Taken::claims))
                .onFailure(TooFewException.class)
                .recoverWithItem(new UnderQuota.Within<>(List.of()));
    }

    /** In the caller's transaction, which is to be undone where this fails. */
    static Uni<Taken> takeEach(
            SqlClient connection,
            List<Offer> line,
            List<NewClaim> claims,
            int atLeast,
            boolean withinQuota,
            Instant at) {
        Uni<Taken> all = Uni.createFrom().item(Taken.NOTHING);
        for (Offer offer : line) {
            all = all.chain(before -> takeNext(connection, offer, claims, before, withinQuota, at));
        }
        return all.map(taken -> withinQuota ? taken.unlimited() : taken)
                .invoke(taken -> refuseFewer(claims, taken, atLeast))
                .call(taken -> setKey(connection, claims, taken));
    }

    /**
     * The rest of the claims from the next preset. Once a claim of the request was served its key is taken, so the
     * others are recorded without it first.
     */
    private static Uni<Taken> takeNext(
            SqlClient connection, Offer offer, List<NewClaim> claims, Taken before, boolean withinQuota, Instant at) {
        List<NewClaim> rest = before.unserved(claims);
        if (rest.isEmpty()) {
            return Uni.createFrom().item(before);
        }
        List<NewClaim> asking = rest.size() == claims.size()
                ? rest
                : rest.stream().map(NewClaim::unkeyed).toList();
        Claimable preset = offer.preset();
        return ClaimStore.take(
                        connection,
                        preset.id(),
                        preset.order(),
                        offer.claims(asking),
                        0,
                        withinQuota,
                        ScanStart.OLDEST,
                        at)
                .map(before::and);
    }

    private static void refuseFewer(List<NewClaim> claims, Taken taken, int atLeast) {
        // Outside of its quota's lock an organization gets nothing, which the answer has to say.
        if (!taken.limited() && claims.size() - taken.unserved(claims).size() < atLeast) {
            throw new TooFewException();
        }
    }

    private static Uni<?> setKey(SqlClient connection, List<NewClaim> claims, Taken taken) {
        List<UUID> ids = claims.stream().map(NewClaim::id).toList();
        List<UUID> own =
                taken.claims().stream().map(Claim::id).filter(ids::contains).toList();
        return claims.size() == 1 || own.isEmpty()
                ? Uni.createFrom().voidItem()
                : setKey(connection, claims.getFirst().terms(), own);
    }

    private static final Sql SET_KEY = Sql.of(
            "UPDATE claims SET idempotency_key = :key, request_hash = :hash::bytea WHERE id = ANY (:claims::uuid[])",
            "key",
            "hash",
            "claims");

    /** The last statement: an earlier one would refuse the further claims under a key that the first claim has. */
    static Uni<?> setKey(SqlClient connection, Terms terms, List<UUID> claims) {
        return terms.key().isEmpty()
                ? Uni.createFrom().voidItem()
                : SET_KEY.on(connection, ClaimValues.key(terms), ClaimValues.hash(terms), claims.toArray(UUID[]::new));
    }
}
