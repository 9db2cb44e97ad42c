package dev.larder.http;

import dev.larder.database.DatabaseFaults;
import dev.larder.model.Ids;
import dev.larder.objects.ObjectStoreException;
import jakarta.inject.Singleton;
import java.util.UUID;
import org.jboss.logging.Logger;

/** Turns a failure that no one expected into a problem, and logs it once under an incident number. */
@Singleton
public class Faults {

    private static final Logger LOG = Logger.getLogger(Faults.class);

    private final Ids ids;

    Faults(Ids ids) {
        this.ids = ids;
    }

    /** A problem is told as it is. Trouble of the database is 503: the same request may succeed later. */
    public Problem problem(Throwable failure) {
        if (failure instanceof Problem problem) {
            return problem;
        }
        if (failure instanceof ObjectStoreException store) {
            LOG.warnf("object store failed reason=%s cause=%s", store.reason().code(), store.getMessage());
            return StoreProblems.of(store);
        }
        if (DatabaseFaults.busy(failure)) {
            LOG.warnf("database busy cause=%s", failure.getMessage());
            return databaseBusy();
        }
        if (DatabaseFaults.unavailable(failure)) {
            LOG.warnf("database unavailable cause=%s", failure.getMessage());
            return databaseUnavailable();
        }
        if (DatabaseFaults.conflict(failure)) {
            return Problem.of(503, "try_again", "Another request was in the way; send this one again.")
                    .withHeader("Retry-After", "1");
        }
        if (DatabaseFaults.unstorableText(failure)) {
            return Problem.of(400, "invalid_text", "The request contains a character that cannot be stored.");
        }
        UUID incident = ids.next();
        LOG.errorf(failure, "request failed incident=%s", incident);
        return Problem.of(500, "internal_error", "Something went wrong; the log has it as " + incident + ".")
                .about("urn:uuid:" + incident);
    }

    private static Problem databaseBusy() {
        return Problem.of(
                        503,
                        "database_busy",
                        "What this request needs is locked, or the database has too much to do; send it again.")
                .withHeader("Retry-After", "2");
    }

    private static Problem databaseUnavailable() {
        return Problem.of(503, "database_unavailable", "The database cannot be reached at the moment.")
                .withHeader("Retry-After", "2");
    }
}
