package dev.larder.worker.postgres;

import dev.larder.database.DatabaseFaults;
import dev.larder.model.JobOutcome;
import io.vertx.pgclient.PgException;
import java.util.Optional;

/** Maps errors of the PostgreSQL server to outcomes of a job, and tells whether a template must be rebuilt. */
final class PostgresFaults {

    private static final String IN_USE = "55006";

    private PostgresFaults() {}

    /** Whether the failure has an outcome that {@link PostgresBackend} lists. */
    static boolean expected(Throwable failure) {
        return failure instanceof BackendFailure
                || failure instanceof PgException
                || DatabaseFaults.unavailable(failure);
    }

    static JobOutcome outcome(Throwable failure) {
        return switch (failure) {
            case BackendFailure known -> known.outcome();
            case PgException told when full(told) -> new JobOutcome.Failed("backend_full", said(told));
            case PgException told
            when AdminSession.isBusy(told) -> AdminSession.refusal(told).outcome();
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

    /** Includes a refused login and a missing maintenance database: the configuration is wrong, not the job. */
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

    /**
     * Whether the template cannot be copied: its files are missing or damaged, its role does not exist, or it is in
     * use.
     */
    static boolean isTemplateUnusable(Throwable failure) {
        return failure instanceof PgException told
                && !(DatabaseFaults.unavailable(told)
                        || full(told)
                        || state(told).startsWith("28"))
                && (IN_USE.equals(told.getSqlState()) || !AdminSession.isBusy(told));
    }
}
