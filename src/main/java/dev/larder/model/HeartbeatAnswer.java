package dev.larder.model;

import java.time.Instant;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The answer to a heartbeat of a worker.
 *
 * @param held jobs whose leases the worker has; it must stop all others
 * @param canceling jobs among them that it must stop
 * @param at when it was answered, by the server's clock
 * @param sweepWantedAt a worker whose last report is older must report again; null where no report was
 *     requested
 */
public record HeartbeatAnswer(
        Set<UUID> held,
        Set<UUID> canceling,
        Instant at,
        @Nullable Instant sweepWantedAt) {}
