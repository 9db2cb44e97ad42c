package dev.larder.dump;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.dump.Statement.Sharing;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How text is divided into statements, and what is known of each. */
class SqlTextTest {

    private static final String DUMP = "--\n-- PostgreSQL database dump\n--\n";

    // Each of these is one statement, whatever stands around it.
    static Stream<String> one_statement() {
        return Stream.of(
                "SELECT 1",
                "SELECT 'a;b'",
                "SELECT 'it''s; here'",
                "SELECT 'back\\'",
                "SELECT E'it\\'s; here'",
                "SELECT e'two\\\\'",
                "SELECT E'goes on'\n  ';\\';' ",
                "SELECT E'it''s;\\''",
                "SELECT 'E' 'x;'",
                "SELECT xe'a;\\'",
                "SELECT U&'d\\0061t;a'",
                "SELECT B'1', X'1f', N'a;'",
                "SELECT \"a;b\"",
                "SELECT \"a\"\"b;\"\"\"",
                "SELECT \"it's\"",
                "SELECT $$a;b$$",
                "SELECT $$it's; \\$$",
                "SELECT $tag$a; $$ ; $other$ ; $tag $tag$",
                "SELECT $a$ $a $a$",
                "SELECT $é$;$é$",
                "SELECT a$b$c, $1",
                "SELECT a$b, ';' FROM c$b",
                "SELECT 1 -- a; comment's \\ \n + 1",
                "SELECT 1 /* a; /* nested; */ it's; */ + 1",
                "SELECT 1 /*/ ; */",
                "SELECT 1 - -1, 4 / 2, 2 * 3",
                "SELECT (1; 2)",
                "CREATE RULE r AS ON INSERT TO a DO ALSO (INSERT INTO b VALUES (1); INSERT INTO c VALUES (2))",
                "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
                "create or replace procedure p() begin atomic select case when true then 1 end; select (case when a then b end); end",
                "CREATE FUNCTION f() RETURNS int BEGIN /* ; */\n ATOMIC SELECT 1; END",
                "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END; $f$",
                "CREATE FUNCTION begin(a int) RETURNS int RETURN a",
                "CREATE TABLE \"create function begin atomic\" (a int)",
                "DO $$ BEGIN IF true THEN NULL; END IF; END $$",
                "SELECT '\uD83C\uDF72;漢'",
                "SELECT 1\r\n+ 2",
                "SELECT '$$', '--', '/*'",
                "SELECT ';' AS \"--\", $$/*$$",
                "SELECT ''",
                "SELECT '''', ''''''",
                "SELECT $$$$");
    }

    @ParameterizedTest
    @MethodSource("one_statement")
    void a_semicolon_that_is_part_of_something_ends_no_statement(String statement) {
        assertThat(Steps.of(statement)).containsExactly(statement.strip());
        assertThat(Steps.of(statement + ";SELECT 9")).containsExactly(statement.strip(), "SELECT 9");
        assertThat(Steps.of("SELECT 0;" + statement + "\n;\n")).containsExactly("SELECT 0", statement.strip());
    }

    @ParameterizedTest
    @MethodSource("one_statement")
    void a_statement_is_the_same_however_the_file_arrives(String statement) {
        String padded = "-- " + "x".repeat(65_530) + "\n" + statement + ";SELECT 9";

        assertThat(Steps.of(padded)).containsExactly(statement.strip(), "SELECT 9");
    }

    // psql says the same: the definition ends where BEGIN is not followed by ATOMIC.
    @Test
    void statements_without_content_are_none() {
        assertThat(Steps.of("")).isEmpty();
        assertThat(Steps.of(" ;; \r\n; -- nothing\n ; /* nothing */ ;")).isEmpty();
    }

