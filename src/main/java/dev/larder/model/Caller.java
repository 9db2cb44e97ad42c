package dev.larder.model;

import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * The user or worker that sends a request, as its bearer token says.
 *
 * @param organization the caller's own; empty for deployment-wide users (owners, some auditors and workers),
 *     who see every organization
 * @param tokenExpiresAt when the token it came with ends; empty for never
 * @param tokenId the token it came with; empty where there was none, as in tests
 */
public record Caller(
        UUID userId,
        String name,
        Role role,
        Optional<UUID> organization,
        Optional<Instant> tokenExpiresAt,
        Optional<UUID> tokenId) {

    /** A caller whose token is not known and never expires. */
    public Caller(UUID userId, String name, Role role, Optional<UUID> organization) {
        this(userId, name, role, organization, Optional.empty(), Optional.empty());
    }

    /** Whether what belongs to this organization may be shown to the caller at all. */
    public boolean sees(UUID organizationId) {
        return organization.isEmpty() || organization.get().equals(organizationId);
    }
}
