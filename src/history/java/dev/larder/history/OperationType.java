package dev.larder.history;

import java.util.List;
import java.util.Random;
import java.util.Set;

/** The operations a simulated client chooses from, each with its share of the load. */
public enum OperationType {
    CLAIM(20),
    /** Builds one for the caller where none is in stock. */
    CLAIM_COLD(1),
    /** Without an idempotency key: a claim whose response is lost cannot be found again. */
    CLAIM_WITHOUT_KEY(1),
    /** The same request twice at the same time with one key, mostly to different servers. */
    CLAIM_CONCURRENTLY_SAME_KEY(3),
    /** Two different requests at the same time with one key. */
    CLAIM_CONCURRENTLY_SAME_KEY_OTHER_BODY(1),
    /** Several workspaces in one claim: all, or as many as are in stock. */
    CLAIM_BATCH(2),
    /** A lease of some seconds. */
    CLAIM_WITH_TTL(6),
    /** Two presets, the better one first. */
    CLAIM_ALTERNATIVES(2),
    /** Waits where none is in stock; mostly of the preset with little stock. */
    CLAIM_OR_WAIT(4),
    /** Sends an earlier claim again with its key. */
    RETRY(24),
    /** Sends another body with the key of an earlier claim. */
    RETRY_OTHER_BODY(3),
    READ(24),
    READ_ENDED(6),
    READ_FOREIGN(2),
    RENEW(8),
    RENEW_ENDED(2),
    RENEW_FOREIGN(1),
    RELEASE(16),
    /** With {@code If-Match}, by the current generation or an older one. */
    RELEASE_WITH_GENERATION(2),
    RELEASE_AGAIN(2),
    RELEASE_FOREIGN(1);

    private final int weight;

    OperationType(int weight) {
        this.weight = weight;
    }

    /** One of them at random, in proportion to their weights. */
    static OperationType any(Set<OperationType> of, Random random) {
        List<OperationType> types = List.copyOf(of);
        int left = random.nextInt(types.stream().mapToInt(type -> type.weight).sum());
        for (OperationType type : types) {
            left -= type.weight;
            if (left < 0) {
                return type;
            }
        }
        throw new IllegalStateException("weights do not add up");
    }
}
