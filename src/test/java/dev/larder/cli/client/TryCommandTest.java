package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The scripts of backend exec, tried in this process: no server is there. */
class TryCommandTest {

    private static final String DECLARATION = """
            backend: exec
            parameters:
              - {name: region, default: eu}
              - {name: size, required: true}
            presets:
              - name: small
                parameters: {size: s}
                prebuilds: {instances: 3}
              - name: large
                parameters: {size: l}
            """;

    @TempDir
    Path home;

    private Path folder = Path.of("");
    private Path trace = Path.of("");

    @BeforeEach
    void declare() throws IOException {
        folder = Files.createDirectories(home.resolve("box"));
        trace = home.resolve("trace");
        Files.writeString(folder.resolve("larder.yaml"), DECLARATION);
        script(
                "start.sh",
                "echo building in $LARDER_PARAM_REGION $LARDER_PARAM_SIZE $LARDER_PRESET;"
                        + " pwd > " + home.resolve("place") + "; echo $LARDER_WORKSPACE_DIR > " + home.resolve("kept")
                        + "; printf '{\"url\":\"http://x/%s\"}' $LARDER_PARAM_SIZE > $LARDER_OUTPUTS");
        script("delete.sh", ":");
    }

    private void script(String name, String commands) throws IOException {
        Files.writeString(folder.resolve(name), "#!/bin/sh\necho " + name + " >> " + trace + "\n" + commands + "\n");
    }

    private Typed.Result run(String... more) {
        String[] words = new String[more.length + 2];
        words[0] = "try";
        words[1] = folder.toString();
        System.arraycopy(more, 0, words, 2, more.length);
        return Typed.at(home).run(words);
    }

    private void assertNothingLeft() throws IOException {
        assertThat(Path.of(Files.readString(home.resolve("place")).strip())).doesNotExist();
        assertThat(Path.of(Files.readString(home.resolve("kept")).strip())).doesNotExist();
    }

    @Test
    void shows_the_log_and_the_outputs_and_removes_the_workspace() throws IOException {
        Typed.Result tried = run();

        assertThat(tried.exit()).as(tried.toString()).isZero();
        assertThat(Json.read(tried.out())).isEqualTo(Json.object().put("url", "http://x/s"));
        assertThat(tried.err()).contains("building in eu s small", "removed");
        assertThat(trace).hasContent("start.sh\ndelete.sh");
        assertNothingLeft();
    }

    @Test
    void runs_the_scripts_of_a_claim_and_of_a_reset_as_a_worker_would() throws IOException {
        Files.writeString(
                folder.resolve("larder.yaml"), DECLARATION.replace("instances: 3", "instances: 3, maxUses: 2"));
        script("ready.sh", ":");
        script("verify.sh", "grep -q http:// $LARDER_OUTPUTS");
        script("claim.sh", "printf '{\"url\":\"http://mine\"}' > $LARDER_OUTPUTS");
        script("reset.sh", "grep -q http://mine $LARDER_OUTPUTS");

        Typed.Result tried = run();

        assertThat(tried.exit()).as(tried.toString()).isZero();
        assertThat(Json.read(tried.out())).isEqualTo(Json.object().put("url", "http://mine"));
        assertThat(trace)
                .hasContent(
                        "start.sh\nready.sh\nverify.sh\nclaim.sh\nready.sh\nreset.sh\nverify.sh\nready.sh\ndelete.sh");
        assertNothingLeft();
    }

    @Test
    void files_that_a_server_would_get_by_upload_are_there_and_stay_as_they_are() throws IOException {
        byte[] binary = {'d', 0, (byte) 0xff, (byte) 0xfe};
        Path data = Files.createDirectories(folder.resolve("data")).resolve("orders.bin");
        Files.write(data, binary);
        Files.writeString(folder.resolve("long.txt"), "a".repeat(200_000));
        script(
                "start.sh",
                "sha256sum data/orders.bin | cut -c1-64 | sed 's/.*/{\"sum\":\"&\"}/' > $LARDER_OUTPUTS;"
                        + " echo long $(wc -c < long.txt); echo more >> data/orders.bin");

        Typed.Result tried = run();

        assertThat(tried.exit()).as(tried.toString()).isZero();
        assertThat("sha256:" + Json.text(Json.read(tried.out()), "sum")).isEqualTo(Uploads.digest(data));
        assertThat(tried.err()).contains("long 200000");
        assertThat(data).hasBinaryContent(binary);
    }

    @Test
    void a_file_that_only_a_server_has_is_refused_by_name_with_what_to_do() throws IOException {
        Files.writeString(
                folder.resolve("larder.yaml"),
                DECLARATION + "files: {orders.sql.gz: {digest: 'sha256:" + "0".repeat(64) + "'}}\n");

        Typed.Result refused = run();

        assertThat(refused.exit()).isEqualTo(ExitCode.USAGE.number());
        assertThat(refused.err()).contains("files: orders.sql.gz is given by its digest", "--remote");
        assertThat(trace).doesNotExist();
    }

    @Test
    void a_script_that_is_no_text_is_refused_by_name() throws IOException {
        Files.write(folder.resolve("start.sh"), new byte[] {'#', '!', 0});

        Typed.Result refused = run();

        assertThat(refused.exit()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(refused.err()).contains("files[\"start.sh\"]", "[file_must_be_text]");
    }

    @Test
    void another_preset_and_parameters_can_be_chosen() {
        Typed.Result tried = run("--preset=large", "--parameter", "region=us");

        assertThat(tried.err()).contains("building in us l large");
        assertThat(tried.out()).contains("http://x/l");
    }

    @Test
    void a_script_that_fails_is_named_with_its_code_and_all_is_removed() throws IOException {
        script(
                "start.sh",
                "pwd > " + home.resolve("place") + "; echo $LARDER_WORKSPACE_DIR > " + home.resolve("kept")
                        + "; echo no such thing >&2; exit 3");

        Typed.Result failed = run();

        assertThat(failed.exit()).isEqualTo(ExitCode.FAILED.number());
        assertThat(failed.out()).isEmpty();
        assertThat(failed.err())
                .contains("no such thing", "removed", "start failed: start.sh ended with exit code 3 [script_failed]");
        assertThat(trace).hasContent("start.sh\ndelete.sh");
        assertNothingLeft();
    }

    @Test
    void a_declaration_that_a_server_would_refuse_is_refused_with_every_fault() throws IOException {
        Files.writeString(folder.resolve("larder.yaml"), DECLARATION + "startTimeout: soon\nbackedn: x\n");

        Typed.Result refused = run();

        assertThat(refused.exit()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(refused.err()).contains("startTimeout: ", "backedn: ", "[unknown_field]");
        assertThat(trace).doesNotExist();
    }

    @Test
    void a_preset_that_is_not_there_is_a_wrong_use() {
        assertThat(run("--preset=none").exit()).isEqualTo(ExitCode.USAGE.number());
    }

    @Test
    void another_backend_needs_a_server() throws IOException {
        Path file = Files.writeString(
                home.resolve("pg.yaml"), "backend: postgres\nfiles: {a.sql: SELECT 1}\npresets: [{name: p}]\n");

        assertThat(Typed.at(home).run("try", file.toString()).exit()).isEqualTo(ExitCode.NEEDS_LOGIN.number());
    }
}
