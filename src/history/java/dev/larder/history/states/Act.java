package dev.larder.history.states;

import java.util.UUID;

/**
 * One request about a state and its answer. Instants are nanoseconds of one clock.
 *
 * @param client which program sent it
 * @param mutation the mutation's id, or the lock of a tool that began one with it; empty where there is none
 * @param body what was sent or read
 * @param answer what came back
 * @param sent before the first byte
 * @param received after the last byte, or when the connection broke
 */
public record Act(
        int client, Kind kind, UUID state, String mutation, Content body, Answer answer, long sent, long received) {

    /** What was asked. */
    public enum Kind {
        BEGIN,
        LOCK,
        READ,
        WRITE,
        RENEW,
        END,
        UNLOCK,
        TAKE_AWAY,
        SETTLE
    }

    /**
     * A body of a state. No two uploads of a state have the same size, unless one repeats the other.
     *
     * @param bytes 0: none
     * @param digest of the bytes; empty: none
     */
    public record Content(int bytes, String digest) {
        static final Content NONE = new Content(0, "");
    }

    /**
     * @param status 0: the connection broke
     * @param version of the ETag; -1: none
     */
    public record Answer(int status, String code, long version) {

        /** Whether the request was performed or refused. A server that says 5xx or breaks off leaves it open. */
        boolean certain() {
            return status >= 200 && status < 500 && status != 429;
        }

        boolean done() {
            return status >= 200 && status < 300;
        }
    }

    boolean done() {
        return answer.done();
    }
}
