package dev.larder.provision.postgres;

import dev.larder.pool.Assignment;
import dev.larder.pool.LogLine;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.pgclient.PgException;
import io.vertx.pgclient.PgNotice;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Builds a version's template database, once, from its {@code *.sql} files in the order of their paths. It grows under
 * another name and is renamed when it is complete, so that what bears the template's name is whole; builders of one
 * version exclude each other by an advisory lock that ends with the session that holds it.
 *
 * <p>The files come from template admins, not from the server's operator. They are run by a role that owns the database
 * it builds, can connect to nothing else, and is no superuser: the server's files, its programs and Larder's own database
 * are out of their reach. Afterwards the database is the superuser's and takes no connections: as its owner a member of
 * the builder role, which each workspace of the version is, could open it again.
 *
 * <p>The base is {@code template1}: what an operator puts there, extensions for instance, every workspace has.
 */
final class Templates {

    private static final int NOTICES_MAX = 1_000;
    private static final int NOTICE_CHARACTERS_MAX = 8_192;
    private static final int MESSAGE_CHARACTERS_MAX = 1_000;

    private final Server server;
    private final InstantSource clock;

    Templates(Server server, InstantSource clock) {
        this.server = server;
        this.clock = clock;
    }

    /** One build of one template. */
    private record Build(Names names, Map<String, String> files, Secret secret, Consumer<LogLine> log) {

        List<String> paths() {
            return files.keySet().stream()
                    .filter(path -> path.endsWith(".sql"))
                    .sorted()
                    .toList();
        }
    }

    /**
     * Returns when the template is there, built by this call or by another.
     *
     * @throws Refused {@code sql_failed}, with the file and what the server said; nothing of the template is left then
     */
    Uni<Void> ensure(PgConnection admin, Assignment assignment, Names names, Consumer<LogLine> log) {
        Build build = new Build(names, assignment.files(), Secret.random(), log);
        return Server.run(admin, "SELECT pg_advisory_lock(" + names.lock() + ")")
                .chain(() -> Server.databaseExists(admin, names.template()))
                .chain(there -> there ? Uni.createFrom().voidItem() : build(admin, build))
                .onItemOrFailure()
                .call((done, failure) -> unlock(admin, names));
    }

    private static Uni<Void> unlock(PgConnection admin, Names names) {
        return Server.run(admin, "SELECT pg_advisory_unlock(" + names.lock() + ")")
                .replaceWithVoid()
                .onFailure()
                .recoverWithNull();
    }

    private Uni<Void> build(PgConnection admin, Build build) {
        return prepare(admin, build)
                .chain(() -> fill(build))
                .chain(() -> freeze(admin, build.names()))
                .onFailure()
                .call(() -> clear(admin, build.names()).onFailure().recoverWithNull())
                .onCancellation()
                .call(() -> clearBehind(build.names()).onFailure().recoverWithNull());
    }

    private static Uni<Void> prepare(PgConnection admin, Build build) {
        Names names = build.names();
        return Server.dropDatabase(admin, names.building())
                .chain(() -> Server.roleExists(admin, names.builder()))
                .chain(there -> Server.run(admin, builderRole(there ? "ALTER" : "CREATE", build)))
                .chain(() -> Server.run(
                        admin,
                        "CREATE DATABASE %s TEMPLATE template1 OWNER %s ALLOW_CONNECTIONS false"
                                .formatted(names.building(), names.builder())))
                .chain(() -> Server.run(admin, opening(names.building())))
                .chain(() -> Isolation.ensure(admin, names.builder(), names.builder(), names.building()));
    }

    private static String builderRole(String verb, Build build) {
        String role = build.names().builder();
        return """
                %1$s ROLE %2$s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS LOGIN PASSWORD '%3$s';
                ALTER ROLE %2$s RESET ALL""".formatted(verb, role, build.secret().verifier());
    }

    /** Closes it to everybody but its owner before it is opened at all. */
    static String opening(String database) {
        return """
                REVOKE ALL ON DATABASE %1$s FROM PUBLIC;
                ALTER DATABASE %1$s ALLOW_CONNECTIONS true CONNECTION LIMIT -1""".formatted(database);
    }

