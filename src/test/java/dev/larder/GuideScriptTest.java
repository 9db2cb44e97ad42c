package dev.larder;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code src/docs/guides/run} makes of a guide. These guides need no server. */
class GuideScriptTest {

    private static final int SKIPPED = 77;

    @TempDir
    Path folder;

    private String said = "";

    private int run(String guide, String... environment) throws IOException, InterruptedException {
        Path file = Files.writeString(folder.resolve("guide.md"), guide);
        ProcessBuilder script = new ProcessBuilder("src/docs/guides/run", file.toString()).redirectErrorStream(true);
        script.environment().put("LARDER_URL", "http://127.0.0.1:9");
        script.environment().put("LARDER_TOKEN", "larder_x");
        for (String name : environment) {
            script.environment().put(name, "true");
        }
        Process process = script.start();
        said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return process.waitFor();
    }

    @Test
    void the_blocks_of_a_guide_share_a_shell_and_have_its_server_token_and_sources() throws Exception {
        String guide = """
                ```sh
                name=Larder
                ```
                ```console
                exit 1
                ```
                ```sh
                echo "$name at http://127.0.0.1:8080 with $(cat .larder/owner-token), $(ls src/docs/guides/run)"
                ```
                """;

        assertThat(run(guide)).isZero();
        assertThat(said).contains("Larder at http://127.0.0.1:9 with larder_x, src/docs/guides/run");
    }

    @Test
    void a_block_that_fails_ends_its_guide_and_is_named() throws Exception {
        assertThat(run("# A guide\n```sh\nfalse\necho after\n```\n")).isOne();

        assertThat(said).contains("guide.md:2: failed with 1").doesNotContain("after");
    }

    @Test
    void an_output_that_has_changed_fails_until_it_is_written_anew() throws Exception {
        String guide = "```sh\necho new\n```\n\n```text\nold\n```\n";
        assertThat(run(guide)).isOne();
        assertThat(folder.resolve("guide.md")).hasContent(guide);

        assertThat(run(guide, "LARDER_GUIDES_WRITE")).isZero();
        assertThat(folder.resolve("guide.md")).content().isEqualTo(guide.replace("old", "new"));
    }

    @Test
    void ids_and_times_of_an_output_may_differ() throws Exception {
        String guide = """
                ```sh
                echo '01a227dc-ad18-70bd-9545-1c4d9b4a58c7  ready  3s  2026-11-29T15:21:43.386071Z'
                ```
                ```text
                01a227dc-0000-70bd-9545-000000000000  ready  1m10s  2026-01-01T00:00:00Z
                ```
                """;

        assertThat(run(guide)).isZero();
        assertThat(run(guide.replace("ready  3s", "failed  3s"))).isOne();
    }

    @Test
    void a_guide_that_needs_a_missing_program_is_skipped_and_says_so() throws Exception {
        assertThat(run("<!-- run needs: no-such-program -->\n```sh\nfalse\n```\n"))
                .isEqualTo(SKIPPED);

        assertThat(said).contains("guide.md is skipped", "no-such-program");
    }

    @Test
    void a_guide_without_a_block_to_run_fails() throws Exception {
        assertThat(run("# A guide\n")).isOne();

        assertThat(said).contains("has no block to run");
    }
}
