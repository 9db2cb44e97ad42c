package dev.larder.claim;

import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.claim.PresetReads.Declared;
import dev.larder.claim.PresetReads.Fitting;
import dev.larder.model.Caller;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Which presets a request means. What was found is remembered, because a claim that had to look it up each
 * time would cost one more statement. That is safe: a preset never changes what it is, and one that is no
 * longer active gives nothing, upon which it is looked up again.
 */
@ApplicationScoped
class PresetFinder {

    private static final int REMEMBERED_MAX = 10_000;

    /** Characters. A longer key is not cached, so that clients cannot fill the memory with it. */
    private static final int MEANT_MAX = 1_000;

    private final PresetReads reads;
    private final Map<Meant, List<Claimable>> remembered = new ConcurrentHashMap<>();

    PresetFinder(PresetReads reads) {
        this.reads = reads;
    }

    /** Names mean other presets to callers of other organizations. */
    private record Meant(Wanted wanted, Optional<UUID> callersOrganization) {}

    /**
     * @param remembered whether it was looked up some time ago
     * @param unknown which of several names is no preset's, while others are
     * @param declared the parameters of its version where the claim gives parameters
     */
    record Found(List<Claimable> presets, boolean remembered, OptionalInt unknown, List<Declared> declared) {

        static Found now(List<Claimable> presets) {
            return new Found(presets, false, OptionalInt.empty(), List.of());
        }

        static Found now(Optional<Fitting> fitting) {
            return new Found(
                    fitting.map(Fitting::preset).stream().toList(),
                    false,
                    OptionalInt.empty(),
                    fitting.map(Fitting::declared).orElse(List.of()));
        }

        Found with(List<Declared> parameters) {
            return new Found(presets, remembered, unknown, parameters);
        }
    }

    Uni<Found> find(Caller caller, Wanted wanted) {
        if (wanted instanceof Wanted.WithParameters with) {
            return find(caller, with.preset()).chain(this::withDeclared);
        }
        List<Claimable> known = remembered.get(new Meant(wanted, caller.organization()));
        return known == null
                ? lookUp(caller, wanted)
                : Uni.createFrom().item(new Found(known, true, OptionalInt.empty(), List.of()));
    }

    /** As it is now. */
    Uni<Found> lookUp(Caller caller, Wanted wanted) {
        if (wanted instanceof Wanted.WithParameters with) {
            return lookUp(caller, with.preset()).chain(this::withDeclared);
        }
        Meant meant = new Meant(wanted, caller.organization());
        return read(caller, wanted).invoke(found -> remember(meant, found));
    }

    private Uni<Found> withDeclared(Found found) {
        return found.presets().isEmpty()
                ? Uni.createFrom().item(found)
                : reads.declared(found.presets().getFirst().id()).map(found::with);
    }

    private void remember(Meant meant, Found found) {
        if (found.presets().isEmpty() || found.unknown().isPresent()) {
            remembered.remove(meant);
            return;
        }
        if (meant.wanted() instanceof Wanted.ByParameters || meant.toString().length() > MEANT_MAX) {
            return;
        }
        if (remembered.size() >= REMEMBERED_MAX) {
            remembered.clear();
        }
        remembered.put(meant, found.presets());
    }

    private Uni<Found> read(Caller caller, Wanted wanted) {
        Optional<UUID> callers = caller.organization();
        return switch (wanted) {
            case Wanted.PresetById(var preset) ->
                reads.findPreset(preset, callers)
                        .map(found -> Found.now(found.stream().toList()));
            case Wanted.PresetsByName(var organization, var template, var presets) ->
                reads.findPresets(organization, template, presets, callers).map(found -> inOrder(presets, found));
            case Wanted.ByParameters(var organization, var template, var parameters, var structured) ->
                reads.findByParameters(organization, template, parameters, callers)
                        .map(Found::now);
            case Wanted.WithParameters with -> read(caller, with.preset());
            case Wanted.Exactly exactly -> Uni.createFrom().item(Found.now(List.of()));
        };
    }

    /** What of a request for which no preset was found is unknown: organization, template or preset. */
    Uni<String> unknown(Caller caller, Wanted wanted) {
        Optional<UUID> callers = caller.organization();
        return switch (wanted) {
            case Wanted.PresetsByName(var organization, var template, var presets) ->
                reads.unknown(organization, template, callers);
            case Wanted.ByParameters(var organization, var template, var parameters, var structured) ->
                reads.unknown(organization, template, callers);
            case Wanted.WithParameters with -> unknown(caller, with.preset());
            case Wanted.PresetById byId -> Uni.createFrom().item("preset");
            case Wanted.Exactly exactly -> Uni.createFrom().item("preset");
        };
    }

    private static Found inOrder(List<String> names, Map<String, Claimable> found) {
        OptionalInt unknown = IntStream.range(0, names.size())
                .filter(index -> !found.containsKey(names.get(index)))
                .findFirst();
        List<Claimable> presets = names.stream()
                .flatMap(name -> Stream.ofNullable(found.get(name)))
                .toList();
        return new Found(presets, false, presets.isEmpty() ? OptionalInt.empty() : unknown, List.of());
    }
}
