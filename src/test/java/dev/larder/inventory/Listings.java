package dev.larder.inventory;

import java.time.Duration;

/** How often a worker of a test lists what exists. */
public record Listings(Duration every) implements InventorySettings {

    /** Only when somebody asks. */
    public static final Listings ON_REQUEST = new Listings(Duration.ZERO);

    @Override
    public Duration grace() {
        return Duration.ofMinutes(5);
    }
}
