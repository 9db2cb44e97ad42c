package dev.larder.provision.exec;

import dev.larder.pool.Assignment;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

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

    static Folders of(Path root, Assignment assignment) {
        Path job = root.resolve("jobs").resolve(assignment.jobId() + "-" + assignment.attempt());
        return new Folders(
                job,
                job.resolve("files"),
                job.resolve("pipes"),
                job.resolve("outputs.json"),
                job.resolve("replaced.json"),
                workspace(root, assignment.workspaceId()));
    }

    static Path workspaces(Path root) {
        return root.resolve("workspaces");
    }

    static Path workspace(Path root, UUID workspace) {
        return workspaces(root).resolve(workspace.toString());
    }

    /** Makes the folders, clears what earlier attempts of the job left, and writes the files. */
    void make(Path root, Assignment assignment) throws IOException {
        makePrivate(root);
        Files.createDirectories(root.resolve("jobs"));
        deleteAttempts(root.resolve("jobs"), assignment);
        if (assignment.buildNumber() == 1) {
            delete(workspace);
        }
        Files.createDirectories(workspace);
        Files.createDirectory(job);
        if (!Files.getOwner(root).equals(Files.getOwner(job))) {
            throw new IOException(root + " belongs to somebody else");
        }
        Files.createDirectory(files);
        Files.createDirectory(pipes);
        for (Map.Entry<String, String> file : assignment.files().entrySet()) {
            write(file.getKey(), file.getValue());
        }
    }

    /** Somebody else may have made a folder of that name, in a shared place such as /tmp. */
    static void makePrivate(Path root) throws IOException {
        Files.createDirectories(root);
        if (!Files.isDirectory(root, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(root + " is no folder");
        }
        Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwx------"));
    }

    private static void deleteAttempts(Path jobs, Assignment assignment) throws IOException {
        try (DirectoryStream<Path> attempts = Files.newDirectoryStream(jobs, assignment.jobId() + "-*")) {
            for (Path attempt : attempts) {
                delete(attempt);
            }
        }
    }

    private void write(String name, String text) throws IOException {
        Path file = files.resolve(name).normalize();
        if (!file.startsWith(files) || file.equals(files)) {
            throw new IOException("the path of a file leaves its folder: " + name);
        }
        Files.createDirectories(file.getParent() == null ? files : file.getParent());
        Files.writeString(file, text);
        String rights = text.startsWith("#!") ? "rwx------" : "rw-------";
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(rights));
    }

    /** Deletes it with all it holds; links are not followed; none is fine. */
    static void delete(Path folder) throws IOException {
        try {
            Path same = Files.walkFileTree(folder, new Deleting());
        } catch (NoSuchFileException none) {
            // Nothing to do.
        }
    }

    private static final class Deleting extends SimpleFileVisitor<Path> {

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failed) throws IOException {
            Files.deleteIfExists(folder);
            return FileVisitResult.CONTINUE;
        }
    }
}
