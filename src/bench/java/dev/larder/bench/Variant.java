package dev.larder.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A way to set the server up, to be compared with others in one run. */
record Variant(String name, Map<String, String> settings) {

    /** Each claim by a statement of its own, or those together that arrive while one runs. */
    static final List<Variant> COMBINER = List.of(
            new Variant("REST, combiner off", Map.of("LARDER_CLAIM_COMBINE", "false")),
            new Variant("REST, combiner on", Map.of("LARDER_CLAIM_COMBINE", "true")));

    /** Looking from the oldest, or from where the last claim ended. */
    static final List<Variant> WATERMARK = List.of(
            new Variant("REST, watermark off", Map.of("LARDER_CLAIM_WATERMARK", "false")),
            new Variant("REST, watermark on", Map.of("LARDER_CLAIM_WATERMARK", "true")));

    /** As environment variables; nothing is built, so that claims alone are measured. */
    Map<String, String> withoutWorker() {
        Map<String, String> all = new LinkedHashMap<>(settings);
        all.put("LARDER_WORKER_ENABLED", "false");
        return all;
    }
}
