package dev.larder.model;

import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Whether a live worker takes jobs of one backend with the same tags at this moment. */
public sealed interface WorkerSupply {

    /** At least one worker takes them. */
    record Available() implements WorkerSupply {}

    /** No worker that sent a heartbeat in the last minute fits. */
    record Missing(String backend, Map<String, String> tags) implements WorkerSupply {

        /** For people: {@code no worker with tags site=lab offers exec}. */
        public String detail() {
            return "no worker%s offers %s"
                    .formatted(tags.isEmpty() ? " without tags" : " with tags " + words(), backend);
        }

        private String words() {
            return new TreeMap<>(tags)
                    .entrySet().stream()
                            .map(tag -> tag.getKey() + "=" + tag.getValue())
                            .collect(Collectors.joining(" "));
        }
    }

    /**
     * Every worker that fits is held, because the place where it builds has failed (decision 0025).
     *
     * @param location as the inventory names the place; null where its worker has not reported it
     * @param code of the latest failure there
     * @param since when the first of them was held
     * @param until when the next probe is due
     */
    record Held(String backend, @Nullable String location, String code, String reason, Instant since, Instant until)
            implements WorkerSupply {

        /** For people: the place and its error. */
        public String detail() {
            String where = location == null ? backend : backend + " " + location;
            return "%s: %s: %s".formatted(where, code, reason);
        }
    }

    WorkerSupply AVAILABLE = new Available();
}
