package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import dev.larder.cli.Version;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of a folder that do not stand in the declaration: what a server is asked and sent. */
class UploadsTest {

    private static final byte[] DUMP = dump();

    private static byte[] dump() {
        byte[] bytes = new byte[100_000];
        for (int at = 0; at < bytes.length; at++) {
            bytes[at] = (byte) at;
        }
        return bytes;
    }

    /** What was put: its range, and its bytes. */
    private record Put(String range, byte[] bytes) {}

    @TempDir
    Path home;

    private final List<Put> puts = new CopyOnWriteArrayList<>();
    private final List<String> declarations = new CopyOnWriteArrayList<>();

    @BeforeEach
    void a_folder_with_a_text_and_a_dump() throws IOException {
        Path folder = Files.createDirectories(home.resolve("orders"));
        Files.writeString(folder.resolve("larder.yaml"), "backend: postgres\n");
        Files.writeString(folder.resolve("02-more.sql"), "SELECT 1;\n");
        Files.write(folder.resolve("01-data.dump"), DUMP);
    }

    /** @param offset how many bytes of the file the server has; all: it has the file */
    private Typed.Result apply(int offset, StubServer.Answering put) throws IOException {
        try (StubServer server = StubServer.answering(call -> {
            switch (call.getRequestMethod()) {
                case "HEAD" -> head(call, offset);
                case "PUT" -> {
                    if (call.getRequestURI().getPath().contains("/files/")) {
                        put.answer(call);
                    } else {
                        declarations.add(new String(call.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
                        StubServer.send(call, Version.number(), 200, "{\"versionCreated\":true}");
                    }
                }
                default -> call.sendResponseHeaders(404, -1);
            }
        })) {
            return Typed.at(home)
                    .with("LARDER_TOKEN", "larder_x")
                    .run("apply -O demo --server=" + server.url() + " -f " + home.resolve("orders"));
        }
    }

    private static void head(HttpExchange call, int offset) throws IOException {
        call.getResponseHeaders().add("Upload-Offset", String.valueOf(offset));
        call.sendResponseHeaders(offset == DUMP.length ? 200 : 404, -1);
    }

    private void take(HttpExchange call) throws IOException {
        puts.add(new Put(
                String.valueOf(call.getRequestHeaders().getFirst("Content-Range")),
                call.getRequestBody().readAllBytes()));
        StubServer.send(call, Version.number(), 201, "{}");
    }

    private static String digest() throws Exception {
        return "sha256:"
                + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(DUMP));
    }

    @Test
    void a_short_text_stands_in_the_declaration_and_another_file_is_uploaded_and_referred_to() throws Exception {
        Typed.Result applied = apply(0, this::take);

        assertThat(applied.exit()).as(applied.toString()).isZero();
        assertThat(puts).hasSize(1);
        assertThat(puts.getFirst().bytes()).isEqualTo(DUMP);
        assertThat(puts.getFirst().range()).isEqualTo("null");
        assertThat(declarations)
                .containsExactly("{\"backend\":\"postgres\",\"files\":{\"01-data.dump\":{\"digest\":\"" + digest()
                        + "\"},\"02-more.sql\":\"SELECT 1;\\n\"}}");
    }

    @Test
    void a_file_that_the_server_has_is_not_sent_again() throws Exception {
        assertThat(apply(DUMP.length, this::take).exit()).isZero();

        assertThat(puts).isEmpty();
        assertThat(declarations.getFirst()).contains(digest());
    }

    @Test
    void an_upload_that_was_cut_goes_on_where_it_was() throws Exception {
        assertThat(apply(60_000, this::take).exit()).isZero();

        assertThat(puts.getFirst().range()).isEqualTo("bytes 60000-99999/100000");
        assertThat(puts.getFirst().bytes()).isEqualTo(Arrays.copyOfRange(DUMP, 60_000, DUMP.length));
    }

    @Test
    void an_upload_whose_connection_breaks_is_tried_again_and_at_most_three_times() throws Exception {
        Typed.Result applied = apply(0, call -> {
            if (puts.isEmpty()) {
                puts.add(new Put("broken", new byte[0]));
                call.sendResponseHeaders(200, 10);
            } else {
                take(call);
            }
        });

        assertThat(applied.exit()).as(applied.toString()).isZero();
        assertThat(puts).extracting(Put::range).containsExactly("broken", "null");

        puts.clear();
        Typed.Result never = apply(0, call -> {
            puts.add(new Put("broken", new byte[0]));
            call.sendResponseHeaders(200, 10);
        });
        assertThat(never.exit()).isEqualTo(ExitCode.UNREACHABLE.number());
        assertThat(puts).hasSize(3);
    }

    @Test
    void a_refused_upload_is_told_with_its_folder_and_nothing_is_declared() throws Exception {
        Typed.Result refused = apply(
                0,
                call -> StubServer.send(
                        call, Version.number(), 413, "{\"detail\":\"at most 50 bytes\",\"code\":\"file_too_large\"}"));

        assertThat(refused.exit()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(refused.err()).contains("orders: ", "at most 50 bytes [file_too_large]");
        assertThat(declarations).isEmpty();
    }
}
