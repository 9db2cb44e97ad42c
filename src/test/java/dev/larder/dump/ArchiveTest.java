package dev.larder.dump;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Archives in custom format, and files of formats that are not read. */
class ArchiveTest {

    private static final int PREAMBLE = 5;

    private static byte[] recorded(String name) {
        try (var in = ArchiveTest.class.getResourceAsStream("/dumps/" + name)) {
            return in == null ? new byte[0] : in.readAllBytes();
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static byte[] gzipped(byte[] content) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream zipped = new GZIPOutputStream(out)) {
            zipped.write(content);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return out.toByteArray();
    }

    private static List<String> steps(ArchiveBytes archive) {
        List<String> all = Steps.of(archive.bytes());
        return all.subList(PREAMBLE, all.size());
    }

    private static String problem(byte[] content) {
        try {
            return DumpFile.problem(new ByteArrayInputStream(content)).orElse("none");
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }

    @ParameterizedTest
    @CsvSource({"14,false", "14,true", "15,false", "15,true", "16,false", "16,true"})
    void every_version_is_read_in_the_order_of_its_contents(int minor, boolean gzip) {
        Map<Integer, String> objects = new LinkedHashMap<>();
        objects.put(16999, "large");
        objects.put(17000, "");
        objects.put(17001, "x".repeat(20_000));

        List<String> steps = steps(new ArchiveBytes(minor, gzip)
                .object("ENCODING", "ENCODING", "SET client_encoding = 'UTF8';\n")
                .object("TABLE", "t", "CREATE TABLE public.t (\n    a integer\n);\n")
                .object("FUNCTION", "f()", "CREATE FUNCTION f() RETURNS int\n BEGIN ATOMIC\n SELECT 1;\nEND;\n")
                .object("BLOB METADATA", "16999..17001", "16999\n17000\n17001\n")
                .table("t", "1\n2\n")
                .table("empty", "")
                .inserts("u", "INSERT INTO public.u VALUES (1);\nINSERT INTO public.u VALUES (2);\n\n\n")
                .largeObjects(objects)
                .object("SEQUENCE SET", "s", "SELECT pg_catalog.setval('public.s', 7, true);\n")
                .object("INDEX", "i", "CREATE INDEX i ON public.t USING btree (a);\n"));

        assertThat(steps).hasSize(16);
        assertThat(steps.subList(0, 10))
                .containsExactly(
                        "SET client_encoding = 'UTF8'",
                        "- OWNER",
                        "CREATE TABLE public.t (\n    a integer\n)",
                        "CREATE FUNCTION f() RETURNS int\n BEGIN ATOMIC\n SELECT 1;\nEND",
                        "SELECT pg_catalog.lo_create('16999')",
                        "SELECT pg_catalog.lo_create('17000')",
                        "SELECT pg_catalog.lo_create('17001')",
                        "COPY public.t (a) FROM stdin → 1\n2\n",
                        "COPY public.empty (a) FROM stdin → ",
                        "INSERT INTO public.u VALUES (1)");
        assertThat(steps.get(11)).isEqualTo("SELECT pg_catalog.lo_put(16999, 0, '\\x6c61726765')");
        assertThat(steps.get(12)).startsWith("SELECT pg_catalog.lo_put(17001, 0, '\\x7878");
        assertThat(steps.get(13)).startsWith("SELECT pg_catalog.lo_put(17001, 16384, '\\x7878");
        assertThat(steps.get(15)).isEqualTo("CREATE INDEX i ON public.t USING btree (a)");
    }

    @Test
    void rows_that_are_not_read_are_skipped() {
        byte[] archive = new ArchiveBytes(16, true)
                .table("t", "1\n".repeat(100_000))
                .object("INDEX", "i", "CREATE INDEX i ON public.t (a);")
                .bytes();

        assertThat(problem(archive)).isEqualTo("none");
    }

    @Test
    void settings_of_the_dumped_database_become_those_of_the_database_at_hand() {
        List<String> steps = steps(new ArchiveBytes(14, false)
                .object("DATABASE", "shop", "CREATE DATABASE shop WITH TEMPLATE = template0;\n")
                .object(
                        "DATABASE PROPERTIES",
                        "shop",
                        "ALTER DATABASE shop SET search_path TO 'public', 'it''s';\n"
                                + "ALTER ROLE reader IN DATABASE shop SET work_mem TO '8MB';\n"));

        assertThat(steps).hasSize(3);
        assertThat(steps.getFirst()).isEqualTo("- DATABASE");
        assertThat(steps.get(1))
                .startsWith("DO $larder$BEGIN")
                .contains("current_database()) || 'SET search_path TO ''public'', ''it''''s'''");
        assertThat(steps.get(2)).isEqualTo("- DATABASE");
    }

    @Test
    void statistics_and_rights_are_left_out() {
        assertThat(steps(new ArchiveBytes(16, false)
                        .object("STATISTICS DATA", "t", "SELECT * FROM pg_catalog.pg_restore_relation_stats(x)")
                        .object("ACL", "TABLE t", "GRANT SELECT ON TABLE public.t TO reader;\n")
                        .object("COMMENT", "EXTENSION hstore", "COMMENT ON EXTENSION hstore IS 'x';\n")))
                .containsExactly("- STATISTICS", "- PRIVILEGE", "- COMMENT");
    }

    // Recorded with pg_dump 15.18

    @ParameterizedTest
    @ValueSource(strings = {"shop.dump", "shop-plain.dump", "shop-inserts.dump"})
    void an_archive_that_pg_dump_wrote_has_what_its_plain_dump_has(String name) {
        List<String> plain = wanted(recorded("shop.sql"));
        List<String> archive = wanted(recorded(name));

        assertThat(plain).hasSizeGreaterThan(70);
        assertThat(archive).containsAll(plain);
    }

    /** Without rows, which may be statements, and without the order, which differs for comments. */
    private static List<String> wanted(byte[] content) {
        return Steps.of(content).stream()
                .filter(step -> step.startsWith("CREATE") || step.startsWith("ALTER") || step.startsWith("REFRESH"))
                .toList();
    }

    @Test
    void rows_of_a_recorded_archive_are_those_of_the_plain_dump() {
        List<String> plain = rows("shop.sql");

        assertThat(plain).hasSize(7).anyMatch(row -> row.contains("24\t\\\\.\t1.50"));
        assertThat(rows("shop.dump")).isEqualTo(plain);
        assertThat(rows("shop-plain.dump")).isEqualTo(plain);
    }

    private static List<String> rows(String name) {
        return Steps.of(recorded(name)).stream()
                .filter(step -> step.startsWith("COPY"))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"shop.dump", "shop.sql"})
    void a_gzipped_file_is_read_like_the_file(String name) {
        assertThat(Steps.of(gzipped(recorded(name)))).isEqualTo(Steps.of(recorded(name)));
    }

    @Test
    void the_version_of_the_dumped_server_is_known() throws IOException {
        for (String name : List.of("shop.dump", "shop.sql")) {
            try (DumpFile file = DumpFile.open(new ByteArrayInputStream(recorded(name)))) {
                assertThat(file.madeFrom()).hasValue(15);
                assertThat(file.isDump()).isTrue();
            }
        }
    }

    // What is not read

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "13|an archive of version 1.13, by pg_dump of PostgreSQL 11 or older: 1.14 to 1.16 are read; plain SQL is read too",
                "17|an archive of version 1.17, by pg_dump of a newer PostgreSQL: 1.14 to 1.16 are read; plain SQL is read too"
            })
    void other_versions_are_refused_by_name(int minor, String reason) {
        assertThat(problem(new ArchiveBytes(minor, false).bytes())).isEqualTo(reason);
    }

    @ParameterizedTest
    @CsvSource({"2,lz4", "3,zstd", "9,method 9"})
    void other_compressions_are_refused_by_name(int compression, String name) {
        assertThat(problem(new ArchiveBytes(16, false).bytes(1, compression)))
                .isEqualTo("an archive compressed by " + name + ": use pg_dump --compress=gzip, or none");
    }

    @ParameterizedTest
    @CsvSource({"3,tar", "5,directory"})
    void other_formats_are_refused_by_name(int format, String name) {
        assertThat(problem(new ArchiveBytes(16, false).bytes(format, 0)))
                .isEqualTo("the table of contents of a dump in " + name + " format: use pg_dump -Fc, or plain SQL");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "28b52ffd00|compressed by zstd: use gzip, or no compression",
                "04224d1800|compressed by lz4: use gzip, or no compression",
                "fd377a585a|compressed by xz: use gzip, or no compression",
                "425a683931|compressed by bzip2: use gzip, or no compression",
                "504b030400|compressed by zip: use gzip, or no compression",
                "fffe530045|UTF-16 text: write it in UTF-8, a dump with pg_dump --file",
                "feff005300|UTF-16 text: write it in UTF-8, a dump with pg_dump --file"
            })
    void other_files_are_refused_by_what_they_are(String hexadecimal, String reason) {
        byte[] content = HexFormat.of().parseHex(hexadecimal);

        assertThat(problem(content)).isEqualTo(reason);
        assertThat(problem(gzipped(content))).isEqualTo(reason);
    }

    @Test
    void the_beginning_tells_the_format_and_a_cut_is_no_problem_of_it() {
        byte[] older = new ArchiveBytes(13, false).bytes();

        assertThat(DumpFile.problemAtBeginning(older)).isPresent();
        assertThat(DumpFile.problemAtBeginning(Arrays.copyOf(gzipped(older), gzipped(older).length - 9)))
                .isPresent();
        for (String name : List.of("shop.dump", "shop.sql")) {
            assertThat(DumpFile.problemAtBeginning(Arrays.copyOf(recorded(name), 8_192)))
                    .isEmpty();
            assertThat(DumpFile.problemAtBeginning(Arrays.copyOf(gzipped(recorded(name)), 4_000)))
                    .isEmpty();
        }
    }

    @Test
    void a_tar_file_is_refused_by_name() {
        byte[] tar = new byte[512];
        System.arraycopy("ustar".getBytes(StandardCharsets.US_ASCII), 0, tar, 257, 5);

        assertThat(problem(tar)).isEqualTo("a tar file: use pg_dump -Fc, or plain SQL");
    }

    // Damage: each of these must end, with a reason, and without a large allocation.

    @ParameterizedTest
    @ValueSource(strings = {"shop.dump", "shop-plain.dump"})
    void an_archive_that_is_cut_off_anywhere_is_refused(String name) {
        byte[] whole = recorded(name);

        for (int length = 6; length < whole.length; length += 97) {
            assertThat(problem(Arrays.copyOf(whole, length)))
                    .as("%d bytes", length)
                    .isNotEqualTo("none");
        }
    }

    @Test
    void a_gzip_file_that_is_cut_off_is_refused() {
        byte[] zipped = gzipped(recorded("shop.sql"));

        assertThat(problem(Arrays.copyOf(zipped, zipped.length / 2))).isEqualTo("the file is damaged or cut off");
        assertThat(problem(Arrays.copyOf(zipped, 5))).isEqualTo("the file is damaged or cut off");
    }

    @Test
    void an_archive_with_damaged_bytes_ends_with_a_reason_or_a_statement() {
        byte[] whole = recorded("shop-plain.dump");

        for (int at = 6; at < 6_000; at += 13) {
            byte[] damaged = whole.clone();
            damaged[at] ^= (byte) 0xff;
            assertThat(problem(damaged)).isNotNull();
        }
    }
}