    @Test
    void a_backslash_escapes_a_quote_where_the_file_says_so() {
        assertThat(Steps.of("SET standard_conforming_strings = off; SELECT 'it\\'s; x'; SELECT 2"))
                .containsExactly("SET standard_conforming_strings = off", "SELECT 'it\\'s; x'", "SELECT 2");
        assertThat(Steps.of("SET standard_conforming_strings TO 'off'; SET standard_conforming_strings = on;"
                        + "SELECT '\\'; SELECT 2"))
                .endsWith("SELECT '\\'", "SELECT 2");
    }

    @Test
    void a_byte_order_mark_is_no_part_of_the_first_statement() {
        assertThat(Steps.of("\uFEFFSELECT 1;")).containsExactly("SELECT 1");
    }

    @Test
    void lines_are_counted_with_line_ends_of_both_kinds() {
        List<Steps.One> all = Steps.all("-- one\r\n\r\nSELECT 'a\r\nb';\n\nSELECT 2".getBytes(StandardCharsets.UTF_8));

        assertThat(all).extracting(one -> one.step().statement().line()).containsExactly(3L, 6L);
    }

    // Rows

    @Test
    void rows_follow_their_copy() {
        assertThat(Steps.of("COPY t (a, b) FROM stdin;\n1\tone;\n2\t'two\n\\.\nSELECT 1;"))
                .containsExactly("COPY t (a, b) FROM stdin → 1\tone;\n2\t'two\n", "SELECT 1");
        assertThat(Steps.of("COPY t FROM STDIN WITH (FORMAT csv); \r\n1,\"x\"\r\n\\.\r\nSELECT 1"))
                .containsExactly("COPY t FROM STDIN WITH (FORMAT csv) → 1,\"x\"\r\n", "SELECT 1");
        assertThat(Steps.of("copy \"a from stdin\" from stdin;\n\\."))
                .containsExactly("copy \"a from stdin\" from stdin → ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\\.x", " \\.", "\\\\.", "x\\.", "\\. ", "\\"})
    void only_a_line_of_backslash_and_dot_ends_rows(String row) {
        assertThat(Steps.of("COPY t FROM stdin;\n" + row + "\n\\.\n"))
                .containsExactly("COPY t FROM stdin → " + row + "\n");
    }

