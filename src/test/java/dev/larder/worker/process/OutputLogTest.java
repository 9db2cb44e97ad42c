package dev.larder.worker.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.LogLine;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class OutputLogTest {

    private static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");

    /** Prints the bytes in pieces of every length, with limits at every position. */
    @Test
    void a_long_log_shows_whole_lines_wherever_its_pieces_begin() {
        String printed = "aaa\nbbbb\n" + "c".repeat(50) + "\nsecret\nd";
        byte[] bytes = printed.repeat(300).getBytes(StandardCharsets.UTF_8);
        Set<String> whole = Set.of("aaa", "bbbb", "cccccccccc … (line cut)", "***", "daaa", "d");
        for (int chunk : new int[] {1, 3, 7, 64, 4_095, 4_096, 5_000}) {
            for (int limit = 20_000; limit < 20_200; limit += 23) {
                List<LogLine> said = new ArrayList<>();
                SecretMasker masker = new SecretMasker();
                masker.add(List.of("secret"), 1);
                OutputLog script = new OutputLog(said::add, () -> NOON, masker, 10, limit);
                for (int at = 0; at < bytes.length; at += chunk) {
                    byte[] part = Arrays.copyOfRange(bytes, at, Math.min(at + chunk, bytes.length));
                    script.stream("stdout").take(part, part.length);
                }
                script.stream("stdout").endLine();
                script.close();

                assertThat(said)
                        .filteredOn(line -> line.stream().equals("stdout"))
                        .extracting(LogLine::line)
                        .allMatch(whole::contains)
                        .startsWith("aaa", "bbbb")
                        .endsWith("***", "d");
                assertThat(said)
                        .filteredOn(line -> line.stream().equals("larder"))
                        .hasSize(2);
            }
        }
    }

    @Test
    void a_secret_at_the_end_of_a_cut_line_is_masked() {
        SecretMasker masker = new SecretMasker();
        masker.add(List.of("open sesame"), 1);

        assertThat(masker.maskCut("say open ses")).isEqualTo("say ");
        assertThat(masker.maskCut("say open sesame")).isEqualTo("say ");
        assertThat(masker.maskCut("open sesame twice")).isEqualTo("*** twice");
    }

    @Test
    void bytes_become_lines_however_they_arrive() {
        byte[] bytes = "one\r\n\ntwölve\n12345678\n123456789\nlast".getBytes(StandardCharsets.UTF_8);
        for (int chunk = 1; chunk <= bytes.length; chunk++) {
            List<String> lines = new ArrayList<>();
            LineSplitter reader = new LineSplitter(8, (text, cut) -> lines.add(text + (cut ? "…" : "")));
            for (int at = 0; at < bytes.length; at += chunk) {
                byte[] part = Arrays.copyOfRange(bytes, at, Math.min(at + chunk, bytes.length));
                reader.take(part, part.length);
            }
            reader.close();

            assertThat(lines).containsExactly("one", "", "twölve", "12345678", "12345678…", "last");
        }
    }
}
