package dev.larder.history;

import java.util.List;
import java.util.Random;
import java.util.Set;

/** What a client may do next. */
public enum Deed {
    CLAIM(20),
    /** Builds one for the caller where none is in stock. */
    CLAIM_COLD(1),
    /** Without a key: what a broken connection leaves of it nobody can find again. */
    CLAIM_WITHOUT_KEY(1),
    /** Two calls with one key, at once, mostly to different servers. */
    CLAIM_TWICE_AT_ONCE(3),
    /** As the first of these, but for one asking for something else. */
    CLAIM_OTHERWISE_AT_ONCE(1),
    /** Several at once, all or as many as there are. */
    CLAIM_MANY(2),
    /** For some seconds, unless it is renewed. */
    CLAIM_FOR_A_WHILE(6),
    /** Whichever of two presets has one. */
    CLAIM_EITHER(2),
    /** Of the scarce preset, mostly. */
    CLAIM_OR_WAIT(4),
    /** A key that was used before, maybe long ago. */
    REPEAT(24),
    /** Such a key, and another request. */
    REPEAT_OTHERWISE(3),
    LOOK(24),
    LOOK_AT_WHAT_ENDED(6),
    LOOK_AT_ANOTHERS(2),
    RENEW(8),
    RENEW_WHAT_ENDED(2),
    RENEW_ANOTHERS(1),
    RELEASE(16),
    /** By a generation that it has, or one that it has not. */
    RELEASE_THIS_HOLDING(2),
    RELEASE_AGAIN(2),
    RELEASE_ANOTHERS(1);

    private final int weight;

    Deed(int weight) {
        this.weight = weight;
    }

    /** One of these by chance, the weightier the likelier. */
    static Deed any(Set<Deed> of, Random random) {
        List<Deed> deeds = List.copyOf(of);
        int left = random.nextInt(deeds.stream().mapToInt(deed -> deed.weight).sum());
        for (Deed deed : deeds) {
            left -= deed.weight;
            if (left < 0) {
                return deed;
            }
        }
        throw new IllegalStateException("weights do not add up");
    }
}
