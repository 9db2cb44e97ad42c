package dev.larder.worker.postgres;

import dev.larder.dump.DumpFile;
import dev.larder.dump.Statement;
import dev.larder.dump.Step;
import dev.larder.worker.postgres.LoadSession.StatementFailed;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Runs one file in a session. The statements of an SQL file share a transaction, except those that PostgreSQL refuses
 * in one: the transaction is committed before such a statement, and another one begins after it. A dump has no
 * transaction of its own: it may have more objects than one transaction can lock. Small statements are sent together.
 */
final class FileRun {

    private static final int BATCH_BYTES = 65_536;
    private static final int BATCH_STATEMENTS = 200;

    /** In these encodings a byte below 128 may be a part of a character, so statements cannot be divided. */
    private static final Set<String> ENCODINGS_REFUSED =
            Set.of("BIG5", "GB18030", "GBK", "JOHAB", "SHIFT_JIS_2004", "SJIS", "UHC");

    /** A statement that changes how the next ones are read is sent alone. */
    private static final Pattern CHANGES_READING =
            Pattern.compile("(?i)standard_conforming_strings|client_encoding|\\bNAMES\\b");

    private static final int CHANGES_READING_BYTES_MAX = 512;

    private final LoadSession session;
    private final DumpFile file;
    private final FileFaults faults;
    private final StatementBatch batch = new StatementBatch();
    private final Map<Step.Omitted, Integer> omitted = new EnumMap<>(Step.Omitted.class);
    private int tables;

    /** Whether the open transaction was begun here, and not by the file. */
    private boolean ours;

    FileRun(LoadSession session, String path, DumpFile file, ParameterValues values) {
        this.session = session;
        this.file = file;
        this.faults = new FileFaults(session, path, file, values);
    }

    /**
     * Runs all of it.
     *
     * @return lines for the log: what was filled and left out
     * @throws BackendFailure {@code sql_failed} or {@code template_timed_out}
     */
    List<String> run() throws IOException {
        @Nullable Step step = file.next();
        while (step != null) {
            perform(step);
            step = file.next();
        }
        commit();
        if (session.status() != 'I') {
            throw faults.sql("it leaves a transaction open");
        }
        return summary();
    }

    private void perform(Step step) throws IOException {
        switch (step) {
            case Step.Run(Statement statement) -> run(statement);
            case Step.Copy copy -> copy(copy);
            case Step.Omit(Statement statement, Step.Omitted what) -> {
                int count = omitted.merge(what, 1, Integer::sum);
            }
        }
    }

    private void run(Statement statement) {
        switch (statement.sharing()) {
            case SHARES -> {
                share();
                if (batch.bytes() + statement.sql().length > BATCH_BYTES || batch.size() >= BATCH_STATEMENTS) {
                    flush();
                }
                batch.add(statement);
                if (changesReading(statement)) {
                    flush();
                    refuseEncoding(statement);
                }
            }
            case BEGINS, ALONE -> {
                commit();
                alone(statement);
            }
            case ENDS -> {
                alone(statement);
                ours = false;
            }
        }
    }

    private static boolean changesReading(Statement statement) {
        return statement.sql().length <= CHANGES_READING_BYTES_MAX
                && CHANGES_READING.matcher(StatementBatch.text(statement)).find();
    }

    private void refuseEncoding(Statement statement) {
        String encoding = session.parameter("client_encoding");
        if (ENCODINGS_REFUSED.contains(encoding)) {
            throw faults.sql(statement.place() + ": text in encoding " + encoding + " is not read: use UTF8");
        }
    }

    private void alone(Statement statement) {
        flush();
        batch.add(statement);
        flush();
    }

    /** Begins the transaction of a file that has none. */
    private void share() {
        if (!file.isDump() && session.status() == 'I' && batch.isEmpty()) {
            session.run(StatementBatch.ascii("BEGIN"));
            ours = true;
        }
    }

    private void commit() {
        flush();
        if (ours) {
            ours = false;
            try {
                session.run(StatementBatch.ascii("COMMIT"));
            } catch (StatementFailed failed) {
                throw faults.atCommit(failed);
            }
        }
    }

    private void flush() {
        if (batch.isEmpty()) {
            return;
        }
        try {
            session.run(batch.message());
        } catch (StatementFailed failed) {
            throw faults.of(failed, batch);
        }
        batch.clear();
    }

    private void copy(Step.Copy copy) throws IOException {
        share();
        flush();
        try {
            session.copy(copy.statement().sql(), copy.rows());
        } catch (StatementFailed failed) {
            throw faults.of(failed, copy);
        }
        tables++;
    }

    private List<String> summary() {
        List<String> lines = new ArrayList<>();
        if (tables > 0) {
            lines.add("filled tables=" + tables);
        }
        if (!omitted.isEmpty()) {
            lines.add("left out: "
                    + omitted.entrySet().stream()
                            .map(one -> one.getKey().words() + " " + one.getValue())
                            .collect(Collectors.joining(", ")));
        }
        return lines;
    }
}
