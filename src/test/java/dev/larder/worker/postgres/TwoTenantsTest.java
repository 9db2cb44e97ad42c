package dev.larder.worker.postgres;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.JobOutcome;
import dev.larder.testing.EmbeddedPostgres;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.pgclient.PgConnectOptions;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Leftovers of a tenant's role. They must not delay a drop for ten seconds, or the build of another tenant for one.
 * The server allows prepared transactions and logical replication, which are off by default.
 */
class TwoTenantsTest {

    private static final Duration DROPPED_WITHIN = Duration.ofSeconds(10);
    private static final Duration HELD_UP_AT_MOST = Duration.ofSeconds(1);
    private static final int REPEATED_AT_MOST = 4;
    private static final Map<String, String> FILES = Map.of(
            "schema.sql", "CREATE TABLE dish (id int PRIMARY KEY, name text); INSERT INTO dish VALUES (1, 'soup')");

    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path folder;

    @SuppressWarnings("NullAway.Init")
    private static Place place;

    @BeforeAll
    static void start_a_server_that_allows_all() {
        place = new Place(EmbeddedPostgres.throwaway(
                folder, List.of("max_prepared_transactions=10", "wal_level=logical", "max_wal_senders=10")));
        trustTenants(place.server().folder().resolve("data/pg_hba.conf"));
        var read = place.admin("SELECT pg_reload_conf()::text");
        var done = place.built(anotherVersion());
    }

