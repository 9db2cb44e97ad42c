package dev.larder.model;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a worker is to the queue (design, section 4.1).
 *
 * @param name for people
 * @param tags it must have all that a job names; an untagged worker takes untagged jobs only
 * @param backends kinds it can build, and {@link #FETCHES_FILES}
 * @param slots how many jobs at once
 * @param reserved slots that prebuild jobs never take, so that a user's job finds one free however much is
 *     being stocked; less than {@code slots}. Empty: one slot in two is kept from prebuild jobs that may take
 *     more than an hour, and none from the others (decision 0022)
 */
public record WorkerEntry(
        String name, Map<String, String> tags, List<String> backends, int slots, Optional<Integer> reserved) {

    /** Offered beside the backends by a worker that can fetch the uploaded files to which a version refers. */
    public static final String FETCHES_FILES = "files";

    public WorkerEntry {
        if (reserved.isPresent() && (reserved.get() < 0 || reserved.get() >= slots)) {
            throw new IllegalArgumentException("reserved must be from 0 to one less than slots");
        }
    }

    /** With this reserve. */
    public WorkerEntry(String name, Map<String, String> tags, List<String> backends, int slots, int reserved) {
        this(name, tags, backends, slots, Optional.of(reserved));
    }

    /** Without a reserve. */
    public WorkerEntry(String name, Map<String, String> tags, List<String> backends, int slots) {
        this(name, tags, backends, slots, 0);
    }

    /** Slots that no prebuild job takes. */
    public int reservedSlots() {
        return reserved.orElse(0);
    }

    /** Slots that prebuild jobs of more than an hour do not take. */
    public int longReservedSlots() {
        return reserved.isPresent() ? 0 : slots / 2;
    }
}
