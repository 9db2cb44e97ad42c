package dev.larder.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** {@code larder} as a user has it on the path: the packaged application under a script of that name. */
public final class LarderTool {

    private final Path folder;

    private LarderTool(Path folder) {
        this.folder = folder;
    }

    /** @param folder gets the script */
    public static LarderTool in(Path folder) throws IOException {
        String words = Server.words().stream().map(word -> "'" + word + "'").collect(Collectors.joining(" "));
        Path script = Files.writeString(
                Files.createDirectories(folder).resolve("larder"), "#!/bin/sh\nexec " + words + " \"$@\"\n");
        Path unused = Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
        return new LarderTool(folder);
    }

    /**
     * A command whose path begins with the folder of {@code larder}, without the settings of this process. It runs in
     * the folder of the build, and does not ignore SIGINT, as it would where the tests run in the background.
     */
    public ProcessBuilder command(Map<String, String> environment, List<String> words) {
        List<String> all = new ArrayList<>(List.of("env", "--default-signal=INT"));
        all.addAll(words);
        ProcessBuilder builder = new ProcessBuilder(all);
        builder.environment().keySet().removeIf(name -> name.startsWith("LARDER_"));
        builder.environment().put("PATH", folder + ":" + System.getenv("PATH"));
        builder.environment().put("HOME", folder.toString());
        builder.environment().putAll(environment);
        return builder;
    }
}
