package dev.larder.model;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whether prebuilds of a preset are being created, as its plan has it.
 *
 * @param stops why none is created; empty while creation goes on
 */
public record Standing(List<Stop> stops) {

    public static final Standing GOES_ON = new Standing(List.of());

    public Standing {
        stops = List.copyOf(stops);
    }

    /**
     * One reason why nothing is created.
     *
     * @param why stable, for programs: {@code backoff}, {@code hard_limited}, {@code validation_failed}, {@code paused}, {@code
     *     none_wanted}, {@code no_prebuilds}, or another kind of hold that a plan shows
     * @param until when it ends by itself; null where it does not, or where that is not known
     * @param detail for people
     */
    public record Stop(String why, @Nullable Instant until, String detail) {}
}
