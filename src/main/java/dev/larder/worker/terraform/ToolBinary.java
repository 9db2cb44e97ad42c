package dev.larder.worker.terraform;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The tool that runs modules.
 *
 * @param jsonInit whether its {@code init} prints events as JSON
 */
record ToolBinary(Path path, String version, boolean jsonInit) {

    private static final Pattern VERSION = Pattern.compile("(Terraform|OpenTofu) v([0-9]+)\\.([0-9]+)\\.\\S+");
    private static final int ANSWER_BYTES_MAX = 65_536;
    private static final long ANSWERS_WITHIN_SECONDS = 30;
    private static final int JSON_INIT_MINOR = 9;

    /** Where the tool is. Empty where there is none. */
    static Optional<Path> find(Optional<Path> configured, String searchPath) {
        if (configured.isPresent()) {
            return configured.map(Path::toAbsolutePath).filter(Files::isExecutable);
        }
        return find("terraform", searchPath).or(() -> find("tofu", searchPath));
    }

    private static Optional<Path> find(String name, String searchPath) {
        for (String folder : searchPath.split(":")) {
            Path candidate = Path.of(folder.isEmpty() ? "." : folder, name).toAbsolutePath();
            if (Files.isRegularFile(candidate) && Files.isExecutable(candidate)) {
                return Optional.of(candidate);
            }
        }
        return Optional.empty();
    }

    /**
     * Asks a program for its version.
     *
     * @throws IOException with a sentence's end where it does not answer, or is no such tool of version 1 or later
     */
    static ToolBinary of(Path path) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(path.toString(), "version")
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .redirectInput(Path.of("/dev/null").toFile());
        builder.environment().put("CHECKPOINT_DISABLE", "1");
        Process process = builder.start();
        try {
            byte[] answer = process.getInputStream().readNBytes(ANSWER_BYTES_MAX);
            if (!process.waitFor(ANSWERS_WITHIN_SECONDS, TimeUnit.SECONDS)) {
                throw new IOException("does not tell its version");
            }
            Matcher version = VERSION.matcher(new String(answer, StandardCharsets.UTF_8));
            if (!version.find() || version.group(2).equals("0")) {
                throw new IOException("is not Terraform or OpenTofu of version 1 or later");
            }
            boolean jsonInit = version.group(1).equals("Terraform")
                    && (!version.group(2).equals("1") || Integer.parseInt(version.group(3)) >= JSON_INIT_MINOR);
            return new ToolBinary(path, version.group(), jsonInit);
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
            throw new IOException("was not asked for its version: the process is ending", ending);
        } finally {
            process.destroyForcibly();
        }
    }
}
