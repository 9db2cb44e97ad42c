package dev.larder.catalog;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A template as it is shown; never a deleted one.
 *
 * @param activeVersion number of the active version; null where none was ever promoted
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

    /** Changes with the active version and with everything that is set on the template itself. */
    public String tag() {
        String state = activeVersionId + "\n" + deprecatedReason + "\n" + pause;
        return id + "." + UUID.nameUUIDFromBytes(state.getBytes(StandardCharsets.UTF_8));
    }
}
