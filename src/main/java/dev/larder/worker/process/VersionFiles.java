package dev.larder.worker.process;

import dev.larder.model.FileContent;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;

/** Writes the files of a version into a folder. Only the user of the server may read them. */
public final class VersionFiles {

    private static final int NAME_BYTES_MAX = 255;

    private VersionFiles() {}

    /**
     * Creates the folder and writes the files into it.
     *
     * @throws InvalidFileException if the name of a file is too long or leads out of the folder
     */
    public static void write(Path folder, Map<String, FileContent> files) throws IOException {
        Files.createDirectory(folder);
        for (Map.Entry<String, FileContent> file : files.entrySet()) {
            write(folder, file.getKey(), file.getValue());
        }
    }

    /** A version that an older release imported may contain a name that is refused today. */
    public static final class InvalidFileException extends IOException {

        private static final long serialVersionUID = 1;

        InvalidFileException(String message) {
            super(message);
        }
    }

    private static void write(Path folder, String name, FileContent content) throws IOException {
        for (String part : name.split("/")) {
            if (part.getBytes(StandardCharsets.UTF_8).length > NAME_BYTES_MAX) {
                throw new InvalidFileException(
                        "the name of a file has more than " + NAME_BYTES_MAX + " bytes: " + name);
            }
        }
        Path file = resolve(folder, name);
        if (!file.startsWith(folder) || file.equals(folder)) {
            throw new InvalidFileException("the path of a file leaves its folder: " + name);
        }
        Files.createDirectories(file.getParent() == null ? folder : file.getParent());
        boolean script = switch (content) {
            case FileContent.Text(String text) -> {
                Files.writeString(file, text);
                yield text.startsWith("#!");
            }
            case FileContent.OnDisk fetched -> {
                // A copy, not a link: a script may write into its files, and other jobs read the fetched one.
                Files.copy(fetched.path(), file);
                yield isScript(fetched);
            }
        };
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(script ? "rwx------" : "rw-------"));
    }

    private static boolean isScript(FileContent.OnDisk file) throws IOException {
        try (InputStream in = file.open()) {
            return in.read() == '#' && in.read() == '!';
        }
    }

    /** Java writes names in the encoding of the process's locale, and refuses names that it cannot write. */
    private static Path resolve(Path folder, String name) throws IOException {
        try {
            return folder.resolve(name).normalize();
        } catch (InvalidPathException unwritable) {
            throw new IOException(
                    "the locale of this process is not UTF-8 (LANG), so it cannot write the file " + name, unwritable);
        }
    }
}
