package dev.larder.bench;

import dev.larder.history.RecordedHistory;
import dev.larder.history.states.StateHistory;
import dev.larder.reconcile.IdleCycle;
import dev.larder.state.StateBodyBench;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Runs the benchmark it is asked for by name. */
public final class Bench {

    private static final String NAMES =
            "claim-burst, claim-dump, claim-events, claim-latency, claim-profile, claim-rate,"
                    + " claim-replacement, claim-snapshot, idle-cycle, job-pickup, job-rate, lazy-loading, queue-peers, queue-reconcile, rollout-claims,"
                    + " state-bodies, history, state-history";

    private Bench() {}

    public static void main(String[] args) {
        Logger.getLogger("").setLevel(Level.WARNING);
        String name = args.length == 0 ? "" : args[0];
        try {
            System.exit(run(name));
        } catch (Exception | Error failed) {
            // Threads of a bench that fails would keep the process alive.
            failed.printStackTrace();
            System.exit(1);
        }
    }

    /** The exit code. */
    private static int run(String name) throws Exception {
        switch (name) {
            case "claim-burst" -> ClaimBurst.main();
            case "claim-dump" -> ClaimDump.main();
            case "claim-events" -> ClaimEvents.main();
            case "claim-latency" -> ClaimLatency.main();
            case "claim-rate" -> ClaimRate.main();
            case "claim-replacement" -> ClaimReplacement.main();
            case "claim-snapshot" -> ClaimSnapshot.main();
            case "claim-profile" -> ClaimProfile.main();
            case "idle-cycle" -> IdleCycle.main();
            case "job-pickup" -> JobPickup.main();
            case "job-rate" -> JobRate.main();
            case "lazy-loading" -> LazyLoading.main();
            case "queue-peers" -> QueuePeers.main();
            case "queue-reconcile" -> QueueReconcile.main();
            case "rollout-claims" -> RolloutClaims.main();
            case "state-bodies" -> StateBodyBench.main();
            case "state-history" -> {
                return StateHistory.main() ? 0 : 1;
            }
            case "history" -> {
                return RecordedHistory.main() ? 0 : 1;
            }
            default -> {
                System.err.println("No benchmark '" + name + "'. There are: " + NAMES);
                return 2;
            }
        }
        return 0;
    }
}
