package dev.larder.testing;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jboss.logmanager.ExtLogRecord;

/** What this process logs while it is open, from a level on. */
public final class Logged extends Handler implements AutoCloseable {

    private static final Logger ROOT = Logger.getLogger("");

    private final List<String> messages = new CopyOnWriteArrayList<>();

    private Logged(Level from) {
        setLevel(from);
        ROOT.addHandler(this);
    }

    public static Logged errors() {
        return new Logged(Level.SEVERE);
    }

    public static Logged all() {
        return new Logged(Level.ALL);
    }

    public List<String> messages() {
        return List.copyOf(messages);
    }

    @Override
    public void publish(LogRecord logged) {
        if (logged.getLevel().intValue() >= getLevel().intValue()) {
            String text = logged instanceof ExtLogRecord full ? full.getFormattedMessage() : logged.getMessage();
            messages.add(logged.getLoggerName() + ": " + text + " " + logged.getThrown());
        }
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
        ROOT.removeHandler(this);
    }
}
