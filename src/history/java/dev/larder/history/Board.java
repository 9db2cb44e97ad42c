package dev.larder.history;

import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** Claims that users have got, for other users to try to use. */
final class Board {

    private static final int SHOWN = 256;

    private final AtomicReferenceArray<Shown> shown = new AtomicReferenceArray<>(SHOWN);

    private record Shown(UUID user, UUID claim) {}

    /** Puts a claim where other users find it. */
    void show(UUID user, UUID claim) {
        shown.set(Math.floorMod(claim.hashCode(), SHOWN), new Shown(user, claim));
    }

    Optional<UUID> claimOfAnother(UUID user, Random random) {
        return Optional.ofNullable(shown.get(random.nextInt(SHOWN)))
                .filter(claim -> !claim.user().equals(user))
                .map(Shown::claim);
    }
}
