package dev.larder.catalog;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A template as the API shows it; never a deleted one.
 *
 * @param activeVersion number of the active version; null where no version was ever promoted
 * @param latestVersion number of the newest version
 */
public record TemplateView(
        UUID id,
        UUID organizationId,
        String organization,
        String name,
        @Nullable UUID activeVersionId,
        @Nullable Integer activeVersion,
        int latestVersion,
        @Nullable String deprecatedReason,
        @Nullable PauseView pause,
        Instant createdAt) {

    /** The value of the ETag: changes with the active version, the deprecation and the pause. */
    public String tag() {
        String state = activeVersionId + "\n" + deprecatedReason + "\n" + pause;
        return id + "." + UUID.nameUUIDFromBytes(state.getBytes(StandardCharsets.UTF_8));
    }
}