    /** Lets a plain socket be a session of a tenant. */
    private static void trustTenants(Path rules) {
        try {
            Files.writeString(rules, "host all /^larder_w_ 127.0.0.1/32 trust\n" + Files.readString(rules));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    @AfterAll
    static void stop_the_server() {
        place.close();
    }

    /** Actions of a tenant that nothing undoes. */
    private record Leftover(String name, Deed deed) {

        @Override
        public String toString() {
            return name;
        }
    }

    @FunctionalInterface
    private interface Deed {
        void by(Tenant attacker, Tenant victim);
    }

    private static Leftover open(String name, String statements) {
        return new Leftover(name, (attacker, victim) -> attacker.leave(text(statements, attacker, victim)));
    }

    private static Leftover done(String name, String statements) {
        return new Leftover(name, (attacker, victim) -> attacker.does(text(statements, attacker, victim)));
    }

    private static String text(String statements, Tenant attacker, Tenant victim) {
        return statements
                .replace(":builder", attacker.builder())
                .replace(":own", attacker.name())
                .replace(":victim", victim.name());
    }

    /** All cases with {@code -Dlarder.tenants.all=true}, else each sixth: a case takes some seconds. */
    static Stream<Leftover> what_a_tenant_can_leave() {
        List<Leftover> all = leftovers().toList();
        return Boolean.getBoolean("larder.tenants.all")
                ? all.stream()
                : IntStream.range(0, all.size()).filter(i -> i % 6 == 0).mapToObj(all::get);
    }

    private static Stream<Leftover> leftovers() {
        return Stream.of(
                new Leftover(
                        "a database opened to all, and a change of it in an open transaction", (attacker, victim) -> {
                            attacker.does("GRANT CONNECT ON DATABASE " + attacker.name() + " TO PUBLIC");
                            attacker.leave("BEGIN; ALTER DATABASE " + attacker.name() + " CONNECTION LIMIT 7");
                        }),
                open("an open change of its database's settings", "BEGIN; ALTER DATABASE :own SET work_mem = '1MB'"),
                open("an open comment on its database", "BEGIN; COMMENT ON DATABASE :own IS 'mine'"),
                open("an open grant on its database", "BEGIN; GRANT CONNECT ON DATABASE :own TO :victim"),
                open("an open change of its password", "BEGIN; ALTER ROLE :own PASSWORD 'x'"),
                open("an open change of its role's settings", "BEGIN; ALTER ROLE :own SET work_mem = '1MB'"),
                open(
                        "an open setting of its role in the victim's database",
                        "BEGIN; ALTER ROLE :own IN DATABASE :victim SET work_mem = '1MB'"),
                open("an open grant to the victim", "BEGIN; GRANT SELECT ON dish TO :victim"),
                open(
                        "an open grant to the builder",
                        "BEGIN; CREATE TABLE own (id int); GRANT SELECT ON own TO :builder"),
                open(
                        "an open change of the builder's password",
                        "BEGIN; SET ROLE :builder; ALTER ROLE :builder PASSWORD 'x'"),
                open("an open drop of all that the builder owns", "BEGIN; DROP OWNED BY :builder"),
                open("an open reassignment of all that the builder owns", "BEGIN; REASSIGN OWNED BY :builder TO :own"),
                new Leftover("a grant of its database to the victim, and an open change of it", (attacker, victim) -> {
                    attacker.does("GRANT CONNECT ON DATABASE " + attacker.name() + " TO " + victim.name());
                    attacker.leave("BEGIN; ALTER DATABASE " + attacker.name() + " CONNECTION LIMIT 7");
                }),
                done("a grant of a table to the victim", "GRANT SELECT ON dish TO :victim"),
                done("default privileges for the victim", "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO :victim"),
                done(
                        "a policy for the victim",
                        "CREATE TABLE own (id int); CREATE POLICY p ON own TO :victim USING (true)"),
                new Leftover("objects of the victim in its database, others depending on them", (attacker, victim) -> {
                    attacker.does("GRANT CONNECT, CREATE ON DATABASE " + attacker.name() + " TO " + victim.name());
                    victim.does(
                            attacker.name(),
                            "CREATE SCHEMA v; CREATE TABLE v.t (id int); GRANT ALL ON SCHEMA v TO " + attacker.name()
                                    + "; GRANT SELECT ON v.t TO " + attacker.name());
                    attacker.does("CREATE VIEW looks AS SELECT * FROM v.t");
                }),
                new Leftover("objects of the victim in its database, locked", (attacker, victim) -> {
                    attacker.does("GRANT CONNECT, CREATE ON DATABASE " + attacker.name() + " TO " + victim.name());
                    victim.does(
                            attacker.name(),
                            "CREATE SCHEMA v; CREATE TABLE v.t (id int); GRANT ALL ON SCHEMA v TO " + attacker.name()
                                    + "; GRANT ALL ON v.t TO " + attacker.name());
                    attacker.leave("BEGIN; LOCK TABLE v.t");
                }),
                open("a lock on its tables", "BEGIN; LOCK TABLE dish IN ACCESS EXCLUSIVE MODE"),
                open("a lock on the server's catalogs", "BEGIN; LOCK TABLE pg_database, pg_roles IN ACCESS SHARE MODE"),
                open("a long snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM dish"),
                open(
                        "an open cursor and a temporary table",
                        "BEGIN; CREATE TEMP TABLE t (); DECLARE c CURSOR FOR TABLE dish"),
                open("advisory locks", "SELECT pg_advisory_lock(n) FROM generate_series(1, 100) n"),
                open("a session that listens", "LISTEN dishes"),
                open("a session called like a job of the victim", "SET application_name = 'larder job :victim'"),
                new Leftover(
                        "a statement that runs and takes no cancel",
                        (attacker, victim) -> attacker.begins(
                                "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN END; END LOOP; END $$")),
                new Leftover("as many sessions as it may have", (attacker, victim) -> {
                    for (int each = 0; each < 20; each++) {
                        attacker.leave("BEGIN; SELECT 1");
                    }
                }),
                new Leftover("clients that connect again and again and lock at once", Tenant::storm),
                new Leftover(
                        "a client that reads nothing",
                        (attacker, victim) ->
                                attacker.asksAndIsSilent("SELECT repeat('x', 1000000) FROM generate_series(1, 1000)")),
                new Leftover(
                        "a copy whose data never comes",
                        (attacker, victim) -> attacker.asksAndIsSilent("COPY dish FROM STDIN")),
                new Leftover("a client that never says its password", (attacker, victim) -> attacker.neverSays()),
                done("a database that is called a template", "ALTER DATABASE :own IS_TEMPLATE true"),
                new Leftover("a database that its owner has closed from another's", (attacker, victim) -> {
                    victim.does("GRANT CONNECT ON DATABASE " + victim.name() + " TO " + attacker.name());
                    attacker.does(victim.name(), "ALTER DATABASE " + attacker.name() + " ALLOW_CONNECTIONS false");
                }),
                done("a database for no connection", "ALTER DATABASE :own CONNECTION LIMIT 0"),
                done(
                        "settings against every session in its database",
                        "ALTER DATABASE :own SET statement_timeout = 1; ALTER DATABASE :own SET role = ':own'; "
                                + "ALTER DATABASE :own SET default_transaction_read_only = on; "
                                + "ALTER DATABASE :own SET lock_timeout = 1; CREATE SCHEMA evil; "
                                + "ALTER DATABASE :own SET search_path = evil, pg_catalog; GRANT SELECT ON dish TO :victim"),
                done(
                        "large objects and a publication",
                        "SELECT lo_from_bytea(0, 'x'); CREATE PUBLICATION p FOR TABLE dish"),
                done("a prepared transaction", "BEGIN; INSERT INTO dish VALUES (2); PREPARE TRANSACTION ':own'"),
                done(
                        "a prepared change of its database",
                        "BEGIN; ALTER DATABASE :own CONNECTION LIMIT 7; PREPARE TRANSACTION ':own'"),
                done(
                        "a prepared change of its role",
                        "BEGIN; ALTER ROLE :own PASSWORD 'x'; PREPARE TRANSACTION ':own'"),
                new Leftover("a prepared change of its role in a database it has closed", (attacker, victim) -> {
                    victim.does("GRANT CONNECT ON DATABASE " + victim.name() + " TO " + attacker.name());
                    attacker.does(
                            text("BEGIN; ALTER ROLE :own PASSWORD 'x'; PREPARE TRANSACTION ':own'", attacker, victim));
                    attacker.does(victim.name(), "ALTER DATABASE " + attacker.name() + " ALLOW_CONNECTIONS false");
                }),
                done(
                        "a prepared grant to the victim",
                        "BEGIN; GRANT SELECT ON dish TO :victim; PREPARE TRANSACTION ':own'"),
                done(
                        "a prepared setting of its role in the victim's database",
                        "BEGIN; ALTER ROLE :own IN DATABASE :victim SET work_mem = '1MB'; PREPARE TRANSACTION ':own'"),
                new Leftover("a subscription", (attacker, victim) -> {
                    place.admin("GRANT pg_create_subscription TO " + attacker.name());
                    attacker.does(
                            "CREATE PUBLICATION p; CREATE SUBSCRIPTION \"it's\" CONNECTION 'host=127.0.0.1 port=1 "
                                    + "dbname=x password=y' PUBLICATION p WITH (connect = false, slot_name = gone)");
                }),
                new Leftover(
                        "a replication slot",
                        (attacker, victim) -> place.admin(
                                attacker.name(),
                                "SELECT pg_create_logical_replication_slot('of_a_tenant', 'pgoutput')::text")),
                new Leftover(
                        "a drop that was interrupted",
                        (attacker, victim) -> place.admin(
                                "UPDATE pg_database SET datconnlimit = -2 WHERE datname = '" + attacker.name() + "'")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("what_a_tenant_can_leave")
    void keeps_no_drop_and_no_build_waiting(Leftover leftover) {
        Work first = anotherVersion();
        Work second = first.another();
        try (Tenant attacker = new Tenant(first, place.built(first));
                Tenant victim = new Tenant(second, place.built(second))) {
            Duration usual = time(() -> place.built(anotherVersion()));

            leftover.deed().by(attacker, victim);

            Duration bound = usual.plus(HELD_UP_AT_MOST);
            assertThat(quickest(bound, TwoTenantsTest::anotherVersion))
                    .as("another tenant's build")
                    .isLessThan(bound);
            assertThat(quickest(bound, first::another))
                    .as("a build of the same version")
                    .isLessThan(bound);
            assertThat(time(() -> dropped(victim))).as("the victim's drop").isLessThan(DROPPED_WITHIN);
            assertThat(time(() -> dropped(attacker))).as("its own drop").isLessThan(DROPPED_WITHIN);
            assertThat(leftOf(victim)).isEmpty();
            assertThat(leftOf(attacker)).isEmpty();
        }
    }

    // Vocabulary

    private static Work anotherVersion() {
        return new Work(UUID.randomUUID(), UUID.randomUUID(), FILES);
    }

    /**
     * A build that takes longer than the bound is repeated: the machine does other things as well. A leftover that
     * holds up builds holds up each of them.
     */
    private static Duration quickest(Duration bound, Supplier<Work> next) {
        Duration took = time(() -> place.built(next.get()));
        for (int again = 0; again < REPEATED_AT_MOST && took.compareTo(bound) >= 0; again++) {
            took = time(() -> place.built(next.get()));
        }
        return took;
    }

    private static Duration time(Runnable work) {
        var clock = InstantSource.system();
        var from = clock.instant();
        work.run();
        return Duration.between(from, clock.instant());
    }

    private static void dropped(Tenant tenant) {
        assertThat(place.perform(tenant.work.delete())).isInstanceOf(JobOutcome.Succeeded.class);
    }

    private static List<String> leftOf(Tenant tenant) {
        String all = """
                SELECT datname::text FROM pg_database WHERE datname = '%1$s'
                 UNION ALL SELECT rolname FROM pg_roles WHERE rolname = '%1$s'
                 UNION ALL SELECT gid FROM pg_prepared_xacts WHERE owner = '%1$s'
                 UNION ALL SELECT pid::text FROM pg_stat_activity WHERE '%1$s' IN (usename, datname)""";
        return place.admin(all.formatted(tenant.name()));
    }

    /** A tenant with its open sessions. */
    private static final class Tenant implements AutoCloseable {

        private final Work work;
        private final PgConnectOptions options;
        private final List<PgConnection> sessions = new ArrayList<>();
        private final List<AutoCloseable> others = new ArrayList<>();
        private final AtomicBoolean gone = new AtomicBoolean();

        Tenant(Work work, Map<String, String> outputs) {
            this.work = work;
            this.options = Place.options(outputs);
        }

        String name() {
            return Names.workspace(work.workspace());
        }

        String builder() {
            return place.admin("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '"
                            + work.template() + "'")
                    .getFirst();
        }

        void does(String statements) {
            does(name(), statements);
        }

        void does(String database, String statements) {
            PgConnection session = place.connect(new PgConnectOptions(options).setDatabase(database));
            var done = session.query(statements).execute().await().atMost(Place.LONG);
            session.close().await().atMost(Place.LONG);
        }

        void leave(String statements) {
            PgConnection session = place.connect(options);
            sessions.add(session);
            var done = session.query(statements).execute().await().atMost(Place.LONG);
        }

        void begins(String statement) {
            PgConnection session = place.connect(options);
            sessions.add(session);
            var running = session.query(statement).execute().subscribe().with(never -> {}, ended -> {});
            untilBusy();
        }

        /** Reads no answer and sends nothing more. */
        void asksAndIsSilent(String query) {
            try {
                Socket socket = knocks(name());
                while (socket.getInputStream().read() != 'Z') {
                    var rest = new DataInputStream(socket.getInputStream());
                    rest.readFully(new byte[rest.readInt() - 4]);
                }
                byte[] text = (query + '\0').getBytes(StandardCharsets.US_ASCII);
                DataOutputStream out = new DataOutputStream(socket.getOutputStream());
                out.write('Q');
                out.writeInt(text.length + 4);
                out.write(text);
                out.flush();
                untilBusy();
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
        }

        /** Waits until the server runs a statement of one of these sessions, or waits for its client. */
        private void untilBusy() {
            String busy = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = '" + name()
                    + "' AND state = 'active')::text";
            var end = InstantSource.system().instant().plus(Place.LONG);
            while (!place.admin(busy).contains("true")) {
                assertThat(InstantSource.system().instant()).as(busy).isBefore(end);
            }
        }

        /**
         * The first message of a login (protocol 3.0). The test server trusts tenants and asks superusers for a
         * password.
         */
        Socket knocks(String role) {
            try {
                Socket socket = new Socket(EmbeddedPostgres.HOST, place.server().port());
                others.add(socket);
                byte[] text = ("user\0" + role + "\0database\0" + name() + "\0\0").getBytes(StandardCharsets.US_ASCII);
                DataOutputStream out = new DataOutputStream(socket.getOutputStream());
                out.writeInt(text.length + 8);
                out.writeInt(196_608);
                out.write(text);
                out.flush();
                return socket;
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
        }

        void neverSays() {
            try {
                assertThat(knocks("postgres").getInputStream().read()).isEqualTo('R');
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
        }

        void storm(Tenant victim) {
            for (int each = 0; each < 6; each++) {
                String statements = text(
                        each % 2 == 0
                                ? "BEGIN; ALTER ROLE :own PASSWORD 'x'"
                                : "BEGIN; ALTER DATABASE :own CONNECTION LIMIT 7; ALTER ROLE :own IN DATABASE :victim SET work_mem = '1MB'",
                        this,
                        victim);
                Thread thread = new Thread(() -> comeAgain(statements), "storm " + each);
                thread.setDaemon(true);
                thread.start();
                others.add(thread::join);
            }
        }

        private void comeAgain(String statements) {
            while (!gone.get()) {
                try {
                    PgConnection session =
                            PgConnection.connect(place.vertx(), options).await().atMost(Place.LONG);
                    var same = session.exceptionHandler(ended -> {});
                    var done = session.query(statements + "; SELECT pg_sleep(5)")
                            .execute()
                            .await()
                            .atMost(Place.LONG);
                    session.close().await().atMost(Place.LONG);
                } catch (RuntimeException refused) {
                    Thread.onSpinWait();
                }
            }
        }

        @Override
        public void close() {
            gone.set(true);
            for (PgConnection session : sessions) {
                // Not awaited: the statement of such a session may never end.
                var ending = session.close().subscribe().with(ended -> {}, failed -> {});
            }
            for (AutoCloseable other : others) {
                try {
                    other.close();
                } catch (Exception failed) {
                    throw new IllegalStateException(failed);
                }
            }
        }
    }
}
