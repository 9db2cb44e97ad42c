package dev.larder.objects;

/** What must be true of a key for a write to be done. There are no writes without a condition. */
public sealed interface Condition {

    /** There is no object under the key ({@code If-None-Match: *}). */
    record Absent() implements Condition {}

    /** The object has this ETag ({@code If-Match}). */
    record Matches(String etag) implements Condition {}

    static Condition absent() {
        return new Absent();
    }

    static Condition matches(String etag) {
        return new Matches(etag);
    }
}
