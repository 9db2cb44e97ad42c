package dev.larder.model;

import java.time.Instant;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a worker learns from its heartbeat.
 *
 * @param held jobs it still has the lease of; it must stop all others
 * @param canceling those of them it is asked to stop
 * @param at when it was answered, by the server's clock
 * @param sweepWantedAt whoever has not listed what exists since then is asked to; null where nobody ever asked
 */
public record Pulse(
        Set<UUID> held,
        Set<UUID> canceling,
        Instant at,
        @Nullable Instant sweepWantedAt) {}
