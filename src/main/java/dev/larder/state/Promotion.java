package dev.larder.state;

import java.util.OptionalLong;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The rules by which an upload becomes the next version of a state, or is kept as a reject. Pure. */
final class Promotion {

    private Promotion() {}

    /** What became of an upload. */
    sealed interface Result {

        /** It is the current version. */
        record Promoted(long version) implements Result {}

        /** The current version has these bytes already. */
        record Same(long version) implements Result {}

        /**
         * It was kept, and nothing else was changed.
         *
         * @param code mutation_required, mutation_superseded, state_tombstoned, version_conflict, state_too_large,
         *     md5_mismatch, malformed_state, unsupported_state_format, lineage_mismatch, serial_regression,
         *     serial_conflict or write_conflict
         * @param detail one sentence for people
         * @param current the current version at that time
         */
        record Rejected(String code, String detail, UUID reject, long current) implements Result {}
    }

    /** What is to be done with an upload. */
    sealed interface Decision {

        /** It becomes the version after this one. */
        record Promote(long base) implements Decision {}

        record Same(long version) implements Decision {}

        record Reject(String code, String detail) implements Decision {}
    }

    /**
     * The state as it is now, to the sender of an upload.
     *
     * @param version 0: nothing was ever written
     * @param sameBytes the current version has the same bytes
     * @param right whether the sender may write
     */
    record Base(
            long version,
            OptionalLong serial,
            @Nullable String lineage,
            boolean sameBytes,
            boolean tombstoned,
            Right right) {}

    /** Whether the sender may write. */
    enum Right {
        /** It named a mutation that is open, whose fence is the state's and whose lease has not ended. */
        OPEN,
        /** It named none. */
        NONE,
        /** It named one that has ended, whose lease has ended, or whose fence is older. */
        SUPERSEDED
    }

    /**
     * What was sent.
     *
     * @param tooLarge above the limit for versions
     * @param md5Differs from what the sender said
     * @param version the current version that the state must have
     * @param force the rules of serial and lineage do not apply
     */
    record Candidate(StateFile file, boolean tooLarge, boolean md5Differs, OptionalLong version, boolean force) {}

    /** The first rule that applies decides, in this order. */
    static Decision decide(Base base, Candidate candidate) {
        if (candidate.md5Differs()) {
            return reject("md5_mismatch", "The body does not have the MD5 that Content-MD5 says.");
        }
        if (base.sameBytes()) {
            // A sender repeats an upload whose answer was lost, even after its mutation has ended.
            return new Decision.Same(base.version());
        }
        if (base.tombstoned()) {
            return reject("state_tombstoned", "The state was destroyed.");
        }
        return switch (base.right()) {
            case NONE -> reject("mutation_required", "The upload names no mutation or lock.");
            case SUPERSEDED -> reject("mutation_superseded", "The mutation of this upload has ended.");
            case OPEN -> decideContent(base, candidate);
        };
    }

    private static Decision decideContent(Base base, Candidate candidate) {
        if (candidate.version().orElse(base.version()) != base.version()) {
            return reject("version_conflict", "The current version is " + base.version() + ".");
        }
        if (candidate.tooLarge()) {
            return reject("state_too_large", "The state is larger than larder.state.max-size.");
        }
        return switch (candidate.file()) {
            case StateFile.Malformed malformed -> reject("malformed_state", "The state " + malformed.reason() + ".");
            case StateFile.OtherFormat(long format) ->
                reject("unsupported_state_format", StateFile.unsupported(format));
            case StateFile.Clear clear -> decideOrder(base, candidate.force(), clear.serial(), clear.lineage());
            case StateFile.Encrypted sealed -> decideOrder(base, candidate.force(), sealed.serial(), sealed.lineage());
        };
    }

    private static Decision decideOrder(Base base, boolean force, long serial, String lineage) {
        if (force || base.serial().isEmpty()) {
            return new Decision.Promote(base.version());
        }
        long current = base.serial().getAsLong();
        if (!lineage.equals(base.lineage())) {
            return reject("lineage_mismatch", "The state has another lineage than the current version.");
        }
        if (serial < current) {
            return reject("serial_regression", "The serial " + serial + " is lower than the current " + current + ".");
        }
        if (serial == current) {
            return reject("serial_conflict", "The current version has the serial " + serial + " and other bytes.");
        }
        return new Decision.Promote(base.version());
    }

    private static Decision reject(String code, String detail) {
        return new Decision.Reject(code, detail);
    }
}
