package dev.larder.cli.client;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;

/**
 * The keys of the controlling terminal, each as soon as it is pressed and without an echo. Ctrl-C still sends SIGINT.
 * Closing it restores the terminal.
 */
final class RawKeys implements AutoCloseable {

    private static final File TERMINAL = new File("/dev/tty");
    private static final long STTY_SECONDS = 5;

    private final String before;

    private RawKeys(String before) {
        this.before = before;
    }

    /**
     * @param pressed is called on a thread of its own with each byte
     * @throws IOException if there is no terminal, or no {@code stty}
     */
    static RawKeys open(IntConsumer pressed) throws IOException {
        RawKeys keys = new RawKeys(stty("-g").strip());
        String unused = stty("-icanon", "-echo", "min", "1");
        Thread reader = new Thread(() -> read(pressed), "larder-keys");
        reader.setDaemon(true);
        reader.start();
        return keys;
    }

    /** The lines and columns of a terminal. */
    record Size(int rows, int columns) {}

    /** The present size of the controlling terminal; empty where it has none. */
    static Optional<Size> size() {
        try {
            String[] numbers = stty("size").strip().split(" ");
            return Optional.of(new Size(Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1])))
                    .filter(size -> size.rows() > 0 && size.columns() > 0);
        } catch (IOException | NumberFormatException | ArrayIndexOutOfBoundsException unknown) {
            return Optional.empty();
        }
    }

    private static void read(IntConsumer pressed) {
        try (InputStream terminal = new FileInputStream(TERMINAL)) {
            for (int key = terminal.read(); key >= 0; key = terminal.read()) {
                pressed.accept(key);
            }
        } catch (IOException gone) {
            // The terminal was closed: SIGHUP tells.
            return;
        }
    }

    private static String stty(String... arguments) throws IOException {
        String[] command = new String[arguments.length + 1];
        command[0] = "stty";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        Process process = new ProcessBuilder(command)
                .redirectInput(TERMINAL)
                .redirectError(Redirect.DISCARD)
                .start();
        String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        try {
            if (!process.waitFor(STTY_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new IOException("stty failed");
            }
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
            throw new IOException(ending);
        }
        return answer;
    }

    @Override
    public void close() {
        try {
            String unused = stty(before);
        } catch (IOException gone) {
            // There is no terminal to restore.
            return;
        }
    }
}
