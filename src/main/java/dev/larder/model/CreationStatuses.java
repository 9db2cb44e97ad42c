package dev.larder.model;

import io.smallrye.mutiny.Uni;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** The port through which claims learn whether presets create prebuilds. */
public interface CreationStatuses {

    /**
     * The status of these presets at this instant. A preset that is unknown or declares no prebuilds is left
     * out.
     */
    Uni<Map<UUID, CreationStatus>> of(Set<UUID> presets, Instant at);
}
