package dev.larder.pool;

import java.util.List;
import java.util.Map;

/**
 * What a worker is to the queue (design, section 4.1).
 *
 * @param name for people
 * @param tags it must have all that a job names; an untagged worker takes untagged jobs only
 * @param backends kinds it can build
 * @param slots how many jobs at once
 * @param reserved slots that jobs of prebuilds never take, so that a user's job finds one free however much is being
 *     stocked; less than {@code slots}
 */
public record WorkerEntry(String name, Map<String, String> tags, List<String> backends, int slots, int reserved) {

    public WorkerEntry {
        if (reserved < 0 || reserved >= slots) {
            throw new IllegalArgumentException("reserved must be from 0 to one less than slots");
        }
    }

    /** Without a reserve. */
    public WorkerEntry(String name, Map<String, String> tags, List<String> backends, int slots) {
        this(name, tags, backends, slots, 0);
    }
}
