package dev.larder.testing;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * How a program that refuses to run as root is run all the same: as it is for an ordinary user; in a user namespace of
 * its own where the kernel allows that; else as the user nobody, who then has to own and reach its folders.
 */
public enum Unprivileged {
    AS_IS,
    NAMESPACE,
    NOBODY;

    private static final int NOBODY_ID = 65534;

    static Unprivileged here() {
        if (!isRoot()) {
            return AS_IS;
        }
        if (System.getProperty("larder.testing.unprivileged", "").equals("nobody")) {
            return NOBODY;
        }
        return succeeds("unshare", "-U", "true") ? NAMESPACE : NOBODY;
    }

    /** The command, wrapped; the process id stays that of the wrapped program, since every wrapper replaces itself. */
    List<String> command(List<String> program) {
        List<String> command = new ArrayList<>();
        if (onPath("setsid")) {
            // A session of its own: Ctrl-C in the terminal must reach the application first, not its database.
            command.add("setsid");
        }
        command.addAll(
                switch (this) {
                    case AS_IS -> List.<String>of();
                    case NAMESPACE -> List.of("unshare", "-U");
                    case NOBODY ->
                        List.of(
                                "setpriv",
                                "--reuid=" + NOBODY_ID,
                                "--regid=" + NOBODY_ID,
                                "--clear-groups",
                                "--inh-caps=-all");
                });
        command.addAll(program);
        return command;
    }

    /** Gives the folder, with all it holds, to the user that will run the program. */
    void own(Path folder) {
        int owner = this == NOBODY ? NOBODY_ID : 0;
        if (this == AS_IS || uid(folder) == owner) {
            return;
        }
        try (Stream<Path> below = Files.walk(folder)) {
            for (Path path : below.toList()) {
                Files.setAttribute(path, "unix:uid", owner, LinkOption.NOFOLLOW_LINKS);
            }
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot give " + folder + " to the database's user", failed);
        }
    }

    /** The folder itself where the program can reach it, else one for this user and folder below {@code /var/tmp}. */
    Path reachable(Path folder) {
        Path wanted = folder.toAbsolutePath().normalize();
        if (this != NOBODY || othersMayPass(wanted)) {
            return wanted;
        }
        return Path.of(
                "/var/tmp", "larder-" + Integer.toHexString(wanted.toString().hashCode()));
    }

    /** Where unpacked programs are kept for this user. */
    Path cache() {
        String configured = System.getenv("XDG_CACHE_HOME");
        Path base = configured == null || configured.isBlank()
                ? Path.of(System.getProperty("user.home"), ".cache")
                : Path.of(configured);
        return reachable(base.resolve("larder"));
    }

    private static boolean othersMayPass(Path folder) {
        for (Path at = folder; at != null; at = at.getParent()) {
            if (Files.exists(at) && !permissions(at).contains(PosixFilePermission.OTHERS_EXECUTE)) {
                return false;
            }
        }
        return true;
    }

    private static Set<PosixFilePermission> permissions(Path path) {
        try {
            return Files.getPosixFilePermissions(path);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static boolean isRoot() {
        return uid(Path.of("/proc/self")) == 0 || "root".equals(System.getProperty("user.name"));
    }

    private static int uid(Path path) {
        try {
            return (Integer) Files.getAttribute(path, "unix:uid");
        } catch (IOException | UnsupportedOperationException unknown) {
            return -1;
        }
    }

    public static boolean onPath(String program) {
        String path = System.getenv("PATH");
        return path != null
                && Arrays.stream(path.split(File.pathSeparator))
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    }

    private static boolean succeeds(String... command) {
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .onExit()
                            .join()
                            .exitValue()
                    == 0;
        } catch (IOException noSuchProgram) {
            return false;
        }
    }
}
