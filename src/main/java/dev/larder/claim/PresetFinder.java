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
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Which presets a request means. What was found is remembered, because a claim that had to look it up each
 * time would cost one more statement. That is safe: a preset never changes what it is, and one that is no
 * longer served gives nothing, upon which it is looked up again. The statement that serves a claim also tells whether
 * a rollout has begun, ended or gone on since the line was looked up.
 */
@ApplicationScoped
class PresetFinder {

    private static final int REMEMBERED_MAX = 10_000;

    /** Characters. A longer key is not cached, so that clients cannot fill the memory with it. */
    private static final int MEANT_MAX = 1_000;

    private final PresetReads reads;
    private final Map<Meant, List<Line>> remembered = new ConcurrentHashMap<>();

    PresetFinder(PresetReads reads) {
        this.reads = reads;
    }

    /** Names mean other presets to callers of other organizations. */
    private record Meant(Wanted wanted, Optional<UUID> callersOrganization) {}

    /** When lines were looked up. */
    enum Look {
        /** For an earlier request. */
        REMEMBERED,
        /** In this request. */
        NOW,
        /** A second time in this request. What it found is not looked up once more. */
        AGAIN
    }

    /**
     * @param lines one for each name that is a preset's
     * @param unknown which of several names is no preset's, while others are
     * @param declared the parameters of each preset's version where the claim gives parameters
     */
    record Found(List<Line> lines, Look look, OptionalInt unknown, Map<UUID, List<Declared>> declared) {

        static Found now(List<Line> lines) {
            return new Found(lines, Look.NOW, OptionalInt.empty(), Map.of());
        }

        static Found now(Optional<Fitting> fitting) {
            return new Found(
                    fitting.map(Fitting::line).stream().toList(),
                    Look.NOW,
                    OptionalInt.empty(),
                    fitting.map(Fitting::declared).orElse(Map.of()));
        }

        /** With these presets only. */
        Found only(Set<UUID> presets) {
            return new Found(
                    lines.stream()
                            .map(line -> line.only(presets))
                            .flatMap(Optional::stream)
                            .toList(),
                    look,
                    unknown,
                    declared);
        }

        Found with(Map<UUID, List<Declared>> parameters) {
            return new Found(lines, look, unknown, parameters);
        }

        boolean remembered() {
            return look == Look.REMEMBERED;
        }

        boolean isLast() {
            return look == Look.AGAIN;
        }

        private Found again() {
            return new Found(lines, Look.AGAIN, unknown, declared);
        }
    }

    Uni<Found> find(Caller caller, Wanted wanted) {
        if (wanted instanceof Wanted.WithParameters with) {
            return find(caller, with.preset()).chain(this::withDeclared);
        }
        List<Line> known = remembered.get(new Meant(wanted, caller.organization()));
        return known == null
                ? lookUp(caller, wanted)
                : Uni.createFrom().item(new Found(known, Look.REMEMBERED, OptionalInt.empty(), Map.of()));
    }

    /** As it is now. */
    Uni<Found> lookUp(Caller caller, Wanted wanted) {
        if (wanted instanceof Wanted.WithParameters with) {
            return lookUp(caller, with.preset()).chain(this::withDeclared);
        }
        Meant meant = new Meant(wanted, caller.organization());
        return read(caller, wanted).invoke(found -> remember(meant, found));
    }

    /** As it is now, after a claim got nothing from what was found before. */
    Uni<Found> lookUpAfter(Found before, Caller caller, Wanted wanted) {
        Uni<Found> now = lookUp(caller, wanted);
        return before.remembered() ? now : now.map(Found::again);
    }

    private Uni<Found> withDeclared(Found found) {
        return found.lines().isEmpty()
                ? Uni.createFrom().item(found)
                : reads.declared(found.lines().getFirst().ids()).map(found::with);
    }

    /** The next request with these names looks them up again. */
    void forget(Caller caller, Wanted wanted) {
        remembered.remove(new Meant(
                wanted instanceof Wanted.WithParameters with ? with.preset() : wanted, caller.organization()));
    }

    private void remember(Meant meant, Found found) {
        if (found.lines().isEmpty() || found.unknown().isPresent()) {
            remembered.remove(meant);
            return;
        }
        if (meant.wanted() instanceof Wanted.ByParameters || meant.toString().length() > MEANT_MAX) {
            return;
        }
        if (remembered.size() >= REMEMBERED_MAX) {
            remembered.clear();
        }
        remembered.put(meant, found.lines());
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

    private static Found inOrder(List<String> names, Map<String, Line> found) {
        OptionalInt unknown = IntStream.range(0, names.size())
                .filter(index -> !found.containsKey(names.get(index)))
                .findFirst();
        List<Line> lines = names.stream()
                .flatMap(name -> Stream.ofNullable(found.get(name)))
                .toList();
        return new Found(lines, Look.NOW, lines.isEmpty() ? OptionalInt.empty() : unknown, Map.of());
    }
}
