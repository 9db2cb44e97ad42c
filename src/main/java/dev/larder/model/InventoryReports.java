package dev.larder.model;

import io.smallrye.mutiny.Uni;
import java.util.UUID;

/** Receives what workers report about the resources in their places. */
public interface InventoryReports {

    /**
     * Receives a part of a report. The last part is answered with its outcome, the parts before it with none.
     * Codes: 404 {@code worker_not_found}, 422 {@code too_many_things}.
     */
    Uni<ReportOutcome> report(UUID worker, Inventory.Part part);
}
