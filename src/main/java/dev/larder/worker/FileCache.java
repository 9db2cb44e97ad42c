package dev.larder.worker;

import dev.larder.model.UploadedFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Uploaded files on the disk of a worker, by digest. Several processes may share the folder: a file is written under
 * another name, verified, and moved to its own name at once. A job uses a link of its own, so that a file may be
 * removed from the cache at any time. All calls block.
 *
 * <pre>
 *   cache/HEX   a verified file, last modified when a job last used it
 *   use/UUID    the link of a running job, or a file that is being written
 * </pre>
 */
final class FileCache {

    private static final String ALGORITHM = "sha256:";

    /** No job runs longer than a day. A link that is older was left by a worker that was killed. */
    private static final Duration LEFT_AFTER = Duration.ofDays(2);

    private final Path root;
    private final long bytesMax;
    private final InstantSource clock;

    FileCache(Path root, long bytesMax, InstantSource clock) {
        this.root = root;
        this.bytesMax = bytesMax;
        this.clock = clock;
    }

    private Path kept(UploadedFile file) {
        return root.resolve("cache").resolve(file.digest().substring(ALGORITHM.length()));
    }

    private Path use() {
        return root.resolve("use").resolve(UUID.randomUUID().toString());
    }

    /** A link to the file for one job. Empty where the file must be fetched. A damaged file is removed. */
    Optional<Path> link(UploadedFile file) throws IOException {
        Path link = use();
        try {
            Path made = Files.createLink(link, kept(file));
            if (Files.size(made) == file.bytes() && digest(made).equals(file.digest())) {
                Files.setLastModifiedTime(kept(file), FileTime.from(clock.instant()));
                return Optional.of(made);
            }
        } catch (NoSuchFileException missing) {
            return Optional.empty();
        }
        Files.deleteIfExists(kept(file));
        Files.deleteIfExists(link);
        return Optional.empty();
    }

    private static String digest(Path path) throws IOException {
        MessageDigest digest = sha256();
        byte[] piece = new byte[64 * 1024];
        try (InputStream in = Files.newInputStream(path)) {
            for (int read = in.read(piece); read >= 0; read = in.read(piece)) {
                digest.update(piece, 0, read);
            }
        }
        return ALGORITHM + HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** A job no longer uses its link. */
    void release(Path link) throws IOException {
        Files.deleteIfExists(link);
    }

    /** A file that is being fetched. */
    final class Incoming implements AutoCloseable {

        private final UploadedFile file;
        private final Path path;
        private final WritableByteChannel out;
        private final MessageDigest digest = sha256();
        private long bytes;

        private Incoming(UploadedFile file) throws IOException {
            this.file = file;
            this.path = use();
            this.out = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        }

        /** Fails where the file has more bytes than it should have. */
        void write(byte[] piece) throws IOException {
            bytes += piece.length;
            if (bytes > file.bytes()) {
                throw new IOException("is longer than its declaration says");
            }
            digest.update(piece);
            ByteBuffer rest = ByteBuffer.wrap(piece);
            while (rest.hasRemaining()) {
                int unused = out.write(rest);
            }
        }

        /** All bytes are there: verifies them, keeps the file, and gives the job its link. */
        Path done() throws IOException {
            out.close();
            String is = ALGORITHM + HexFormat.of().formatHex(digest.digest());
            if (bytes != file.bytes() || !is.equals(file.digest())) {
                throw new IOException("has not the bytes that were uploaded");
            }
            Path link = use();
            Path made = Files.createLink(link, path);
            // Where another job has fetched it meanwhile, its file is replaced by the same bytes.
            Path kept = Files.move(path, kept(file), StandardCopyOption.ATOMIC_MOVE);
            Files.setLastModifiedTime(kept, FileTime.from(clock.instant()));
            return made;
        }

        /** Removes the file, unless it is done. */
        @Override
        public void close() throws IOException {
            out.close();
            Files.deleteIfExists(path);
        }
    }

    /** Begins to fetch a file. Makes room for it, and creates the folders where they are missing. */
    Incoming fetch(UploadedFile file) throws IOException {
        createPrivate();
        evict(file.bytes());
        return new Incoming(file);
    }

    private void createPrivate() throws IOException {
        Files.createDirectories(root);
        if (!Files.isDirectory(root, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(root + " is no folder");
        }
        // Fails where the folder belongs to another user, who may have created it in a shared place.
        Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwx------"));
        Files.createDirectories(root.resolve("cache"));
        Files.createDirectories(root.resolve("use"));
    }

    private record Entry(Path path, long bytes, Instant usedAt) {}

    /** The files that were used longest ago go first. */
    private void evict(long wanted) throws IOException {
        List<Entry> entries = entries(root.resolve("cache"));
        entries.sort(Comparator.comparing(Entry::usedAt));
        long bytes = entries.stream().mapToLong(Entry::bytes).sum() + wanted;
        for (Entry entry : entries) {
            if (bytes <= bytesMax) {
                break;
            }
            Files.deleteIfExists(entry.path());
            bytes -= entry.bytes();
        }
        Instant left = clock.instant().minus(LEFT_AFTER);
        for (Entry entry : entries(root.resolve("use"))) {
            if (entry.usedAt().isBefore(left)) {
                Files.deleteIfExists(entry.path());
            }
        }
    }

    private static List<Entry> entries(Path folder) throws IOException {
        List<Entry> entries = new ArrayList<>();
        try (DirectoryStream<Path> paths = Files.newDirectoryStream(folder)) {
            for (Path path : paths) {
                try {
                    entries.add(new Entry(
                            path,
                            Files.size(path),
                            Files.getLastModifiedTime(path).toInstant()));
                } catch (NoSuchFileException removedMeanwhile) {
                    // Another process shares the folder.
                }
            }
        }
        return entries;
    }
}
