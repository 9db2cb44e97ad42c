package dev.larder.model;

import io.smallrye.mutiny.Uni;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** What the plans of presets say about creation; the port through which claims tell it to their callers. */
public interface Outlook {

    /** How these presets stand at this instant. One that declares no prebuilds, or is unknown, is not in the answer. */
    Uni<Map<UUID, Standing>> of(Set<UUID> presets, Instant at);
}
