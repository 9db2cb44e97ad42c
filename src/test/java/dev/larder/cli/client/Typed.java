package dev.larder.cli.client;

import dev.larder.cli.LarderCommand;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Commands as a person types them, with a home folder, an environment and a terminal of their own. */
public final class Typed {

    /** How a command ended, and what it wrote. */
    public record Result(int exit, String out, String err) {

        /** For a failing assertion's message. */
        @Override
        public String toString() {
            return "exit " + exit + "\n" + out + "\n" + err;
        }
    }

    /** A reader that has closed the pipe after the first line. */
    private static final class FirstLine extends ByteArrayOutputStream {

        @Override
        public void write(byte[] bytes) throws IOException {
            if (toString(StandardCharsets.UTF_8).contains("\n")) {
                throw new IOException("Broken pipe");
            }
            super.write(bytes);
        }
    }

    private final Path home;
    private final Map<String, String> environment;
    private final Terminal.Screen screen;
    private final String input;

    private Typed(Path home, Map<String, String> environment, Terminal.Screen screen, String input) {
        this.home = home;
        this.environment = environment;
        this.screen = screen;
        this.input = input;
    }

    public static Typed at(Path home) {
        return new Typed(home, Map.of(), Terminal.Screen.NONE, "");
    }

    public Typed with(String variable, String value) {
        Map<String, String> all = new HashMap<>(environment);
        all.put(variable, value);
        return new Typed(home, Map.copyOf(all), screen, input);
    }

    /** In a terminal that is so many characters wide. */
    public Typed wide(int columns) {
        return new Typed(home, environment, Terminal.Screen.of(columns), input);
    }

    public Typed input(String text) {
        return new Typed(home, environment, screen, text);
    }

    /** @param line split at spaces */
    public Result run(String line) {
        return run(line.split(" "));
    }

    public Result run(String... arguments) {
        return run(new ByteArrayOutputStream(), arguments);
    }

    /** With a reader that has closed the pipe. */
    public Result runUnread(String line) {
        FirstLine closed = new FirstLine();
        closed.writeBytes(new byte[] {'\n'});
        return run(closed, line.split(" "));
    }

    public Result runUntilFirstLine(String line) {
        return run(new FirstLine(), line.split(" "));
    }

    private Result run(OutputStream out, String... arguments) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int exit = LarderCommand.execute(terminal(out, err), arguments);
        return new Result(exit, out.toString(), err.toString(StandardCharsets.UTF_8));
    }

    Terminal terminal(OutputStream out, OutputStream err) {
        return new Terminal(
                new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                out,
                new PrintStream(err, true, StandardCharsets.UTF_8),
                environment,
                home,
                screen,
                screen);
    }
}
