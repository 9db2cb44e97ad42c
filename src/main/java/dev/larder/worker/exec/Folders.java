package dev.larder.worker.exec;

import dev.larder.model.Assignment;
import dev.larder.worker.process.FileTrees;
import dev.larder.worker.process.JobFolder;
import dev.larder.worker.process.RootFolder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
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

    private static final int NAME_BYTES_MAX = 255;

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

    /**
     * Writes the files of the version into the created folder of the job.
     *
     * @throws InvalidFileException if the name of a file is too long or leads out of the folder
     */
    void write(Map<String, String> versionFiles) throws IOException {
        Files.createDirectory(files);
        Files.createDirectory(pipes);
        for (Map.Entry<String, String> file : versionFiles.entrySet()) {
            write(file.getKey(), file.getValue());
        }
    }

    /** Java writes names in the encoding of the process's locale, and refuses names that it cannot write. */
    private Path resolve(String name) throws IOException {
        try {
            return files.resolve(name).normalize();
        } catch (InvalidPathException unwritable) {
            throw new IOException(
                    "the locale of this process is not UTF-8 (LANG), so it cannot write the file " + name, unwritable);
        }
    }

    /** A version that an older release imported may contain a name that is refused today. */
    static final class InvalidFileException extends IOException {

        private static final long serialVersionUID = 1;

        InvalidFileException(String message) {
            super(message);
        }
    }

    private void write(String name, String text) throws IOException {
        for (String part : name.split("/")) {
            if (part.getBytes(StandardCharsets.UTF_8).length > NAME_BYTES_MAX) {
                throw new InvalidFileException(
                        "the name of a file has more than " + NAME_BYTES_MAX + " bytes: " + name);
            }
        }
        Path file = resolve(name);
        if (!file.startsWith(files) || file.equals(files)) {
            throw new InvalidFileException("the path of a file leaves its folder: " + name);
        }
        Files.createDirectories(file.getParent() == null ? files : file.getParent());
        Files.writeString(file, text);
        String rights = text.startsWith("#!") ? "rwx------" : "rw-------";
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(rights));
    }
}
