package dev.larder.worker.exec;

import dev.larder.model.Assignment;
import dev.larder.model.FileContent;
import dev.larder.worker.process.FileTrees;
import dev.larder.worker.process.JobFolder;
import dev.larder.worker.process.RootFolder;
import dev.larder.worker.process.VersionFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The folders and files of one job. Only the user of the server may read them.
 *
 * @param files the version's files, where scripts run
 * @param pipes for the scripts' output
 * @param outputs the file to which a start or claim script writes its outputs
 * @param replaced the file to which a claim script writes the resources that it replaced
 * @param workspace the folder of the workspace, kept until it is deleted
 */
record Folders(Path files, Path pipes, Path outputs, Path replaced, Path workspace) {

    static Folders of(RootFolder root, Assignment assignment) {
        Path job = JobFolder.path(root, assignment.jobId(), assignment.attempt());
        return new Folders(
                job.resolve("files"),
                job.resolve("pipes"),
                job.resolve("outputs.json"),
                job.resolve("replaced.json"),
                root.workspace(assignment.workspaceId()));
    }

    /** Creates the folders of the job and the workspace. A first build finds an empty folder of the workspace. */
    JobFolder create(RootFolder root, Assignment assignment) throws IOException {
        root.createPrivate();
        if (assignment.buildNumber() == 1) {
            FileTrees.delete(workspace);
        }
        Files.createDirectories(workspace);
        return JobFolder.create(root, assignment.jobId(), assignment.attempt());
    }

    /** Writes the files of the version into the created folder of the job. */
    void write(Map<String, FileContent> versionFiles) throws IOException {
        Files.createDirectory(pipes);
        VersionFiles.write(files, versionFiles);
    }
}
