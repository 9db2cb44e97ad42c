package dev.larder.events;

/** What a follower of a partition is told. */
public sealed interface Told {

    /** The next event of the partition. */
    record Happened(Event event) implements Told {}

    /**
     * Events that the follower has not seen were removed.
     *
     * @param oldest the number of the oldest event that there is, or of the next one
     */
    record Reset(long oldest) implements Told {}

    /** Nothing has happened for a time. */
    record Silent() implements Told {}
}
