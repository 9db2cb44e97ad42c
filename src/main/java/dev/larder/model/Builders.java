package dev.larder.model;

import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Whether a living worker takes the jobs of one kind at this moment: those of one backend with the same tags. */
public sealed interface Builders {

    /** At least one does. */
    record Some() implements Builders {}

    /** No worker that was heard of in the last minute fits. */
    record None(String backend, Map<String, String> tags) implements Builders {

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
     * Every one that fits is held: the place where it builds is in trouble (decision 0025).
     *
     * @param location as the inventory names the place; null where its worker has not listed it
     * @param code of the latest failure there
     * @param since when the first of them was held
     * @param until when the next probe is due
     */
    record Held(String backend, @Nullable String location, String code, String reason, Instant since, Instant until)
            implements Builders {

        /** For people: which place, and what it answered. */
        public String detail() {
            String where = location == null ? backend : backend + " " + location;
            return "%s: %s: %s".formatted(where, code, reason);
        }
    }

    Builders SOME = new Some();
}
