package dev.larder.client;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What can go wrong. Decide by the class or by {@link #code()}, the server's stable word for it; the message is for
 * people.
 */
public abstract class LarderException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final String code;
    private final transient Details details;

    private LarderException(String code, String detail, Details details) {
        super(code + ": " + detail);
        this.code = code;
        this.details = details;
    }

    /** What the server said beside the code; nothing where the server was not asked. */
    record Details(OptionalInt status, List<Violation> violations, Optional<Duration> retryAfter) {
        static final Details NONE = new Details(OptionalInt.empty(), List.of(), Optional.empty());
    }

    /** What is wrong with one field of a request. */
    public record Violation(String code, String field, String detail) {}

    public String code() {
        return code;
    }

    /** The HTTP status; empty where the client found out by itself. */
    public OptionalInt status() {
        return details.status();
    }

    /** Which fields of the request are wrong. */
    public List<Violation> violations() {
        return details.violations();
    }

    /** After how long the server expects that a retry may succeed. */
    public Optional<Duration> retryAfter() {
        return details.retryAfter();
    }

    /** No workspace is ready, or none was ready in time. */
    public static final class NoStock extends LarderException {
        private static final long serialVersionUID = 1;

        NoStock(String code, String detail, Details details) {
            super(code, detail, details);
        }
    }

    /** The server does not accept the request. The same request will be refused again. */
    public static final class Refused extends LarderException {
        private static final long serialVersionUID = 1;

        Refused(String code, String detail, Details details) {
            super(code, detail, details);
        }
    }

    /** The token is missing, unknown, expired or revoked. */
    public static final class Unauthorized extends LarderException {
        private static final long serialVersionUID = 1;

        Unauthorized(String code, String detail, Details details) {
            super(code, detail, details);
        }
    }

    /** The time that the caller gave was over before the workspace was ready. The claim goes on. */
    public static final class TimedOut extends LarderException {
        private static final long serialVersionUID = 1;

        TimedOut(String detail) {
            super("timed_out", detail, Details.NONE);
        }
    }

    /** The workspace of the claim could not be built or prepared. The code is that of the build. */
    public static final class WorkspaceFailed extends LarderException {
        private static final long serialVersionUID = 1;

        WorkspaceFailed(String code, String detail) {
            super(code, detail, Details.NONE);
        }
    }

    /** The claim has ended: its lease is over, it was released, or its workspace was deleted. */
    public static final class LeaseLost extends LarderException {
        private static final long serialVersionUID = 1;

        LeaseLost(String code, String detail, Details details) {
            super(code, detail, details);
        }
    }

    /** The server could not be reached or could not answer, also after retries. */
    public static final class Unavailable extends LarderException {
        private static final long serialVersionUID = 1;

        Unavailable(String code, String detail, Details details) {
            super(code, detail, details);
        }
    }
}
