package dev.larder.worker.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.testing.EmbeddedPostgres;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.SslMode;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What people have, loaded into PostgreSQL by a role without rights. */
class DumpLoadTest {

    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path folder;

    @SuppressWarnings("NullAway.Init")
    private static Place place;

    private final LoadPlace loads =
            LoadPlace.on(place, "d" + UUID.randomUUID().toString().substring(0, 8));

    @BeforeAll
    static void start_a_server() {
        place = new Place(EmbeddedPostgres.throwaway(folder));
    }

    @AfterAll
    static void stop_the_server() {
        place.close();
    }

    private static InputStream recorded(String name) {
        return Objects.requireNonNull(DumpLoadTest.class.getResourceAsStream("/dumps/" + name), name);
    }

    private static InputStream bytes(String text, Charset charset) {
        return new ByteArrayInputStream(text.getBytes(charset));
    }

    // Recorded with pg_dump 15.18: views, functions, row security, partitions, extensions, large objects

    @ParameterizedTest
    @ValueSource(strings = {"shop.sql", "shop.dump", "shop-plain.dump", "shop-inserts.dump"})
    void a_dump_is_loaded_whole(String name) {
        List<String> log = loads.load(name, recorded(name));

        assertThat(loads.ask("SELECT count(*)::text FROM dish")).containsExactly("29");
        assertThat(loads.ask("SELECT name FROM dish WHERE id > 20 ORDER BY id"))
                .containsExactly(
                        "tab\there",
                        "two\nlines",
                        "back\\slash",
                        "\\.",
                        "",
                        "NULL",
                        "é ü 漢字 🍲",
                        "carriage\rreturn",
                        "; DROP TABLE dish; --");
        assertThat(loads.ask("SELECT what FROM audit.log ORDER BY at")).containsExactly("old", "new");
        assertThat(loads.ask("SELECT count(*)::text FROM pg_inherits WHERE inhparent = 'audit.log'::regclass"))
                .containsExactly("2");
        assertThat(loads.ask("SELECT price_of(3)::text")).containsExactly("3.00");
        assertThat(loads.ask("SELECT quoted() || slashes()")).containsExactly("it's; hereback\\slash");
        assertThat(loads.ask("SELECT count(*)::text FROM menu")).containsExactly("29");
        assertThat(loads.ask("SELECT count(*)::text FROM cheap")).containsExactly("13");
        assertThat(loads.ask("SELECT nextval('tickets')::text")).containsExactly("305");
        assertThat(loads.ask("SELECT relrowsecurity::text || relforcerowsecurity FROM pg_class WHERE relname = 'dish'"))
                .containsExactly("truetrue");
        assertThat(loads.ask("SELECT polname::text FROM pg_policy")).containsExactly("mine");
        assertThat(loads.ask("SELECT extname::text FROM pg_extension ORDER BY 1"))
                .containsExactly("citext", "hstore", "pgcrypto", "plpgsql");
        assertThat(loads.ask("SELECT obj_description('dish'::regclass)"))
                .containsExactly("what's; served\non two lines");
        assertThat(loads.ask("SELECT convert_from(lo_get(16999), 'UTF8') || length(lo_get(17000))"))
                .containsExactly("a large object3000");
        assertThat(loads.ask("SELECT encode(payload, 'hex') FROM \"Weird \"\"Name\"\"\" WHERE id = 1"))
                .containsExactly("00ff5c2e");
        assertThat(loads.ask("INSERT INTO dish (name) VALUES ('next') RETURNING id::text"))
                .containsExactly("30");
        assertThat(
                        loads.ask(
                                "SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class WHERE relname IN ('dish', 'menu')"))
                .containsExactly(loads.name());
        assertThat(log)
                .hasSizeBetween(1, 2)
                .last()
                .asString()
                .startsWith("left out: owners ")
                .contains("privileges 4");
    }

    @Test
    void an_archive_brings_the_settings_of_its_database() {
        var log = loads.load("shop.dump", recorded("shop.dump"));

        assertThat(loads.ask("SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setdatabase = "
                        + "(SELECT oid FROM pg_database WHERE datname = current_database())"))
                .containsExactly("search_path=public, audit, \"Odd, Schema\"", "work_mem=8MB");
    }

    // SQL of one's own

