package dev.larder.reconcile;

import dev.larder.model.CanaryEvidence;
import dev.larder.model.RolloutPolicy.Canary;
import java.time.Instant;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Whether a new version may be served, by what is known of its canaries (decision 0046). A failure of the version
 * decides against it at once. Another's failure, of a place or a worker, delays it until the deadline.
 */
public sealed interface Verdict {

    /** @param waitingFor what is missing, for people */
    record Undecided(String waitingFor) implements Verdict {}

    /** All canaries are as they should be. */
    record Passed() implements Verdict {}

    /**
     * @param code {@code canary_failed} or {@code canary_deadline}
     * @param detail why, in a sentence
     */
    record Failed(String code, String detail) implements Verdict {}

    static Verdict of(Canary declared, List<CanaryEvidence> canaries, Instant deadline, Instant at) {
        List<CanaryEvidence> bad =
                canaries.stream().filter(CanaryEvidence::condemns).toList();
        if (!bad.isEmpty()) {
            return new Failed("canary_failed", failures(bad));
        }
        String missing = missing(declared, canaries);
        if (missing.isEmpty()) {
            return new Passed();
        }
        return at.isAfter(deadline)
                ? new Failed("canary_deadline", "the canary did not pass by its deadline: " + missing)
                : new Undecided(missing);
    }

    private static String failures(List<CanaryEvidence> bad) {
        return bad.stream()
                .flatMap(canary -> canary.failed().stream())
                .map(failed -> "job %s failed with %s".formatted(failed.job(), failed.code()))
                .limit(5)
                .collect(Collectors.joining("; "));
    }

    /** Empty where nothing is. */
    private static String missing(Canary declared, List<CanaryEvidence> canaries) {
        List<CanaryEvidence> counted =
                canaries.stream().filter(canary -> !canary.isDelayed()).toList();
        long ready = counted.stream().filter(CanaryEvidence::ready).count();
        long verified = counted.stream()
                .filter(canary -> canary.ready() && canary.verified())
                .count();
        if (ready < declared.instances()) {
            return "%d of %d are ready".formatted(ready, declared.instances());
        }
        if (declared.verify() && verified < declared.instances()) {
            return "%d of %d are verified".formatted(verified, declared.instances());
        }
        boolean tried = counted.stream().anyMatch(CanaryEvidence::tried);
        return declared.trialClaim() && !tried ? "the trial claim has not ended" : "";
    }
}