    @Test
    void rows_that_are_not_read_are_skipped() {
        assertThat(DumpFile.problem("COPY t FROM stdin;\nnot; SQL 'at all\n\\.\nSELECT 1"))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "COPY t TO STDOUT",
                "COPY (SELECT 1 FROM stdin) TO STDOUT",
                "COPY t FROM '/etc/passwd'",
                "COPY \"x FROM STDIN\" TO STDOUT",
                "SELECT 'COPY t FROM STDIN'",
                "-- COPY t FROM STDIN;\nSELECT 1"
            })
    void no_rows_follow_what_only_looks_like_a_copy(String statement) {
        assertThat(Steps.of(statement + ";\nSELECT 2")).hasSize(2);
    }

    @Test
    void rows_of_a_megabyte_are_one_copy() {
        String rows = ("x".repeat(70_000) + "\n").repeat(20);

        assertThat(Steps.of("COPY t FROM stdin;\n" + rows + "\\.\n")).containsExactly("COPY t FROM stdin → " + rows);
    }

    // Transactions

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "SELECT 1|SHARES",
                "INSERT INTO vacuum VALUES (1)|SHARES",
                "CREATE INDEX concurrently_i ON t (a)|SHARES",
                "CREATE INDEX CONCURRENTLY i ON t (a)|ALONE",
                "create unique index /* x */ concurrently i on t (a)|ALONE",
                "DROP INDEX CONCURRENTLY i|ALONE",
                "REINDEX TABLE CONCURRENTLY t|ALONE",
                "VACUUM|ALONE",
                "VACUUM (ANALYZE) t|ALONE",
                "CLUSTER|ALONE",
                "ANALYZE t|SHARES",
                "ALTER TABLE a DETACH PARTITION b CONCURRENTLY|ALONE",
                "ALTER TABLE a DETACH PARTITION b|SHARES",
                "ALTER TYPE mood ADD VALUE 'x'|ALONE",
                "ALTER TYPE mood RENAME VALUE 'x' TO 'y'|SHARES",
                "REFRESH MATERIALIZED VIEW CONCURRENTLY m|SHARES",
                "CALL p()|ALONE",
                "DO $$ BEGIN COMMIT; END $$|ALONE",
                "DO $$ BEGIN NULL; END $$|SHARES",
                "DO 'BEGIN ROLLBACK; END'|ALONE",
                "DISCARD ALL|ALONE",
                "DISCARD TEMP|SHARES",
                "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p|ALONE",
                "COMMIT PREPARED 'x'|ALONE",
                "BEGIN|BEGINS",
                "START TRANSACTION|BEGINS",
                "COMMIT|ENDS",
                "END|ENDS",
                "ROLLBACK|ENDS",
                "ROLLBACK TO a|SHARES",
                "ROLLBACK WORK TO SAVEPOINT a|SHARES",
                "PREPARE TRANSACTION 'x'|ENDS",
                "PREPARE q AS SELECT 1|SHARES"
            })
    void what_cannot_share_a_transaction_is_known_by_its_words(String statement, Sharing sharing) {
        assertThat(Steps.all(statement.getBytes(StandardCharsets.UTF_8)))
                .extracting(one -> one.step().statement().sharing())
                .containsExactly(sharing);
    }

    // Messages

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "INSERT INTO public.dish (id) VALUES (1)|INSERT INTO public.dish",
                "INSERT INTO dish VALUES ('secret')|INSERT INTO dish VALUES",
                "CREATE TABLE public.\"Weird \"\"Name\"\"\" (a int)|CREATE TABLE public.\"Weird___Name__\"",
                "ALTER ROLE me PASSWORD 'secret'|ALTER ROLE me PASSWORD",
                "SET a = secret|SET a",
                "SELECT 42|SELECT",
                "UPDATE größe SET x = 1|UPDATE größe SET x",
                "SELECT $$secret$$|SELECT",
                "CREATE INDEX i ON t USING btree (a)|CREATE INDEX i ON t USING"
            })
    void the_first_words_hold_no_value(String statement, String words) {
        assertThat(Steps.all(statement.getBytes(StandardCharsets.UTF_8)))
                .extracting(one -> one.step().statement().words())
                .containsExactly(words);
    }

    // What is refused

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\\i other.sql|line 1: \\i is a command of psql, not SQL",
                "SELECT 1 \\gexec|line 1: \\gexec is a command of psql, not SQL",
                "\\connect shop|line 1: \\connect is written by pg_dump -C and pg_dumpall: use pg_dump without -C, for one database",
                "\\copy t FROM 'x'|line 1: \\copy is a command of psql: use COPY … FROM stdin, with the rows in the file",
                "\\.|line 1: \\. ends rows, and no COPY … FROM stdin is before it",
                "SELECT 'open|line 1: a string begins here and does not end",
                "SELECT E'open\\'|line 1: a string begins here and does not end",
                "SELECT \"open|line 1: a quoted name begins here and does not end",
                "SELECT $a$ open $b$|line 1: a string in dollar quotes begins here and does not end",
                "SELECT 1 /* open /* */|line 1: a comment begins here and does not end",
                "CREATE DATABASE shop|line 1 (CREATE DATABASE shop): Larder makes the database, a file fills it: use pg_dump without -C, not pg_dumpall",
                "CREATE ROLE app LOGIN|line 1 (CREATE ROLE app LOGIN): a template cannot make roles: they would belong to the whole server",
                "CREATE USER app|line 1 (CREATE USER app): a template cannot make roles: they would belong to the whole server",
                "CREATE TABLESPACE fast LOCATION '/x'|line 1 (CREATE TABLESPACE fast LOCATION): a template cannot have tablespaces of its own",
                "ALTER SYSTEM SET work_mem = '1GB'|line 1 (ALTER SYSTEM SET work_mem): a template cannot change the settings of the server",
                "COPY t FROM stdin;|line 1: the rows of COPY are not ended by a line \\. (the file is cut off)",
                "COPY t FROM stdin; SELECT 1|line 1: text after COPY … FROM stdin; its rows begin on the next line"
            })
    void what_can_never_run_is_refused_by_line_and_reason(String text, String reason) {
        assertThat(Steps.problem(text)).isEqualTo(reason);
        assertThat(Steps.problem("SELECT 'a\nb';\n" + text)).isEqualTo(reason.replace("line 1", "line 3"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "CREATE USER MAPPING FOR me SERVER s",
                "ALTER ROLE me SET search_path = a",
                "ALTER DATABASE d SET work_mem = '8MB'",
                "SELECT 'CREATE DATABASE x'",
                "CREATE TABLE role (a int)"
            })
    void what_only_looks_like_it_is_taken(String text) {
        assertThat(DumpFile.problem(text)).isEmpty();
    }

    @Test
    void a_byte_zero_is_refused_by_its_line() {
        assertThat(Steps.problem("SELECT 1;\nSELECT '\0'")).isEqualTo("line 2: a byte 0, which SQL cannot have");
        assertThat(Steps.problem("SELECT 1;\n\0")).isEqualTo("line 2: a byte 0, which SQL cannot have");
    }

    @Test
    void a_statement_has_its_bound() {
        assertThat(Steps.problem("SELECT 1;\nSELECT '" + "x".repeat(SqlScanner.STATEMENT_MAX) + "'"))
                .isEqualTo("line 2: a statement of more than 16 MB; COPY has no such limit for its rows");
    }

    // Dumps

    @Test
    void a_dump_leaves_out_what_a_template_cannot_have() {
        assertThat(Steps.of(DUMP + """
                        \\restrict abc
                        SET statement_timeout = 0;
                        SET transaction_timeout = 0;
                        SET client_encoding = 'UTF8';
                        CREATE SCHEMA public;
                        COMMENT ON EXTENSION hstore IS 'x';
                        CREATE TABLE public.t (a int);
                        ALTER TABLE public.t OWNER TO app;
                        SET default_tablespace = '';
                        SET default_tablespace = fast;
                        REVOKE ALL ON TABLE public.t FROM app;
                        GRANT SELECT ON TABLE public.t TO reader;
                        ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT ON TABLES TO reader;
                        SET SESSION AUTHORIZATION 'app';
                        \\unrestrict abc
                        """))
                .containsExactly(
                        "- TIME_LIMIT",
                        "- TIME_LIMIT",
                        "SET client_encoding = 'UTF8'",
                        "- SCHEMA",
                        "- COMMENT",
                        "CREATE TABLE public.t (a int)",
                        "- OWNER",
                        "SET default_tablespace = ''",
                        "- TABLESPACE",
                        "- PRIVILEGE",
                        "- PRIVILEGE",
                        "- PRIVILEGE",
                        "- OWNER");
    }

    @Test
    void sql_of_ones_own_leaves_out_nothing() {
        assertThat(Steps.of("GRANT SELECT ON t TO PUBLIC; ALTER TABLE t OWNER TO me; CREATE SCHEMA public"))
                .containsExactly("GRANT SELECT ON t TO PUBLIC", "ALTER TABLE t OWNER TO me", "CREATE SCHEMA public");
    }

    @Test
    void a_dump_with_windows_line_ends_is_a_dump() {
        assertThat(Steps.of(DUMP.replace("\n", "\r\n") + "ALTER TABLE t OWNER TO me;\r\n"))
                .containsExactly("- OWNER");
    }

    @Test
    void a_dump_of_a_whole_server_is_refused_by_name() {
        assertThat(Steps.problem("--\n-- PostgreSQL database cluster dump\n--\n\nSET x = 1;"))
                .isEqualTo("written by pg_dumpall, for a whole server: use pg_dump, for one database");
    }
}
