package dev.larder.worker.exec;

import dev.larder.model.Assignment;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.UUID;

/**
 * Where things lie: {@code jobs/<job>-<attempt>} while a job runs, {@code workspaces/<workspace>} as long as the workspace
 * lives. All of it is the server's user's alone.
 *
 * @param files the version's files, where scripts run
 * @param pipes for the scripts' output
 * @param outputs the file a start or claim script answers in
 * @param replaced the file a claim script says in what it had to make anew
 * @param workspace kept from the first start to the end of the delete
 */
record Folders(Path job, Path files, Path pipes, Path outputs, Path replaced, Path workspace) {

    private static final int NAME_BYTES_MAX = 255;

    static Folders of(Path root, Assignment assignment) {
        Path job = jobs(root).resolve(assignment.jobId() + "-" + assignment.attempt());
        return new Folders(
                job,
                job.resolve("files"),
                job.resolve("pipes"),
                job.resolve("outputs.json"),
                job.resolve("replaced.json"),
                workspace(root, assignment.workspaceId()));
    }

    static Path jobs(Path root) {
        return root.resolve("jobs");
    }

    static Path workspaces(Path root) {
        return root.resolve("workspaces");
    }

    static Path workspace(Path root, UUID workspace) {
        return workspaces(root).resolve(workspace.toString());
    }

    /**
     * Makes the folders, clears what earlier attempts of the job left, and writes the files.
     *
     * @return held until the job's folder is gone
     * @throws InvalidFileException when a file cannot be written because of its name
     */
    JobLock make(Path root, Assignment assignment) throws IOException {
        makePrivate(root);
        Files.createDirectories(jobs(root));
        deleteAttempts(jobs(root), assignment);
        if (assignment.buildNumber() == 1) {
            Trees.delete(workspace);
        }
        Files.createDirectories(workspace);
        JobLock lock = JobLock.tryTake(job).orElseThrow(() -> new IOException("another worker is at this job"));
        try {
            makeJob(root, assignment);
            return lock;
        } catch (IOException | RuntimeException failed) {
            lock.close();
            throw failed;
        }
    }

    private void makeJob(Path root, Assignment assignment) throws IOException {
        Files.createDirectory(job);
        if (!Files.getOwner(root).equals(Files.getOwner(job))) {
            throw new IOException("belongs to another user");
        }
        Files.createDirectory(files);
        Files.createDirectory(pipes);
        for (Map.Entry<String, String> file : assignment.version().files().entrySet()) {
            write(file.getKey(), file.getValue());
        }
    }

    /** Java writes names in the encoding of the process's locale, and refuses those that it cannot write. */
    private Path resolve(String name) throws IOException {
        try {
            return files.resolve(name).normalize();
        } catch (InvalidPathException unwritable) {
            throw new IOException(
                    "the locale of this process is not UTF-8 (LANG), so it cannot write the file " + name, unwritable);
        }
    }

    /** Somebody else may have made a folder of that name, in a shared place such as /tmp. */
    static void makePrivate(Path root) throws IOException {
        Files.createDirectories(root);
        if (!Files.isDirectory(root, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException("is no folder");
        }
        Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwx------"));
    }

    private static void deleteAttempts(Path jobs, Assignment assignment) throws IOException {
        try (DirectoryStream<Path> attempts = Files.newDirectoryStream(jobs, assignment.jobId() + "-*")) {
            for (Path attempt : attempts) {
                Trees.delete(attempt);
            }
        }
    }

    /** A version that was imported by an older release may have a name that is refused today. */
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
