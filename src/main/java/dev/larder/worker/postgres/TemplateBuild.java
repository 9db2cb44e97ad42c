package dev.larder.worker.postgres;

import dev.larder.dump.DumpFile;
import dev.larder.model.Assignment;
import dev.larder.model.FileContent;
import dev.larder.model.LogLine;
import java.util.SortedMap;
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

    /** The files that are run, in the order of their paths. */
    SortedMap<String, FileContent> files() {
        SortedMap<String, FileContent> files = assignment.version().contents();
        boolean others = files.keySet().removeIf(path -> !DumpFile.isRun(path));
        return files;
    }
}
