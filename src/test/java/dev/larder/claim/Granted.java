package dev.larder.claim;

import dev.larder.claim.Combiner.FromStock;
import java.time.Duration;
import java.util.Optional;

/** A claim that stock served, and how long it waited for its statement. */
record Granted(Claim claim, Duration queued) {

    static Optional<Granted> of(FromStock answer) {
        return answer instanceof FromStock.Granted(var given, var edition)
                ? Optional.of(new Granted(
                        given.claims().getFirst(), given.stages().orElseThrow().queued()))
                : Optional.empty();
    }
}
