package dev.larder.pool;

import java.util.Optional;
import java.util.UUID;

/**
 * Who is asking, as the bearer token said.
 *
 * @param organization the caller's own; empty for deployment-wide users (owners, some auditors and workers), who see
 *     every organization
 */
public record Caller(UUID userId, String name, Role role, Optional<UUID> organization) {

    /** Whether what belongs to this organization may be shown to the caller at all. */
    public boolean sees(UUID organizationId) {
        return organization.isEmpty() || organization.get().equals(organizationId);
    }
}
