package dev.larder.claim;

import dev.larder.claim.ChildStore.Link;
import dev.larder.claim.ClaimQuotaStore.UnderQuota;
import dev.larder.claim.ClaimStore.Taken;
import dev.larder.claim.LineStore.Offer;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Claims workspaces of several presets and attaches them to each other, in one transaction: all or none. */
@ApplicationScoped
public class ClaimSetStore {

    private final ClaimQuotaStore quotas;

    public ClaimSetStore(ClaimQuotaStore quotas) {
        this.quotas = quotas;
    }

    /** One workspace of a set. */
    record Part(Line line, NewClaim claim) {

        private UUID head() {
            return line.head().id();
        }
    }

    /** What became of a set. */
    sealed interface Result {

        /** In the order of their ordinals; others that waited may have been served as well. */
        record Given(List<Claim> claims, boolean others) implements Result {}

        /** Nothing was claimed: the preset of this part has too few. */
        record Short(int ordinal) implements Result {}

        /** Nothing was claimed: the key was used before. */
        record KeyUsed() implements Result {}
    }

    /** Undoes the transaction. */
    private static final class ShortException extends RuntimeException {

        private static final long serialVersionUID = 1;

        private final int ordinal;

        ShortException(int ordinal) {
            super("a preset has too few", null, false, false);
            this.ordinal = ordinal;
        }
    }

    /**
     * Takes a workspace for each part. The quota counts all of them.
     *
     * @param parts of presets of one organization, by one caller
     */
    Uni<UnderQuota<Result>> take(List<Part> parts, List<Link> links, Instant at) {
        Part first = parts.getFirst();
        ClaimQuotaStore.Attempt<Result> attempt = (connection, left) -> takeAll(connection, parts, at)
                .call(() -> ChildStore.link(connection, links, at))
                .call(() -> LineStore.setKey(
                        connection,
                        first.claim().terms(),
                        parts.stream().map(part -> part.claim().id()).toList()))
                .map(Result.class::cast);
        return quotas.within(first.head(), first.claim().caller().userId(), parts.size(), new Result.KeyUsed(), attempt)
                .onFailure(ShortException.class)
                .recoverWithItem(few -> new UnderQuota.Within<>(new Result.Short(((ShortException) few).ordinal)));
    }

    /** Presets in the order of their ids: two sets that want the same presets lock their waiting claims alike. */
    private static Uni<Result.Given> takeAll(SqlClient connection, List<Part> parts, Instant at) {
        Map<UUID, List<Part>> byPreset = new LinkedHashMap<>();
        parts.stream()
                .sorted(Comparator.comparing(Part::head))
                .forEach(part -> byPreset.computeIfAbsent(part.head(), unseen -> new ArrayList<>())
                        .add(part));
        Uni<List<Claim>> all = Uni.createFrom().item(new ArrayList<>());
        for (List<Part> ofOne : byPreset.values()) {
            all = all.call(given -> takeOf(connection, ofOne, at).invoke(given::addAll));
        }
        return all.map(given -> own(parts, given));
    }

    private static Uni<List<Claim>> takeOf(SqlClient connection, List<Part> ofOne, Instant at) {
        List<NewClaim> claims =
                ofOne.stream().map(part -> part.claim().unkeyed()).toList();
        List<Offer> line =
                ofOne.getFirst().line().members().stream().map(Offer::of).toList();
        return LineStore.takeEach(connection, line, claims, 0, true, at)
                .map(Taken::claims)
                .invoke(given -> refuseFewer(claims, given));
    }

    private static void refuseFewer(List<NewClaim> asked, List<Claim> given) {
        List<UUID> ids = given.stream().map(Claim::id).toList();
        asked.stream().filter(claim -> !ids.contains(claim.id())).findFirst().ifPresent(missing -> {
            throw new ShortException(missing.ordinal());
        });
    }

    private static Result.Given own(List<Part> parts, List<Claim> given) {
        List<UUID> ids = parts.stream().map(part -> part.claim().id()).toList();
        List<Claim> own = given.stream()
                .filter(claim -> ids.contains(claim.id()))
                .sorted(Comparator.comparingInt(Claim::ordinal))
                .toList();
        return new Result.Given(own, own.size() < given.size());
    }
}
