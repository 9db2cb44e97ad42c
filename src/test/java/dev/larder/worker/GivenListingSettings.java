package dev.larder.worker;

import java.time.Duration;

/** How often a worker of a test lists what exists. */
public record GivenListingSettings(Duration every) implements ListingSettings {

    /** Only when somebody asks. */
    public static final GivenListingSettings ON_REQUEST = new GivenListingSettings(Duration.ZERO);

    @Override
    public Duration grace() {
        return Duration.ofMinutes(5);
    }
}
