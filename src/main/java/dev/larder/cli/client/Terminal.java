package dev.larder.cli.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The process around a command. Tests make their own.
 *
 * @param out what the command prints for programs and people; nothing else goes there
 * @param err progress, notices and failures
 * @param home the user's folder
 * @param outScreen whether {@code out} is a terminal; colours and the width of tables follow it
 * @param errScreen whether {@code err} is a terminal; a line of progress then replaces the one before
 */
public record Terminal(
        InputStream in,
        OutputStream out,
        PrintStream err,
        Map<String, String> environment,
        Path home,
        Screen outScreen,
        Screen errScreen) {

    /** What an output goes to. */
    public interface Screen {

        Screen NONE = OptionalInt::empty;

        /** Characters of a line; empty where the output is no terminal. */
        OptionalInt columns();

        static Screen of(int columns) {
            return () -> OptionalInt.of(columns);
        }
    }

    /** A command's way to its terminal: the top command has one. */
    public interface Holder {
        Terminal terminal();
    }

    private static final int COLUMNS_UNKNOWN = 80;
    private static final int COLUMNS_MIN = 20;
    private static final long ASK_MILLIS = 500;

    /** The one of this process. */
    public static Terminal ofProcess() {
        Map<String, String> environment = System.getenv();
        return new Terminal(
                System.in,
                new java.io.FileOutputStream(java.io.FileDescriptor.out),
                System.err,
                environment,
                Path.of(environment.getOrDefault("HOME", System.getProperty("user.home"))),
                () -> columns(1, environment),
                () -> columns(2, environment));
    }

    /** The same, with every line of progress printed below the one before. */
    Terminal withoutErrScreen() {
        return new Terminal(in, out, err, environment, home, outScreen, Screen.NONE);
    }

    /** The value of a variable; null where it is not set or empty. */
    @Nullable
    String variable(String name) {
        String value = environment.get(name);
        return value == null || value.isEmpty() ? null : value;
    }

    private static OptionalInt columns(int descriptor, Map<String, String> environment) {
        if (!isTerminal(descriptor)) {
            return OptionalInt.empty();
        }
        String told = environment.getOrDefault("COLUMNS", "");
        String columns = told.matches("[0-9]{1,4}")
                ? told
                : size().replaceFirst("^[0-9]+ ", "").strip();
        return OptionalInt.of(
                columns.matches("[0-9]{1,4}") && Integer.parseInt(columns) >= COLUMNS_MIN
                        ? Integer.parseInt(columns)
                        : COLUMNS_UNKNOWN);
    }

    private static boolean isTerminal(int descriptor) {
        Path link = Path.of("/proc/self/fd", String.valueOf(descriptor));
        try {
            String device = Files.readSymbolicLink(link).toString();
            return device.startsWith("/dev/pts/") || device.startsWith("/dev/tty") || device.equals("/dev/console");
        } catch (IOException | UnsupportedOperationException noProc) {
            // Not Linux. The console of the JDK needs both ends to be terminals, which errs on the plain side.
            return System.console() != null
                    && !System.getProperty("os.name", "").startsWith("Windows");
        }
    }

    /** The lines and columns of the controlling terminal, as {@code stty} prints them; empty where it does not. */
    private static String size() {
        try {
            Process asked = new ProcessBuilder("stty", "size")
                    .redirectInput(Path.of("/dev/tty").toFile())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (!asked.waitFor(ASK_MILLIS, TimeUnit.MILLISECONDS)) {
                asked.destroyForcibly();
                return "";
            }
            return new String(asked.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        } catch (IOException unknown) {
            return "";
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
            return "";
        }
    }
}
