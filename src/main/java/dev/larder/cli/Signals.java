package dev.larder.cli;

import io.quarkus.runtime.LaunchMode;
import io.quarkus.runtime.Quarkus;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jboss.logging.Logger;
import sun.misc.Signal;

/**
 * SIGTERM, SIGINT and SIGHUP. The first signal stops this process gracefully, the second shortens every wait of the
 * stop, the third ends the process at once. The exit code is 128 plus the signal's number, as shells expect.
 */
public final class Signals {

    private static final Logger LOG = Logger.getLogger(Signals.class);
    private static final List<String> NAMES = List.of("TERM", "INT", "HUP");
    private static final int SIGNAL_EXIT = 128;

    private static final AtomicInteger received = new AtomicInteger();
    private static final CountDownLatch hurry = new CountDownLatch(1);
    private static final List<Runnable> hurried = new CopyOnWriteArrayList<>();

    private Signals() {}

    /** Call it while the application starts: before that, Quarkus would install its own handlers. */
    static void install() {
        if (LaunchMode.current() == LaunchMode.DEVELOPMENT) {
            // In dev mode a signal ends the process, and its end stops the application.
            return;
        }
        // The thread that the JVM starts for a signal has no access to the application's classes.
        ClassLoader application = Thread.currentThread().getContextClassLoader();
        NAMES.forEach(name -> install(name, application));
    }

    private static void install(String name, ClassLoader application) {
        try {
            var before = Signal.handle(new Signal(name), signal -> {
                Thread.currentThread().setContextClassLoader(application);
                received(signal);
            });
        } catch (IllegalArgumentException reserved) {
            // The JVM does not handle signals (-Xrs), or the platform has no such signal.
            LOG.debugf("signal not handled name=%s", name);
        }
    }

    private static void received(Signal signal) {
        int exit = SIGNAL_EXIT + signal.getNumber();
        switch (received.incrementAndGet()) {
            case 1 -> Quarkus.asyncExit(exit);
            case 2 -> {
                LOG.info("told again to stop, nothing is waited for any more");
                hurry.countDown();
                hurried.forEach(Runnable::run);
            }
            default -> Runtime.getRuntime().halt(exit);
        }
    }

    /** Waits this long, or until a second signal. */
    public static void pause(Duration wait) {
        try {
            boolean told = hurry.await(wait.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
        }
    }

    /** @param shorten runs at the second signal; must return at once */
    public static void onHurry(Runnable shorten) {
        hurried.add(shorten);
        if (hurry.getCount() == 0) {
            shorten.run();
        }
    }
}
