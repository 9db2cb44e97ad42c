package dev.larder.launch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The folder in which everything is kept, owned by one launcher at a time. The lock is the operating system's, so
 * that it goes with the process however that ends.
 */
final class Home {

    private final Path folder;
    private @Nullable FileLock lock;

    Home(Path folder) {
        this.folder = folder.toAbsolutePath().normalize();
    }

    Path file(String name) {
        return folder.resolve(name);
    }

    /** Fails with {@link CannotStart} while another launcher owns it. */
    void own() {
        try {
            Files.createDirectories(folder);
            FileChannel channel = FileChannel.open(
                    file("lock"), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            lock = channel.tryLock();
            if (lock == null) {
                throw owned();
            }
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot use " + folder, failed);
        }
    }

    /** Fails with {@link CannotStart} while another launcher owns it. Changes nothing. */
    void refuseOwned() {
        if (!has("lock")) {
            return;
        }
        try (FileChannel channel = FileChannel.open(file("lock"), StandardOpenOption.WRITE);
                FileLock free = channel.tryLock()) {
            if (free == null) {
                throw owned();
            }
        } catch (OverlappingFileLockException here) {
            throw owned();
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot use " + folder, failed);
        }
    }

    private CannotStart owned() {
        return new CannotStart("Larder runs already on " + folder + "; stop it first (Ctrl-C where it runs).");
    }

    /**
     * A secret that is made once and readable by its owner alone.
     *
     * @param form from 32 random bytes to what is kept
     */
    String secret(String name, Function<byte[], String> form) {
        Path file = file(name);
        try {
            if (!Files.exists(file)) {
                byte[] random = new byte[32];
                new SecureRandom().nextBytes(random);
                Path fresh = file(name + ".new");
                Files.deleteIfExists(fresh);
                Files.createFile(
                        fresh, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
                Files.writeString(fresh, form.apply(random));
                Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
            }
            return Files.readString(file).strip();
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot keep a secret in " + file, failed);
        }
    }

    boolean has(String name) {
        return Files.exists(file(name));
    }

    String read(String name) {
        try {
            return Files.readString(file(name)).strip();
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot read " + file(name), failed);
        }
    }

    void write(String name, String content) {
        try {
            Files.writeString(file(name), content);
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot write " + file(name), failed);
        }
    }

    void delete(String name) {
        try {
            Files.deleteIfExists(file(name));
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot delete " + file(name), failed);
        }
    }

    /** Makes the folder of that name equal to another one. */
    Path copy(Path from, String name) {
        Path to = file(name);
        try {
            deleteFolder(to);
            Files.walkFileTree(from, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes)
                        throws IOException {
                    Files.createDirectories(to.resolve(from.relativize(folder)));
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.copy(file, to.resolve(from.relativize(file)));
                    return FileVisitResult.CONTINUE;
                }
            });
            return to;
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot copy " + from + " to " + to, failed);
        }
    }

    /** What is not there is no error. */
    static void deleteFolder(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path left, @Nullable IOException failed) throws IOException {
                Files.delete(left);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
