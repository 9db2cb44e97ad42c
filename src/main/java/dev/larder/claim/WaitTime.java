package dev.larder.claim;

import dev.larder.model.CreationStatus.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * When something may be ready, from the pool's own builds (design, section 3.4). It assumes that as many
 * builds as are under way go on being so, each as long as the newest ones took.
 */
final class WaitTime {

    static final Duration WITHOUT_EVIDENCE = Duration.ofSeconds(30);
    private static final Duration AT_LEAST = Duration.ofSeconds(1);
    private static final Duration AT_MOST = Duration.ofHours(1);

    private WaitTime() {}

    /**
     * @param position of the claim among the waiting claims, from 1
     * @param starting how far each build under way is, the furthest first
     * @param buildTime mean of the newest builds; {@link #WITHOUT_EVIDENCE} where none is known
     * @return from one second to one hour
     */
    static Duration of(long position, List<Duration> starting, Duration buildTime) {
        int abreast = Math.max(1, starting.size());
        long rounds = (position - 1) / abreast;
        int within = (int) ((position - 1) % abreast);
        Duration elapsed = starting.isEmpty() ? Duration.ZERO : starting.get(within);
        Duration left = buildTime.minus(elapsed);
        Duration first = left.isNegative() ? Duration.ZERO : left;
        return bounded(first.plus(times(buildTime, rounds)));
    }

    /**
     * The same for a pool whose creation may be stopped: a claim that no build under way can serve waits
     * until every stop has ended.
     *
     * @param stops why nothing is created
     * @return empty where no build under way can serve the claim and a stop does not end by itself
     */
    static Optional<Duration> of(
            long position, List<Duration> starting, Duration buildTime, List<Reason> stops, Instant at) {
        if (position <= starting.size() || stops.isEmpty()) {
            return Optional.of(of(position, starting, buildTime));
        }
        if (stops.stream().anyMatch(stop -> stop.until() == null)) {
            return Optional.empty();
        }
        Duration held = stops.stream()
                .flatMap(stop -> Stream.ofNullable(stop.until()))
                .map(until -> Duration.between(at, until))
                .max(Duration::compareTo)
                .orElse(Duration.ZERO);
        Duration afterwards = of(position - starting.size(), List.of(), buildTime);
        return Optional.of(held.isNegative() ? afterwards : held.plus(afterwards));
    }

    private static Duration times(Duration buildTime, long rounds) {
        long roundsMax = AT_MOST.toMillis() / Math.max(1, buildTime.toMillis()) + 1;
        return buildTime.multipliedBy(Math.min(rounds, roundsMax));
    }

    private static Duration bounded(Duration time) {
        if (time.compareTo(AT_LEAST) < 0) {
            return AT_LEAST;
        }
        return time.compareTo(AT_MOST) > 0 ? AT_MOST : time;
    }
}