    private Uni<Void> fill(Build build) {
        Names names = build.names();
        return server.as(names.builder(), build.secret().password(), names.building(), names.session(), connection -> {
            listen(connection, build);
            return Multi.createFrom()
                    .iterable(build.paths())
                    .onItem()
                    .transformToUniAndConcatenate(path -> file(connection, build, path))
                    .collect()
                    .asList()
                    .replaceWithVoid();
        });
    }

    private void listen(PgConnection connection, Build build) {
        AtomicInteger heard = new AtomicInteger();
        var same = connection.noticeHandler(notice -> {
            int count = heard.incrementAndGet();
            if (count <= NOTICES_MAX) {
                say(build, text(notice));
            } else if (count == NOTICES_MAX + 1) {
                say(build, "further notices are left out");
            }
        });
    }

    private static String text(PgNotice notice) {
        return cut(notice.getSeverity() + ": " + notice.getMessage(), NOTICE_CHARACTERS_MAX);
    }

    private void say(Build build, String line) {
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
                .replaceWithVoid();
    }

    /** Runs one file as one message, and checks that it left no transaction and no setting to the next. */
    private Uni<Void> file(PgConnection connection, Build build, String path) {
        say(build, "running " + path);
        String sql = build.files().getOrDefault(path, "");
        return forgetting(connection, sql)
                .onFailure()
                .transform(failure -> failed(path, sql, failure))
                .chain(() -> connection.query("DISCARD ALL").execute())
                .onFailure(PgException.class)
                .transform(failure -> new Refused("sql_failed", path + ": it leaves a transaction open"))
                .replaceWithVoid();
    }

    private static Throwable failed(String path, String sql, Throwable failure) {
        if (failure instanceof PgException told) {
            String line = line(sql, told.getPosition());
            String message = "%s%s: %s %s".formatted(path, line, told.getSqlState(), told.getErrorMessage());
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

    /** From here on nobody connects to it, and nobody but the superuser could change that. */
    private static Uni<Void> freeze(PgConnection admin, Names names) {
        return Server.run(admin, frozen(names))
                .chain(() -> Server.endSessions(admin, names.building()))
                .chain(() -> Server.run(admin, "ALTER DATABASE " + names.building() + " RENAME TO " + names.template()))
                .replaceWithVoid();
    }

    private static String frozen(Names names) {
        return """
                ALTER ROLE %1$s NOLOGIN PASSWORD NULL;
                ALTER DATABASE %2$s ALLOW_CONNECTIONS false IS_TEMPLATE false;
                ALTER DATABASE %2$s OWNER TO CURRENT_USER;
                REVOKE ALL ON DATABASE %2$s FROM PUBLIC, %1$s CASCADE""".formatted(names.builder(), names.building());
    }

    /** Drops what was built so far. The role stays where something still depends on it; it cannot log in any more. */
    private static Uni<Void> clear(PgConnection admin, Names names) {
        return Server.lockOut(admin, names.builder())
                .chain(() -> Server.dropDatabase(admin, names.building()))
                .chain(() -> Server.run(admin, "DROP ROLE IF EXISTS " + names.builder()))
                .replaceWithVoid();
    }

    /** After a cancel, on a session of its own; where another builder has the lock by now, it has cleared it already. */
    private Uni<Void> clearBehind(Names names) {
        return server.asAdmin(
                "larder clean-up",
                admin -> Server.run(admin, "SELECT pg_try_advisory_lock(" + names.lock() + ") AS locked")
                        .map(rows -> rows.iterator().next().getBoolean("locked"))
                        .chain(locked -> Boolean.TRUE.equals(locked)
                                ? clearUnfinished(admin, names)
                                : Uni.createFrom().voidItem()));
    }

    /** Where the rename came before the cancel, the template is whole and stays. */
    private static Uni<Void> clearUnfinished(PgConnection admin, Names names) {
        return Server.databaseExists(admin, names.template())
                .chain(whole -> whole ? Uni.createFrom().voidItem() : clear(admin, names));
    }
}
