package dev.larder.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Tuple;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A planted secret that lies in clear anywhere is found, in each form. */
class LeaksTest {

    private static final String JSON = "{\"a\":\"b\",\"password\":\"" + Planted.SECRET + "\",\"c\":1}";

    private final Database database = Databases.fresh();

    @TempDir
    Path folder;

    @AfterEach
    void end() {
        database.pool().query("DROP TABLE IF EXISTS leak").executeAndAwait();
        database.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void each_form_of_text_is_found(int before) {
        String text = "x".repeat(before) + JSON;
        assertThat(Planted.isIn(text)).isTrue();
        assertThat(Planted.isIn(base64(text))).isTrue();
        assertThat(Planted.isIn(hex(text))).isTrue();
        assertThat(Planted.isIn(hex(text).toUpperCase(java.util.Locale.ROOT))).isTrue();
        assertThat(Planted.isIn(hex(base64(text)))).isTrue();
        assertThat(Planted.isIn(text.replace("Secret", "Secrets"))).isFalse();
    }

    @Test
    void a_value_of_each_type_of_column_is_found_with_its_table_and_column() throws IOException {
        database.pool().query("""
                        CREATE TABLE leak (n int, text text, json json, jsonb jsonb, bytes bytea, texts text[], name name,
                                           deflated bytea, zipped bytea, raw bytea)""").executeAndAwait();
        assertThat(Leaks.in("test", database.pool())).isEmpty();
        insert("text", JSON);
        insert("text", "https://host/?q=%22" + Planted.SECRET + "%22");
        insert("text", base64(JSON));
        insert("json", JSON);
        insert("jsonb", JSON);
        insert("texts", "{a,\"" + Planted.SECRET + "\"}");
        insert("name", Planted.SECRET);
        insert("bytes", JSON.getBytes(StandardCharsets.UTF_8));
        insert("bytes", base64(JSON).getBytes(StandardCharsets.UTF_8));
        assertThat(Leaks.in("test", database.pool()))
                .containsExactly("test: leak (bytes, json, jsonb, name, text, texts)");

        database.pool().query("DELETE FROM leak").executeAndAwait();
        insert("deflated", compressed(false));
        insert("raw", compressed(true));
        insert("zipped", zipped());
        assertThat(Leaks.in("test", database.pool()))
                .containsExactly(
                        "test: leak (deflated, compressed)",
                        "test: leak (raw, compressed)",
                        "test: leak (zipped, compressed)");
    }

    @Test
    void a_test_that_leaves_the_secret_in_its_database_fails() {
        Database another = Databases.fresh();
        another.pool()
                .query("CREATE TABLE leak AS SELECT '" + Planted.SECRET + "' AS a")
                .executeAndAwait();
        assertThatThrownBy(() -> Leaks.expectNone(another.name(), another.pool()))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining(another.name() + ": leak (a)");
        another.pool().query("DROP TABLE leak").executeAndAwait();
        another.close();
    }

    @Test
    void a_line_of_a_log_is_found() throws IOException {
        Path log = folder.resolve("log");
        Files.writeString(log, "ready\nstate=" + Planted.SECRET + "\nbody=" + base64(JSON) + "\nended\n");
        assertThat(Leaks.in(log)).containsExactly(log + ":2", log + ":3");
    }

    /** The process ends with an error, which fails the build. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_process_whose_logs_hold_the_secret_ends_with_an_error(boolean leaks) throws Exception {
        Path log = folder.resolve("log");
        Files.writeString(log, leaks ? "state=" + Planted.SECRET + "\n" : "ready\n");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Ends.class.getName(),
                        log.toString())
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(said).isEqualTo(leaks ? 70 : 0);
        assertThat(said.contains(log + ":1")).as(said).isEqualTo(leaks);
    }

    static final class Ends {

        private Ends() {}

        public static void main(String[] arguments) {
            Leaks.begin();
            Leaks.follow(Path.of(arguments[0]));
        }
    }

    private void insert(String column, Object value) {
        String type = value instanceof byte[] ? "" : "::text::" + (column.equals("texts") ? "text[]" : column);
        database.pool()
                .preparedQuery("INSERT INTO leak (%s) VALUES ($1%s)".formatted(column, type))
                .executeAndAwait(Tuple.of(value instanceof byte[] bytes ? Buffer.buffer(bytes) : value));
    }

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String hex(String text) {
        return HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Longer than what compresses to a few literals only. */
    private static byte[] compressed(boolean raw) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new DeflaterOutputStream(bytes, new Deflater(6, raw))) {
            out.write((JSON + "x".repeat(200) + JSON).getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    private static byte[] zipped() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
            out.write(JSON.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }
}
