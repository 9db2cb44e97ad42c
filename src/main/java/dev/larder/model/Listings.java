package dev.larder.model;

import io.smallrye.mutiny.Uni;
import java.util.UUID;

/** Takes what workers list of what exists where they build. */
public interface Listings {

    /**
     * Takes a part of a listing. What follows from it comes with the last part; nothing before. Codes: 404 {@code
     * worker_not_found}, 422 {@code too_many_things}.
     */
    Uni<Verdict> report(UUID worker, Inventory.Part part);
}
