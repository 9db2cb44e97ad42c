package dev.larder.worker.process;

import java.io.IOException;
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
    public static void write(Path folder, Map<String, String> files) throws IOException {
        Files.createDirectory(folder);
        for (Map.Entry<String, String> file : files.entrySet()) {
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

    private static void write(Path folder, String name, String text) throws IOException {
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
        Files.writeString(file, text);
        String rights = text.startsWith("#!") ? "rwx------" : "rw-------";
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(rights));
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
