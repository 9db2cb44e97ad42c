package dev.larder.webhooks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The guide's programs accept what Larder signs and nothing else. They run where the host has their interpreters. */
class SignatureGuideTest {

    private static final Path GUIDE = Path.of("src/docs/operation/webhooks.md");
    private static final String ID = "019acf3e-8f00-7d2a-8c4e-3f1f6f0d5a11";
    private static final long TIMESTAMP = 1_795_953_600;
    private static final String BODY = "{\"type\" : \"workspace.claimed\", \"data\" : {\"name\": \"bücher\"}}";
    private static final Secret OLD = Secret.of(
            new byte[] {-1, 0, 10, 39, 34, 92, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24});
    private static final Secret NEW = Secret.of("n".repeat(32).getBytes(StandardCharsets.US_ASCII));
    private static final Secret OTHER = Secret.of("o".repeat(32).getBytes(StandardCharsets.US_ASCII));
    private static final String SIGNATURES = Secret.signatures(List.of(NEW, OLD), ID, TIMESTAMP, BODY);

    @TempDir
    Path folder;

    private static String block(String language) throws IOException {
        Matcher block =
                Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(GUIDE));
        assertThat(block.find()).isTrue();
        return block.group(1);
    }

    private String run(Map<String, String> environment, String... command) throws IOException {
        Path said = folder.resolve("said");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(said.toFile());
        builder.environment().putAll(environment);
        int exit = builder.start().onExit().join().exitValue();
        return exit + " " + Files.readString(said).strip();
    }

    private static boolean installed(String program) {
        for (String place : System.getenv("PATH").split(java.io.File.pathSeparator)) {
            if (Files.isExecutable(Path.of(place, program))) {
                return true;
            }
        }
        return false;
    }

    @Test
    void the_python_of_the_guide_checks_signatures() throws IOException {
        assumeTrue(installed("python3"), "python3");
        String main = """
                import sys
                body = open("body", "rb").read()
                headers = {"webhook-id": sys.argv[2], "webhook-timestamp": "%d", "webhook-signature": "%s"}
                print(verified(sys.argv[1], headers, body, now=int(sys.argv[3])))
                """.formatted(TIMESTAMP, SIGNATURES);
        Files.writeString(folder.resolve("check.py"), block("python") + main);
        Files.writeString(folder.resolve("body"), BODY);

        assertThat(python(OLD, ID, TIMESTAMP)).isEqualTo("0 True");
        assertThat(python(NEW, ID, TIMESTAMP + 299)).isEqualTo("0 True");
        assertThat(python(NEW, ID, TIMESTAMP + 301)).isEqualTo("0 False");
        assertThat(python(NEW, "other", TIMESTAMP)).isEqualTo("0 False");
        assertThat(python(OTHER, ID, TIMESTAMP)).isEqualTo("0 False");
        Files.writeString(folder.resolve("body"), BODY + " ");
        assertThat(python(NEW, ID, TIMESTAMP)).isEqualTo("0 False");
    }

    private String python(Secret secret, String id, long now) throws IOException {
        return run(Map.of(), "python3", "check.py", secret.reveal(), id, String.valueOf(now));
    }

    @Test
    void the_shell_of_the_guide_checks_signatures() throws IOException {
        assumeTrue(installed("openssl"), "openssl");
        Files.writeString(folder.resolve("check.sh"), block("sh"));
        Files.writeString(folder.resolve("body"), BODY);

        assertThat(shell(OLD, ID)).isEqualTo("0 verified");
        assertThat(shell(NEW, ID)).isEqualTo("0 verified");
        assertThat(shell(NEW, "other")).isEqualTo("1 forged");
        assertThat(shell(OTHER, ID)).isEqualTo("1 forged");
    }

    private String shell(Secret secret, String id) throws IOException {
        return run(
                Map.of(
                        "SECRET",
                        secret.reveal(),
                        "ID",
                        id,
                        "TIMESTAMP",
                        String.valueOf(TIMESTAMP),
                        "SIGNATURE",
                        SIGNATURES),
                "/bin/sh",
                "check.sh");
    }
}
