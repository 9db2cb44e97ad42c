package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import dev.larder.model.FileContent;
import dev.larder.model.LogLine;
import java.util.List;
import java.util.Objects;
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

    /** The files to run, in the order of their paths. */
    List<String> paths() {
        return assignment.version().contents().keySet().stream()
                .filter(path -> path.endsWith(".sql"))
                .toList();
    }

    FileContent content(String path) {
        return Objects.requireNonNull(assignment.version().contents().get(path));
    }
}
