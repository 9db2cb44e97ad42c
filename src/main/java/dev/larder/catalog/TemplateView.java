package dev.larder.catalog;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.model.LevelPause;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A template as the API shows it; never a deleted one. */
public record TemplateView(
        UUID id,
        UUID organizationId,
        String organization,
        String name,
        @JsonUnwrapped Versions versions,
        @JsonUnwrapped Standing standing,
        Instant createdAt) {

    /**
     * What keeps its pools from their work.
     *
     * @param pause of the template itself, as it was set
     * @param pauses of the deployment, its organization and itself, as they were set; one may have ended since
     */
    public record Standing(
            @Nullable String deprecatedReason, @Nullable PauseView pause, List<LevelPause> pauses) {}

    public @Nullable PauseView pause() {
        return standing.pause();
    }

    /**
     * Versions by their numbers.
     *
     * @param activeVersion null where no version was ever promoted
     */
    public record Versions(
            @Nullable UUID activeVersionId, @Nullable Integer activeVersion, int latestVersion) {}

    /** The value of the ETag: changes with the active version, the deprecation and the pause. */
    public String tag() {
        String state = versions.activeVersionId() + "\n" + standing.deprecatedReason() + "\n" + pause();
        return id + "." + UUID.nameUUIDFromBytes(state.getBytes(StandardCharsets.UTF_8));
    }
}
