package dev.larder.worker.postgres;

import dev.larder.database.DatabaseFaults;
import dev.larder.model.JobOutcome;
import io.vertx.pgclient.PgException;
import java.util.Optional;

/** What an error of the PostgreSQL server means for the job: which outcome, and whether a template must be built anew. */
final class PostgresFaults {

    private static final String IN_USE = "55006";

    private PostgresFaults() {}

    /** Whether the failure is one of the outcomes that {@link PostgresBackend} lists. */
    static boolean expected(Throwable failure) {
        return failure instanceof Refused || failure instanceof PgException || DatabaseFaults.unavailable(failure);
    }

    static JobOutcome outcome(Throwable failure) {
        return switch (failure) {
            case Refused refused -> refused.outcome();
            case PgException told when full(told) -> new JobOutcome.Failed("backend_full", said(told));
            case PgException told when Admin.busy(told) -> Admin.refusal(told).outcome();
            case PgException told when !unreachable(told) -> new JobOutcome.Failed("database_refused", said(told));
            case PgException told -> new JobOutcome.Failed("backend_unavailable", said(told));
            default ->
                new JobOutcome.Failed(
                        "backend_unavailable",
                        "The server cannot be reached: "
                                + Optional.ofNullable(failure.getMessage())
                                        .orElse(failure.getClass().getSimpleName()));
        };
    }

    private static boolean full(PgException told) {
        return state(told).startsWith("53");
    }

    /** Also where the login is refused or the maintenance database is missing: the configuration is wrong, not the job. */
    private static boolean unreachable(PgException told) {
        return DatabaseFaults.unavailable(told)
                || state(told).startsWith("28")
                || state(told).equals("3D000");
    }

    private static String state(PgException told) {
        return Optional.ofNullable(told.getSqlState()).orElse("");
    }

    private static String said(PgException told) {
        return "The server says: " + told.getSqlState() + " " + told.getErrorMessage();
    }

    /** Whether the template itself cannot be copied: its files are missing or damaged, its role is gone, or it is in use. */
    static boolean spoiled(Throwable failure) {
        return failure instanceof PgException told
                && !(DatabaseFaults.unavailable(told)
                        || full(told)
                        || state(told).startsWith("28"))
                && (IN_USE.equals(told.getSqlState()) || !Admin.busy(told));
    }
}
