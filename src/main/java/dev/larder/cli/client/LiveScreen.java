package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Shows lines on the whole terminal, renewed each second, until q, Ctrl-C or another signal. The terminal is restored
 * at the end, also when the process is stopped by SIGTERM.
 */
record LiveScreen(Output output, TopScreen screen) {

    private static final Duration EVERY = Duration.ofSeconds(1);

    private static final int ROWS = 24;

    private static final String ESCAPE = "\u001B[";
    private static final String ENTER = ESCAPE + "?1049h" + ESCAPE + "?25l";
    private static final String LEAVE = ESCAPE + "?25h" + ESCAPE + "?1049l";
    private static final String HOME = ESCAPE + "H";
    private static final String END_OF_LINE = ESCAPE + "K";
    private static final String END_OF_SCREEN = ESCAPE + "J";

    // A terminal that knows these shows the whole frame at once; another one ignores them.
    private static final String FRAME = ESCAPE + "?2026h";
    private static final String FRAME_END = ESCAPE + "?2026l";

    /** @return the exit code */
    int show(Supplier<List<JsonNode>> pools) {
        try (Interruption signals = new Interruption()) {
            Thread thread = Thread.currentThread();
            try (RawKeys keys = RawKeys.open(key -> {
                if (key == 'q' || key == 'Q') {
                    thread.interrupt();
                }
            })) {
                output.text(ENTER);
                try {
                    renew(pools);
                } finally {
                    signals.shield();
                    output.text(LEAVE);
                }
            } catch (IOException noTerminal) {
                throw Failure.of(ExitCode.FAILED, "the terminal cannot be used for this; --once prints one table");
            }
            return signals.received().map(SignalTrap.Received::exit).orElse(ExitCode.OK.number());
        }
    }

    /** Returns when this thread is interrupted. */
    private void renew(Supplier<List<JsonNode>> pools) {
        List<JsonNode> seen = List.of();
        do {
            String notice = "";
            try {
                seen = pools.get();
            } catch (Failure failure) {
                if (!isPassing(failure)) {
                    throw failure;
                }
                notice = failure.sentence();
            }
            if (!Thread.currentThread().isInterrupted()) {
                draw(seen, notice);
            }
        } while (Waits.pause(EVERY));
    }

    /** What was seen last stays on the screen. */
    private static boolean isPassing(Failure failure) {
        return failure.exit() == ExitCode.UNREACHABLE
                || failure.exit() == ExitCode.TIMED_OUT
                || Thread.currentThread().isInterrupted();
    }

    private void draw(List<JsonNode> pools, String notice) {
        Optional<RawKeys.Size> size = RawKeys.size();
        int columns = size.map(RawKeys.Size::columns).orElse(TopScreen.COLUMNS_MIN);
        int rows = size.map(RawKeys.Size::rows).orElse(ROWS);
        output.text(frame(screen.screen(pools, notice, columns, rows)));
    }

    /** Overwrites what is shown line by line, so that nothing flickers. */
    static String frame(List<String> lines) {
        StringBuilder frame = new StringBuilder(FRAME + HOME);
        frame.append(String.join(END_OF_LINE + "\r\n", lines));
        return frame.append(END_OF_LINE).append(END_OF_SCREEN).append(FRAME_END).toString();
    }
}
