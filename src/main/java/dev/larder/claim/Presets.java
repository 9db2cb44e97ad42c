package dev.larder.claim;

import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.pool.Caller;
import dev.larder.store.ClaimReads;
import dev.larder.store.ClaimReads.Claimable;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which presets a request means. What was found is remembered, because a claim that had to look it up each time would cost
 * one more statement. That is safe: a preset never changes what it is, and one that is no longer active gives nothing, upon
 * which it is looked up again.
 */
@ApplicationScoped
class Presets {

    private static final int REMEMBERED_MAX = 10_000;

    private final ClaimReads reads;
    private final Map<Meant, List<Claimable>> remembered = new ConcurrentHashMap<>();

    Presets(ClaimReads reads) {
        this.reads = reads;
    }

    /** Names mean other presets to callers of other organizations. */
    private record Meant(Wanted wanted, Optional<UUID> callersOrganization) {}

    /** @param remembered whether it was looked up some time ago */
    record Found(List<Claimable> presets, boolean remembered) {}

    Uni<Found> find(Caller caller, Wanted wanted) {
        List<Claimable> known = remembered.get(new Meant(wanted, caller.organization()));
        return known == null ? lookUp(caller, wanted) : Uni.createFrom().item(new Found(known, true));
    }

    /** As it is now. */
    Uni<Found> lookUp(Caller caller, Wanted wanted) {
        Meant meant = new Meant(wanted, caller.organization());
        return read(caller, wanted)
                .invoke(presets -> remember(meant, presets))
                .map(presets -> new Found(presets, false));
    }

    private void remember(Meant meant, List<Claimable> presets) {
        if (presets.isEmpty()) {
            remembered.remove(meant);
            return;
        }
        if (remembered.size() >= REMEMBERED_MAX) {
            remembered.clear();
        }
        remembered.put(meant, presets);
    }

    private Uni<List<Claimable>> read(Caller caller, Wanted wanted) {
        Optional<UUID> callers = caller.organization();
        return switch (wanted) {
            case Wanted.PresetById(var preset) ->
                reads.findPreset(preset, callers).map(found -> found.stream().toList());
            case Wanted.PresetsByName(var organization, var template, var presets) ->
                reads.findPresets(organization, template, presets, callers);
            case Wanted.ByParameters(var organization, var template, var parameters) ->
                reads.findByParameters(organization, template, parameters, callers);
            case Wanted.Exactly exactly -> Uni.createFrom().item(List.of());
        };
    }
}
