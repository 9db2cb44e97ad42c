package dev.larder.bench;

import dev.larder.history.RecordedHistory;
import dev.larder.reconcile.IdleCycle;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Runs the benchmark it is asked for by name. */
public final class Bench {

    private Bench() {}

    public static void main(String[] args) throws Exception {
        Logger.getLogger("").setLevel(Level.WARNING);
        String name = args.length == 0 ? "" : args[0];
        switch (name) {
            case "idle-cycle" -> IdleCycle.main();
            case "history" -> {
                if (!RecordedHistory.main()) {
                    System.exit(1);
                }
            }
            default -> {
                System.err.println("No benchmark '" + name + "'. There are: idle-cycle, history");
                System.exit(2);
            }
        }
        System.exit(0);
    }
}
