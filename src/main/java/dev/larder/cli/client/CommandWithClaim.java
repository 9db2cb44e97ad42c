package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.cli.client.SignalTrap.Received;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Runs a command that has a claimed workspace. The claim has a lease, so that the workspace is free again even where
 * this process is killed. It is renewed from the moment the claim holds a workspace, and released when the command has
 * ended. If the lease is lost, the command is ended.
 */
final class CommandWithClaim implements LeaseKeeper.Listener {

    /** How long the command may take to end after SIGTERM. */
    private static final Duration GRACE = Duration.ofSeconds(10);

    private final Claiming claiming;
    private final Progress progress;
    private final PrintStream err;
    private final Function<String, ClaimLease> lease;
    private final Thread thread = Thread.currentThread();
    private @Nullable LeaseKeeper keeper;
    private @Nullable ChildCommand child;
    private @Nullable Received pending;
    private boolean waiting = true;
    private volatile boolean lost;

    /** @param lease of the claim with this id */
    CommandWithClaim(Claiming claiming, Progress progress, PrintStream err, Function<String, ClaimLease> lease) {
        this.claiming = claiming;
        this.progress = progress;
        this.err = err;
        this.lease = lease;
    }

    /** @return the exit code of the command, or why it was not run */
    int run(List<String> words) {
        try (Interruption signals = new Interruption()) {
            try {
                return ran(words, signals);
            } catch (InterruptedException | Failure ended) {
                // A signal and the loss of the lease interrupt what this thread waits for.
                Optional<Received> signal = signals.received();
                if (signal.isPresent()) {
                    return signal.get().exit();
                }
                if (lost || !(ended instanceof Failure failure)) {
                    return ExitCode.LEASE_LOST.number();
                }
                throw failure;
            } finally {
                signals.shield();
                release();
            }
        }
    }

    private int ran(List<String> words, Interruption signals) throws InterruptedException {
        JsonNode claim = claiming.take(this::keep);
        progress.end();
        Map<String, String> variables = variables(claim);
        signals.passTo(this::pass);
        if (signals.received().isPresent() || isLostBefore()) {
            throw new InterruptedException();
        }
        try {
            ChildCommand started = begun(ChildCommand.start(words, variables));
            int exit = started.await();
            return lost ? ExitCode.LEASE_LOST.number() : exit;
        } catch (ChildCommand.NotStarted refused) {
            say(String.valueOf(refused.getMessage()));
            return refused.exit();
        }
    }

    /** From now on the loss of the lease does not interrupt this thread. */
    private synchronized boolean isLostBefore() {
        waiting = false;
        return lost;
    }

    private ChildCommand begun(ChildCommand started) {
        Received missed;
        synchronized (this) {
            child = started;
            missed = pending;
        }
        if (missed != null) {
            started.signal(missed.name());
        }
        if (lost) {
            end(started);
        }
        return started;
    }

    private Map<String, String> variables(JsonNode claim) {
        ClaimVariables variables = ClaimVariables.of(claim);
        variables.problems().forEach(this::say);
        List<String> unwritable =
                variables.unwritable(Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8")));
        if (!unwritable.isEmpty()) {
            throw Failure.of(
                    ExitCode.FAILED,
                    String.join(", ", unwritable) + " cannot be passed on with this locale. Set LC_ALL=C.UTF-8");
        }
        return variables.values();
    }

    private void keep(JsonNode claim, long sentAt) {
        ClaimLease renewal = lease.apply(Json.text(claim, "id"));
        boolean atOnce = Json.text(claim, "path").equals("waited");
        LeaseClock clock = LeaseClock.granted(renewal.length(), sentAt);
        keeper = new LeaseKeeper(atOnce ? clock.due(sentAt) : clock, renewal, this, System::nanoTime).start();
    }

    @Override
    public void failing(String why) {
        say("the lease cannot be renewed now: " + why + ". Trying again until it ends.");
    }

    @Override
    public void recovered() {
        say("the lease is renewed again");
    }

    @Override
    public void lost(String why) {
        say("the lease is lost: " + why);
        ChildCommand running;
        synchronized (this) {
            lost = true;
            running = child;
            if (waiting) {
                thread.interrupt();
            }
        }
        if (running != null) {
            end(running);
        }
    }

    private void end(ChildCommand running) {
        say("ending the command");
        try {
            running.end(GRACE);
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
        }
    }

    /** Of a signal of the terminal, the command has been told by the terminal. */
    private void pass(Received signal) {
        ChildCommand running;
        synchronized (this) {
            running = child;
            pending = running == null ? signal : null;
        }
        boolean told = !signal.name().equals("TERM") && SignalTrap.isSharedWithChildren();
        if (running != null && !told) {
            running.signal(signal.name());
        }
    }

    private void release() {
        progress.end();
        if (keeper != null) {
            keeper.close();
        }
        if (!lost) {
            claiming.giveUp().ifPresent(held -> say(held + ". Its lease ends by itself."));
        }
    }

    private void say(String sentence) {
        err.println("larder: " + Table.printable(sentence));
    }
}