    @Test
    void statements_that_cannot_share_a_transaction_run_between_those_that_do() {
        var log = loads.load("""
                CREATE TABLE dish (id int PRIMARY KEY, next int REFERENCES dish DEFERRABLE INITIALLY DEFERRED);
                INSERT INTO dish VALUES (1, 2);
                INSERT INTO dish VALUES (2, 1);
                CREATE TYPE mood AS ENUM ('sad');
                CREATE INDEX CONCURRENTLY by_next ON dish (next);
                ALTER TYPE mood ADD VALUE 'ok';
                CREATE TABLE felt (feeling mood); INSERT INTO felt VALUES ('ok');
                VACUUM (ANALYZE) dish;
                REINDEX TABLE CONCURRENTLY dish;
                CREATE PROCEDURE twice() LANGUAGE plpgsql AS $$ BEGIN
                    INSERT INTO felt VALUES ('sad'); COMMIT; INSERT INTO felt VALUES ('ok'); END $$;
                CALL twice();
                DO $$ BEGIN INSERT INTO felt VALUES ('sad'); ROLLBACK; END $$;
                BEGIN; INSERT INTO felt VALUES ('ok'); ROLLBACK;
                BEGIN; INSERT INTO felt VALUES ('ok'); COMMIT;
                SET LOCAL work_mem = '1MB';
                CREATE TABLE seen AS SELECT current_setting('work_mem') AS memory;
                """);

        assertThat(loads.ask("SELECT count(*)::text FROM felt")).containsExactly("4");
        assertThat(loads.ask("SELECT memory FROM seen")).containsExactly("1MB");
        assertThat(loads.notices()).isEmpty();
    }

    @Test
    void a_file_shares_one_transaction_until_it_says_otherwise() {
        assertThatThrownBy(() -> loads.load("CREATE TABLE a (id int);\nCREATE TABLE b (id int);\nSELECT 1 / 0"))
                .hasMessageContaining("x.sql line 3 (SELECT): 22012");
        assertThat(loads.ask("SELECT relname::text FROM pg_class WHERE relname IN ('a', 'b')"))
                .isEmpty();
    }

    @Test
    void rows_go_in_by_copy_in_every_form() {
        var log = loads.load("""
                CREATE TABLE dish (id int, name text);
                COPY dish FROM stdin;
                1\tsoup
                2\t\\N
                \\.
                COPY dish (name, id) FROM STDIN WITH (FORMAT csv, HEADER);
                name,id
                "tea, green",3
                \\.
                INSERT INTO dish VALUES (4, 'bread');
                """.replace("\n", "\r\n"));

        assertThat(log).containsExactly("filled tables=2");
        assertThat(loads.ask("SELECT coalesce(name, 'none') FROM dish ORDER BY id"))
                .containsExactly("soup", "none", "tea, green", "bread");
    }

    @Test
    void a_byte_order_mark_and_another_encoding_are_read() {
        var first = loads.load("\uFEFFCREATE TABLE t (x text); INSERT INTO t VALUES ('é');");
        var second = loads.load(
                "x.sql",
                bytes("SET client_encoding = 'LATIN1'; INSERT INTO t VALUES ('ü');", StandardCharsets.ISO_8859_1));

        assertThat(loads.ask("SELECT x FROM t")).containsExactly("é", "ü");
    }

    @Test
    void an_encoding_in_which_a_quote_may_be_half_a_character_is_refused() {
        assertThatThrownBy(() -> loads.load("SELECT 1;\nSET client_encoding = 'SJIS';"))
                .hasMessageContaining("x.sql: line 2 (SET client_encoding): text in encoding SJIS is not read");
    }

