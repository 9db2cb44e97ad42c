package dev.larder.claim;

import dev.larder.claim.ChildStore.Link;
import dev.larder.claim.ClaimQuotaStore.UnderQuota;
import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.claim.ClaimSetRequest.Member;
import dev.larder.claim.ClaimSetStore.Part;
import dev.larder.claim.ClaimSetStore.Result;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The way of a claim of several presets from a request to an outcome: all of them, or none. */
@ApplicationScoped
class ClaimSets {

    private final NewClaims newClaims;
    private final PresetReads presets;
    private final ClaimSetStore store;
    private final EarlierClaims earlier;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    ClaimSets(
            NewClaims newClaims,
            PresetReads presets,
            ClaimSetStore store,
            EarlierClaims earlier,
            WakeUps wakeUps,
            InstantSource clock) {
        this.newClaims = newClaims;
        this.presets = presets;
        this.store = store;
        this.earlier = earlier;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    /** The request as one for so many workspaces, which decides the form of its answer. */
    static ClaimRequest asBatch(ClaimSetRequest request) {
        int count = request.members().size();
        Wanted first = new Wanted.PresetsByName(
                request.organization(),
                request.members().getFirst().template(),
                List.of(request.members().getFirst().preset()));
        return new ClaimRequest(first, new Policy.Fail(), count, count, request.ttl(), request.labels());
    }

    Uni<Outcome> claim(Caller caller, ClaimSetRequest request, Optional<String> idempotencyKey) {
        if (caller.organization().isEmpty() && request.organization().isEmpty()) {
            return Uni.createFrom().item(new Outcome.OrganizationNeeded());
        }
        NewClaim first = newClaims.of(caller, request, idempotencyKey);
        ClaimAttempt attempt = new ClaimAttempt(asBatch(request), first);
        return earlier.orElseGet(attempt, () -> found(caller, request).chain(found -> take(attempt, request, found)));
    }

    /** The lines of the members, in their order. */
    private Uni<List<Line>> found(Caller caller, ClaimSetRequest request) {
        Uni<List<Line>> all = Uni.createFrom().item(new ArrayList<>());
        for (Member member : request.members()) {
            all = all.call(found -> presets.findPresets(
                            request.organization(), member.template(), List.of(member.preset()), caller.organization())
                    .invoke(byName -> found.add(usable(
                            Optional.ofNullable(byName.get(member.preset())), "members[" + found.size() + "]"))));
        }
        return all;
    }

    private static Line usable(Optional<Line> found, String field) {
        Line line = found.orElseThrow(() -> Problem.unprocessable(
                "preset_not_found", field + ".preset", "is no preset of the template's active version."));
        if (line.isVerified()) {
            throw Problem.unprocessable(
                    "count_not_for_verified", field + ".preset", "is verified first, so it is claimed by itself.");
        }
        return line;
    }

    private Uni<Outcome> take(ClaimAttempt attempt, ClaimSetRequest request, List<Line> found) {
        List<NewClaim> claims = newClaims.several(attempt.claim(), found.size());
        List<Part> parts = new ArrayList<>();
        List<Link> links = new ArrayList<>();
        for (int i = 0; i < claims.size(); i++) {
            Member member = request.members().get(i);
            parts.add(new Part(found.get(i), claims.get(i)));
            if (member.on() >= 0) {
                links.add(new Link(claims.get(i).id(), claims.get(member.on()).id(), member.name()));
            }
        }
        return store.take(parts, links, clock.instant()).chain(result -> switch (result) {
            case UnderQuota.Exceeded<Result>(var quota) -> earlier.orElse(attempt, new Outcome.OverQuota(quota));
            case UnderQuota.Within<Result>(var taken) -> outcome(attempt, taken);
        });
    }

    private Uni<Outcome> outcome(ClaimAttempt attempt, Result result) {
        return switch (result) {
            case Result.Given(var claims, var others) -> {
                wakeUps.changed(Change.STOCK_TAKEN);
                if (others) {
                    wakeUps.changed(Change.WAITING_CLAIM);
                }
                yield Uni.createFrom().item(new Outcome.Given(claims, Optional.empty()));
            }
            case Result.Short(var ordinal) ->
                earlier.of(attempt)
                        .map(before -> before.orElseThrow(() -> Problem.of(
                                409,
                                "no_claimable_workspace",
                                "members[" + ordinal + "]: no workspace of this preset is ready at present.")));
            case Result.KeyUsed() -> earlier.orElse(attempt, Outcome.Unknown.preset());
        };
    }
}
