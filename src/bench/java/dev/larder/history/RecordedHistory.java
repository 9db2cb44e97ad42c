package dev.larder.history;

import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Recorded runs, judged: {@code -Dlarder.history.operations=1000000 -Dlarder.history.seed=1
 * -Dlarder.history.rounds=4} makes four of 250,000 each with the seeds 1 to 4, each on a database of its own that
 * crashes once. With {@code -Dlarder.history.file=…} a run that was recorded before is judged again;
 * {@code -Dlarder.history.kill-every=} is how many seconds after one server serves again the next is killed,
 * {@code -Dlarder.history.minutes=} after how many each run ends at the latest.
 */
public final class RecordedHistory {

    private static final int SHOWN_VIOLATIONS = 20;

    private RecordedHistory() {}

    /** @return whether nothing happened that must never happen */
    public static boolean main() throws Exception {
        String recorded = System.getProperty("larder.history.file", "");
        if (!recorded.isEmpty()) {
            return judge(Path.of(recorded));
        }
        int rounds = Integer.getInteger("larder.history.rounds", 4);
        int operations = 0;
        boolean clean = true;
        for (int round = 0; round < rounds; round++) {
            Load.Ran ran = run(Long.getLong("larder.history.seed", 1) + round, rounds);
            operations += ran.operations();
            clean &= judge(ran.file());
            System.out.printf("%,d operations in %d of %d rounds%n", operations, round + 1, rounds);
        }
        return clean;
    }

    private static Load.Ran run(long seed, int rounds) throws Exception {
        LoadPlan plan = new LoadPlan(
                seed,
                Integer.getInteger("larder.history.operations", 1_000_000) / rounds,
                Duration.ofMinutes(Integer.getInteger("larder.history.minutes", 360)),
                3,
                48,
                12,
                6,
                200,
                Duration.ofSeconds(Integer.getInteger("larder.history.kill-every", 3)),
                1,
                EnumSet.allOf(OperationType.class),
                Path.of("target", "history"));
        Load.Ran ran = Load.run(plan);
        System.out.printf(
                "%,d operations in %,d s (%,.0f/s) by %d clients on %d servers; %d killed, %d database crashes; seed %d%n",
                ran.operations(),
                ran.took().toSeconds(),
                ran.operations() / (ran.took().toMillis() / 1e3),
                plan.clients(),
                plan.servers(),
                ran.kills(),
                ran.crashes(),
                seed);
        return ran;
    }

    private static boolean judge(Path file) {
        History history = History.read(file);
        Map<String, Integer> outcomes = new TreeMap<>();
        for (Operation operation : history.operations()) {
            outcomes.merge(
                    operation.request().word() + " -> " + operation.response().word(), 1, Integer::sum);
        }
        outcomes.forEach((outcome, count) -> System.out.printf("  %-60s %,10d%n", outcome, count));
        System.out.printf(
                "  in the database: %,d claims, %,d workspaces, %,d removals; %,d looks at the pools%n",
                history.finalState().claims().size(),
                history.finalState().workspaces().size(),
                history.finalState().removals().size(),
                history.samples().size());
        long begun = System.nanoTime();
        List<Violation> violations = Checker.judge(history);
        System.out.printf(
                "%d violations (judged in %.1f s, clocks within %d ms): %s%n",
                violations.size(),
                (System.nanoTime() - begun) / 1e9,
                Duration.ofNanos(history.toleranceNanos()).toMillis(),
                file);
        violations.stream().limit(SHOWN_VIOLATIONS).forEach(System.out::println);
        return violations.isEmpty();
    }
}
