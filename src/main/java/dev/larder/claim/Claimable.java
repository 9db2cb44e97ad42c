package dev.larder.claim;

import java.util.UUID;

/**
 * A preset that can be claimed.
 *
 * @param order in which its prebuilds are given; as declared, so it never changes
 * @param verified whether a claimed workspace is verified before it is handed over; it never changes either
 */
public record Claimable(UUID id, Order order, boolean verified) {

    /** Which of several claimable prebuilds are given first. */
    public enum Order {
        OLDEST,
        NEWEST,
        RANDOM
    }
}
