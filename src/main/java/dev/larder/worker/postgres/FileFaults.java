package dev.larder.worker.postgres;

import dev.larder.dump.DumpFile;
import dev.larder.dump.Step;
import dev.larder.worker.postgres.LoadSession.StatementFailed;
import io.vertx.pgclient.PgException;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Says which statement of a file the server refused, and why. It names the file, the line and the first words of the
 * statement. It holds no data of a dump.
 */
final class FileFaults {

    private static final int MESSAGE_CHARACTERS_MAX = 1_000;
    private static final String CANCELED = "57014";
    private static final String NO_RIGHT = "42501";

    /** Resources that the server has run out of. Not 53400, the limit of a role. */
    private static final Set<String> SERVER_RESOURCES = Set.of("53000", "53100", "53200", "53300");

    /** Messages of these classes quote the value after a colon. */
    private static final Pattern DATA = Pattern.compile("22.*");

    private static final Pattern ROW = Pattern.compile("^COPY .*, line ([0-9]{1,15})");

    private final LoadSession session;
    private final String path;
    private final DumpFile file;
    private final ParameterValues values;

    FileFaults(LoadSession session, String path, DumpFile file, ParameterValues values) {
        this.session = session;
        this.path = path;
        this.file = file;
        this.values = values;
    }

    BackendFailure sql(String detail) {
        return new BackendFailure("sql_failed", path + ": " + detail);
    }

    RuntimeException atCommit(StatementFailed failed) {
        return of(failed.told(), "at its commit", false);
    }

    RuntimeException of(StatementFailed failed, StatementBatch batch) {
        @Nullable String position = failed.told().getPosition();
        String place =
                position == null ? batch.after(failed.completed()).place() : batch.placeAt(Integer.parseInt(position));
        return of(failed.told(), place, file.isDump());
    }

    RuntimeException of(StatementFailed failed, Step.Copy copy) {
        Matcher row = ROW.matcher(String.valueOf(failed.told().getWhere()));
        long inRows = row.find() ? Long.parseLong(row.group(1)) : 0;
        String place = copy.firstRow() > 0 && inRows > 0
                ? copy.statement().place(copy.firstRow() + inRows - 1)
                : copy.statement().place() + (inRows > 0 ? " row " + inRows : "");
        return of(failed.told(), place, true);
    }

    private RuntimeException of(PgException error, String place, boolean data) {
        String state = String.valueOf(error.getSqlState());
        if (CANCELED.equals(state)) {
            return new BackendFailure("template_timed_out", path + " " + place + ": " + error.getErrorMessage());
        }
        if (SERVER_RESOURCES.contains(state) || state.startsWith("57P") || state.startsWith("08")) {
            return new StatementFailed(0, error);
        }
        String said = values.masked(String.valueOf(error.getErrorMessage()));
        String shown = data && DATA.matcher(state).matches() ? said.replaceFirst("(?s): .*", "") : said;
        return new BackendFailure(
                "sql_failed",
                Texts.cut(
                        path + " " + place + ": " + state + " " + shown + hint(state, place), MESSAGE_CHARACTERS_MAX));
    }

    private String hint(String state, String place) {
        if (NO_RIGHT.equals(state) && place.contains("(CREATE EXTENSION")) {
            return "; an operator can install the extension in template1";
        }
        String server = session.parameter("server_version").replaceFirst("[^0-9].*", "");
        return file.madeFrom().isPresent()
                        && !server.isEmpty()
                        && file.madeFrom().getAsInt() > Integer.parseInt(server)
                ? "; the dump is of PostgreSQL " + file.madeFrom().getAsInt() + ", the server is " + server
                : "";
    }
}
