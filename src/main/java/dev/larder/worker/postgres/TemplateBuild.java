package dev.larder.worker.postgres;

import dev.larder.dump.DumpFile;
import dev.larder.model.Assignment;
import dev.larder.model.LogLine;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * One build of one template database.
 *
 * @param builder the role that runs the files
 */
record TemplateBuild(
        Assignment assignment,
        Names names,
        String builder,
        RolePassword secret,
        ParameterValues values,
        Consumer<LogLine> log) {

    private Map<String, String> files() {
        return assignment.version().files();
    }

    List<String> paths() {
        return files().keySet().stream().filter(DumpFile::isRun).sorted().toList();
    }

    InputStream open(String path) {
        return new ByteArrayInputStream(files().getOrDefault(path, "").getBytes(StandardCharsets.UTF_8));
    }
}
