package dev.larder.claim;

import dev.larder.claim.AvailabilityReads.Availability;
import dev.larder.database.Batcher;
import dev.larder.model.CreationStatus;
import dev.larder.model.CreationStatus.Reason;
import dev.larder.model.CreationStatuses;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * What a claim that found nothing can hope for: whether prebuilds are being created, why not, and when one
 * may be ready. Questions that arrive together are answered by one read of the plans.
 */
@ApplicationScoped
class WaitEstimates {

    private static final int PRESETS_AT_ONCE = 100;
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);
    private static final Set<String> NOT_WANTED = Set.of("none_wanted", "no_prebuilds");
    private static final CreationStatus NO_PREBUILDS = new CreationStatus(List.of(new Reason(
            "no_prebuilds", null, "the preset declares no prebuilds; the policy \"cold\" builds a workspace")));

    private final InstantSource clock;
    private final Batcher<UUID, CreationStatus> standings;

    WaitEstimates(CreationStatuses outlook, InstantSource clock) {
        this.clock = clock;
        this.standings = new Batcher<>(PRESETS_AT_ONCE, ANSWER_WITHIN, presets -> outlook.of(presets, clock.instant()));
    }

    /**
     * @param stops why no prebuild is created; empty while creation goes on
     * @param eta when the claim may be served; empty where nothing will be built for it as things stand
     */
    record WaitEstimate(List<Reason> stops, Optional<Duration> eta) {

        /** Whether creation is stopped although prebuilds are wanted. */
        boolean isStopped() {
            return stops.stream().anyMatch(stop -> !NOT_WANTED.contains(stop.why()));
        }

        /** The same in the form of a problem's members: texts only. */
        List<Map<String, String>> members() {
            return stops.stream().map(WaitEstimate::member).toList();
        }

        private static Map<String, String> member(Reason stop) {
            Instant until = stop.until();
            return until == null
                    ? Map.of("why", stop.why(), "detail", stop.detail())
                    : Map.of("why", stop.why(), "detail", stop.detail(), "until", until.toString());
        }
    }

    /**
     * @param position of the claim among the waiting claims, from 1
     * @param now what the preset's line has in stock and builds
     */
    Uni<WaitEstimate> of(UUID preset, long position, Availability now) {
        return stops(now.active() ? now.served() : List.of(preset))
                .map(stops -> new WaitEstimate(
                        stops,
                        WaitTime.of(
                                position,
                                now.starting(),
                                now.buildTime().orElse(WaitTime.WITHOUT_EVIDENCE),
                                stops,
                                clock.instant())));
    }

    /** While a rollout runs creation goes on where it does of one of the versions; else each one says why not. */
    private Uni<List<Reason>> stops(List<UUID> line) {
        Uni<List<Reason>> first = stops(line.getFirst());
        return line.stream()
                .skip(1)
                .reduce(
                        first,
                        (before, preset) -> before.chain(stops -> stops.isEmpty()
                                ? Uni.createFrom().item(stops)
                                : stops(preset).map(next -> next.isEmpty() ? next : both(stops, next))),
                        (one, other) -> one);
    }

    /** What is not wanted of a version before says nothing. */
    private static List<Reason> both(List<Reason> stops, List<Reason> next) {
        return Stream.concat(stops.stream(), next.stream().filter(stop -> !NOT_WANTED.contains(stop.why())))
                .toList();
    }

    private Uni<List<Reason>> stops(UUID preset) {
        return standings.ask(preset).map(found -> found.orElse(NO_PREBUILDS).stops());
    }
}
