package dev.larder.model;

import java.security.SecureRandom;
import java.time.Instant;
import java.time.InstantSource;
import java.util.UUID;

/** Makes identifiers: UUIDs of version 7 (RFC 9562), whose order is the order of their milliseconds. */
public final class Ids {

    private final InstantSource clock;
    private final SecureRandom random = new SecureRandom();

    public Ids(InstantSource clock) {
        this.clock = clock;
    }

    public UUID next() {
        long millis = clock.millis();
        long high = (millis << 16) | 0x7000L | (random.nextInt(1 << 12));
        long low = (random.nextLong() & 0x3FFF_FFFF_FFFF_FFFFL) | 0x8000_0000_0000_0000L;
        return new UUID(high, low);
    }

    /** The smallest of the identifiers that are made at or after this instant. */
    public static UUID firstOf(Instant at) {
        return new UUID((at.toEpochMilli() << 16) | 0x7000L, 0x8000_0000_0000_0000L);
    }

    /** A short lower-case suffix for names; 60 random bits. */
    public String suffix() {
        long bits = random.nextLong() & 0x0FFF_FFFF_FFFF_FFFFL;
        String text = Long.toString(bits, 32);
        return "0".repeat(12 - text.length()) + text;
    }
}
