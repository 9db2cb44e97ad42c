package dev.larder.worker.postgres;

import dev.larder.model.FileContent;
import dev.larder.model.LogLine;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.pgclient.PgException;
import io.vertx.pgclient.PgNotice;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Runs the files of a version in an unfinished template database, as the builder role. */
final class TemplateFiles {

    private static final int NOTICES_MAX = 1_000;
    private static final int NOTICE_CHARACTERS_MAX = 8_192;
    private static final int MESSAGE_CHARACTERS_MAX = 1_000;
    private static final Duration CLOSING = Duration.ofSeconds(10);

    private final PostgresServer server;
    private final InstantSource clock;
    private final TemplateBuild build;

    TemplateFiles(PostgresServer server, InstantSource clock, TemplateBuild build) {
        this.server = server;
        this.clock = clock;
        this.build = build;
    }

    /**
     * Runs all files, in the order of their paths.
     *
     * @throws BackendFailure {@code sql_failed} or {@code template_timed_out}
     */
    Uni<Void> run() {
        Names names = build.names();
        Duration within = JobLimits.forFiles(build.assignment(), clock);
        return server.as(
                        build.builder(),
                        build.secret(),
                        names.building(),
                        names.session(),
                        within.plus(CLOSING),
                        connection -> {
                            logNotices(connection);
                            return Multi.createFrom()
                                    .iterable(build.paths())
                                    .onItem()
                                    .transformToUniAndConcatenate(path -> file(connection, path))
                                    .collect()
                                    .asList()
                                    .replaceWithVoid();
                        })
                .ifNoItem()
                .after(within)
                .failWith(() -> timedOut("its files were not done in the time of the job"));
    }

    private static BackendFailure timedOut(String detail) {
        return new BackendFailure("template_timed_out", detail);
    }

    private void logNotices(PgConnection connection) {
        AtomicInteger received = new AtomicInteger();
        var same = connection.noticeHandler(notice -> {
            int count = received.incrementAndGet();
            if (count <= NOTICES_MAX) {
                log(text(notice, build.values()));
            } else if (count == NOTICES_MAX + 1) {
                log("further notices are left out");
            }
        });
    }

    private static String text(PgNotice notice, ParameterValues values) {
        return cut(values.masked(notice.getSeverity() + ": " + notice.getMessage()), NOTICE_CHARACTERS_MAX);
    }

    private void log(String line) {
        build.log().accept(new LogLine(clock.instant(), "larder", line));
    }

    /** Discards the rows that a file selects, because they may not fit into memory. */
    private static Uni<Void> runDiscardingRows(PgConnection connection, String sql) {
        return Uni.createFrom()
                .completionStage(() -> connection
                        .getDelegate()
                        .query(sql)
                        .collecting(Collectors.counting())
                        .execute()
                        .toCompletionStage())
                .replaceWithVoid();
    }

    /** Runs one file as one message. Refuses an open transaction at its end, and resets settings for the next file. */
    private Uni<Void> file(PgConnection connection, String path) {
        log("running " + path);
        return text(build.content(path)).chain(sql -> file(connection, path, sql));
    }

    private static Uni<String> text(FileContent content) {
        return content instanceof FileContent.Text(String text)
                ? Uni.createFrom().item(text)
                : Uni.createFrom().item(() -> read(content)).runSubscriptionOn(Infrastructure.getDefaultExecutor());
    }

    private static String read(FileContent content) {
        try (InputStream in = content.open()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private Uni<Void> file(PgConnection connection, String path, String sql) {
        return build.values()
                .setIn(connection)
                .chain(() -> runDiscardingRows(connection, sql))
                .onFailure()
                .transform(failure -> failed(path, sql, build.values(), failure))
                .chain(() -> connection.query("DISCARD ALL").execute())
                .onFailure(
                        failure -> failure instanceof PgException error && IN_TRANSACTION.equals(error.getSqlState()))
                .transform(failure -> new BackendFailure("sql_failed", path + ": it leaves a transaction open"))
                .replaceWithVoid();
    }

    private static final String IN_TRANSACTION = "25001";
    private static final String CANCELED = "57014";

    /** Resources that the server has run out of. Not 53400, the limit of a role. */
    private static final Set<String> SERVER_RESOURCES = Set.of("53000", "53100", "53200", "53300");

    private static Throwable failed(String path, String sql, ParameterValues values, Throwable failure) {
        if (failure instanceof PgException error) {
            String state = String.valueOf(error.getSqlState());
            if (CANCELED.equals(state)) {
                return timedOut(path + ": " + error.getErrorMessage());
            }
            if (SERVER_RESOURCES.contains(state) || state.startsWith("57P") || state.startsWith("08")) {
                return error;
            }
            String message = "%s%s: %s %s"
                    .formatted(path, line(sql, error.getPosition()), state, values.masked(error.getErrorMessage()));
            return new BackendFailure("sql_failed", cut(message, MESSAGE_CHARACTERS_MAX));
        }
        if (failure instanceof UnsupportedOperationException) {
            // The only request of the server during a message that the client does not support.
            return new BackendFailure("sql_failed", path + ": COPY FROM STDIN is not supported; write INSERT");
        }
        return failure;
    }

    /** Converts a position, which counts characters from 1, to a line number. */
    private static String line(String sql, @Nullable String position) {
        if (position == null) {
            return "";
        }
        int before = Math.min(Integer.parseInt(position) - 1, sql.codePointCount(0, sql.length()));
        long line = 1
                + sql.codePoints()
                        .limit(before)
                        .filter(character -> character == '\n')
                        .count();
        return " line " + line;
    }

    private static String cut(String text, int characters) {
        return text.length() <= characters ? text : text.substring(0, characters) + "…";
    }
}
