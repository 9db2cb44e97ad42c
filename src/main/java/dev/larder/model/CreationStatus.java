package dev.larder.model;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whether the plan of a preset creates prebuilds.
 *
 * @param stops why no prebuild is created; empty while creation goes on
 */
public record CreationStatus(List<Reason> stops) {

    public static final CreationStatus GOES_ON = new CreationStatus(List.of());

    public CreationStatus {
        stops = List.copyOf(stops);
    }

    /**
     * One reason why nothing is created.
     *
     * @param why stable, for programs: {@code backoff}, {@code hard_limited}, {@code validation_failed},
     *     {@code paused}, {@code none_wanted}, {@code no_prebuilds}, or another kind of hold that a plan shows
     * @param until when it ends by itself; null where it does not, or where that is not known
     * @param detail for people
     */
    public record Reason(String why, @Nullable Instant until, String detail) {}
}
