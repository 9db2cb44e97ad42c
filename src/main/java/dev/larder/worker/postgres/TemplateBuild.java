package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import dev.larder.model.LogLine;
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

    Map<String, String> files() {
        return assignment.version().files();
    }

    List<String> paths() {
        return files().keySet().stream()
                .filter(path -> path.endsWith(".sql"))
                .sorted()
                .toList();
    }
}
