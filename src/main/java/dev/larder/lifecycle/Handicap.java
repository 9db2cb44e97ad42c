package dev.larder.lifecycle;

import java.time.Duration;

/** How much later than a user's job a prebuild's job comes to its turn in the queue (design, section 4.1). */
public final class Handicap {

    /** A job's handicap in the queue: users' jobs none, prebuild deletes some, prebuild starts more (design, 4.1). */
    public static final Duration DELETE = Duration.ofMinutes(2);

    public static final Duration START = Duration.ofMinutes(5);

    private Handicap() {}
}