    // Faults

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "SELECT 1;\\nSELECT 2;\\nINSERT INTO nowhere VALUES ('secret')|x.sql line 3 (INSERT INTO nowhere VALUES): 42P01",
                "SELECT 'é';\\nSELECT\\n\\n nothing|x.sql line 4 (SELECT nothing): 42703",
                "CREATE TABLE t (a int UNIQUE);\\nINSERT INTO t VALUES (1);\\nINSERT INTO t VALUES (1)|x.sql line 3 (INSERT INTO t VALUES): 23505",
                "CREATE TABLE t (a int);\\nCOPY t FROM stdin;\\n1\\n2\\nsecret\\n\\\\.\\n|x.sql line 5 (COPY t FROM stdin): 22P02 invalid input syntax for type integer",
                "CREATE TABLE t (a int);\\nCOPY t FROM stdin;\\n1\\tsecret\\n\\\\.\\n|x.sql line 3 (COPY t FROM stdin): 22P04 extra data after last expected column",
                "COPY nowhere FROM stdin;\\n1\\n\\\\.\\n|x.sql line 1 (COPY nowhere FROM stdin): 42P01",
                "CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED);\\nINSERT INTO t VALUES (1), (1)|x.sql at its commit: 23505",
                "CREATE EXTENSION file_fdw|x.sql line 1 (CREATE EXTENSION file_fdw): 42501 permission denied to create extension \"file_fdw\"; an operator can install the extension in template1",
                "SELECT 1;\\n\\\\i other.sql|line 2: \\\\i is a command of psql, not SQL"
            })
    void a_fault_names_file_line_and_words_and_no_data(String text, String said) {
        String file = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\");

        assertThatThrownBy(() -> loads.load(file))
                .hasMessageContaining(said.replace("\\\\", "\\"))
                .hasMessageNotContaining("secret");
    }

    @Test
    void a_policy_for_a_role_that_is_not_there_is_refused_and_not_left_out() {
        String dump =
                "-- PostgreSQL database dump\nCREATE TABLE t (a int);\nCREATE POLICY p ON t TO reader USING (true);";

        assertThatThrownBy(() -> loads.load(dump))
                .hasMessageContaining("line 3 (CREATE POLICY p ON t TO): 42704 role \"reader\" does not exist");
    }

    @Test
    void a_dump_of_a_newer_server_says_so_where_it_fails() {
        String dump = "-- PostgreSQL database dump\n-- Dumped from database version 77.1\nSELECT new_function();";

        assertThatThrownBy(() -> loads.load(dump))
                .hasMessageContaining("the dump is of PostgreSQL 77, the server is 18");
    }

    @Test
    void a_copy_whose_rows_are_never_announced_does_not_hang() {
        // The words hide in a string that is run.
        assertThatThrownBy(() -> loads.load("CREATE TABLE t (a int); DO $$ BEGIN EXECUTE 'COPY t FROM STDIN'; END $$"))
                .hasMessageContaining("x.sql line 1");
    }

    @Test
    void rows_that_are_selected_or_copied_out_are_dropped() {
        var log = loads.load("CREATE TABLE t AS SELECT repeat('x', 100000) FROM generate_series(1, 200);"
                + "SELECT * FROM t; COPY t TO STDOUT; INSERT INTO t VALUES ('y')");

        assertThat(loads.ask("SELECT count(*)::text FROM t")).containsExactly("201");
    }

    @Test
    void a_trigger_that_talks_at_every_row_stops_no_copy() {
        String rows = "1\n".repeat(20_000);
        var log = loads.load("CREATE TABLE t (a int);"
                + "CREATE FUNCTION talk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', repeat('x', 500); RETURN NEW; END $$;"
                + "CREATE TRIGGER talks BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION talk();\n"
                + "COPY t FROM stdin;\n" + rows + "\\.\n");

        assertThat(loads.ask("SELECT count(*)::text FROM t")).containsExactly("20000");
        assertThat(loads.notices()).hasSize(20_000);
    }

    @Test
    void a_server_that_dies_in_the_middle_ends_the_load() {
        String rows = "1\n".repeat(2_000);

        assertThatThrownBy(() -> loads.load("CREATE TABLE t (a int);"
                        + "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;"
                        + "CREATE TRIGGER dies BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION die();\n"
                        + "COPY t FROM stdin;\n" + rows + "\\.\n"))
                .hasMessageContaining("57P01");
    }

    // Connections

    @Test
    void a_wrong_password_and_a_server_without_tls_are_failures() {
        PgConnectOptions wrong = place.server().options("postgres").setPassword("wrong");
        PgConnectOptions encrypted =
                place.server().options("postgres").setSslMode(SslMode.REQUIRE).setTrustAll(true);

        assertThatThrownBy(() -> opened(wrong)).hasMessageContaining("28P01");
        assertThatThrownBy(() -> opened(encrypted)).hasMessageContaining("it offers no TLS");
        assertThat(opened(place.server()
                        .options("postgres")
                        .setSslMode(SslMode.PREFER)
                        .setTrustAll(true)))
                .isEqualTo('I');
    }

    private static char opened(PgConnectOptions options) {
        try (LoadSession session = new LoadSession(place.vertx().getDelegate(), options, (severity, message) -> {})) {
            session.open();
            return session.status();
        }
    }
}
