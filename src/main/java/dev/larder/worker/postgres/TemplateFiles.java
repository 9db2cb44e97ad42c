package dev.larder.worker.postgres;

import dev.larder.model.LogLine;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.pgclient.PgException;
import io.vertx.pgclient.PgNotice;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Runs the files of a version in the database that becomes its template, as the builder role. */
final class TemplateFiles {

    private static final int NOTICES_MAX = 1_000;
    private static final int NOTICE_CHARACTERS_MAX = 8_192;
    private static final int MESSAGE_CHARACTERS_MAX = 1_000;
    private static final Duration CLOSING = Duration.ofSeconds(10);

    private final Server server;
    private final InstantSource clock;
    private final TemplateBuild build;

    TemplateFiles(Server server, InstantSource clock, TemplateBuild build) {
        this.server = server;
        this.clock = clock;
        this.build = build;
    }

    /**
     * Runs all files, in the order of their paths.
     *
     * @throws Refused {@code sql_failed} or {@code template_timed_out}
     */
    Uni<Void> run() {
        Names names = build.names();
        Duration within = Limits.forFiles(build.assignment(), clock);
        return server.as(
                        build.builder(),
                        build.secret(),
                        names.building(),
                        names.session(),
                        within.plus(CLOSING),
                        connection -> {
                            listen(connection);
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

    private static Refused timedOut(String detail) {
        return new Refused("template_timed_out", detail);
    }

    private void listen(PgConnection connection) {
        AtomicInteger heard = new AtomicInteger();
        var same = connection.noticeHandler(notice -> {
            int count = heard.incrementAndGet();
            if (count <= NOTICES_MAX) {
                say(text(notice, build.values()));
            } else if (count == NOTICES_MAX + 1) {
                say("further notices are left out");
            }
        });
    }

    private static String text(PgNotice notice, Values values) {
        return cut(values.masked(notice.getSeverity() + ": " + notice.getMessage()), NOTICE_CHARACTERS_MAX);
    }

    private void say(String line) {
        build.log().accept(new LogLine(clock.instant(), "larder", line));
    }

    /** Counts the rows that a file selects and forgets them: there may be more than memory holds. */
    private static Uni<Void> forgetting(PgConnection connection, String sql) {
        return Uni.createFrom()
                .completionStage(() -> connection
                        .getDelegate()
                        .query(sql)
                        .collecting(Collectors.counting())
                        .execute()
                        .toCompletionStage())
                .memoize()
                .indefinitely()
                .replaceWithVoid();
    }

    /** Runs one file as one message, and checks that it left no transaction and no setting to the next. */
    private Uni<Void> file(PgConnection connection, String path) {
        say("running " + path);
        String sql = build.files().getOrDefault(path, "");
        return build.values()
                .give(connection)
                .chain(() -> forgetting(connection, sql))
                .onFailure()
                .transform(failure -> failed(path, sql, build.values(), failure))
                .chain(() -> connection.query("DISCARD ALL").execute())
                .onFailure(failure -> failure instanceof PgException told && IN_TRANSACTION.equals(told.getSqlState()))
                .transform(failure -> new Refused("sql_failed", path + ": it leaves a transaction open"))
                .replaceWithVoid();
    }

    private static final String IN_TRANSACTION = "25001";
    private static final String CANCELED = "57014";

    /** A role's own limit (53400) and what the server has run out of are told apart. */
    private static final Set<String> OF_THE_SERVER = Set.of("53000", "53100", "53200", "53300");

    private static Throwable failed(String path, String sql, Values values, Throwable failure) {
        if (failure instanceof PgException told) {
            String state = String.valueOf(told.getSqlState());
            if (CANCELED.equals(state)) {
                return timedOut(path + ": " + told.getErrorMessage());
            }
            if (OF_THE_SERVER.contains(state) || state.startsWith("57P") || state.startsWith("08")) {
                return told;
            }
            String message = "%s%s: %s %s"
                    .formatted(path, line(sql, told.getPosition()), state, values.masked(told.getErrorMessage()));
            return new Refused("sql_failed", cut(message, MESSAGE_CHARACTERS_MAX));
        }
        if (failure instanceof UnsupportedOperationException) {
            // The one thing the server may ask for in the middle of a message that the client does not know.
            return new Refused("sql_failed", path + ": COPY FROM STDIN is not supported; write INSERT");
        }
        return failure;
    }

    /** The server counts characters from 1; people count lines. */
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
