package dev.larder.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A way to set the server up, to be compared with others in one run. */
record Variant(String name, Map<String, String> settings) {

    /** How claims may be served. */
    static final List<Variant> OF_CLAIMS = List.of(new Variant("REST", Map.of()));

    /** As environment variables; nothing is built, so that claims alone are measured. */
    Map<String, String> withoutWorker() {
        Map<String, String> all = new LinkedHashMap<>(settings);
        all.put("LARDER_WORKER_ENABLED", "false");
        return all;
    }
}
