package dev.larder.history.states;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.history.states.Act.Kind;
import dev.larder.history.states.Journal.Mutation;
import dev.larder.history.states.StateLoad.Plan;
import dev.larder.history.states.StateLoad.Ran;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A recorded run of mutations of states, judged: {@code -Dlarder.history.operations=10000} mutations with {@code
 * -Dlarder.history.seed=1}; {@code -Dlarder.history.kill-every=} is how many seconds after one server serves again the
 * next is killed, {@code -Dlarder.history.minutes=} after how many the run ends at the latest.
 */
public final class StateHistory {

    private static final int SHOWN_VIOLATIONS = 20;

    private StateHistory() {}

    /** @return whether nothing happened that must never happen */
    public static boolean main() throws Exception {
        Path folder = Path.of("target", "state-history");
        Ran ran = StateLoad.run(new Plan(
                Long.getLong("larder.history.seed", 1),
                Integer.getInteger("larder.history.operations", 10_000),
                Duration.ofMinutes(Integer.getInteger("larder.history.minutes", 60)),
                1,
                Duration.ofSeconds(Integer.getInteger("larder.history.kill-every", 1)),
                16,
                4,
                folder));
        keep(ran, folder.resolve("acts.jsonl"));
        tell(ran);
        List<String> violations = StateChecker.judge(ran.acts(), ran.journal());
        System.out.printf(
                "%d violations, %d states that did not come to rest%n",
                violations.size(), ran.restless().size());
        violations.stream().limit(SHOWN_VIOLATIONS).forEach(System.out::println);
        return violations.isEmpty() && ran.restless().isEmpty();
    }

    private static void keep(Ran ran, Path file) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        try (Writer lines = Files.newBufferedWriter(file)) {
            for (Act act : ran.acts()) {
                lines.write(mapper.writeValueAsString(act) + "\n");
            }
        }
    }

    private static void tell(Ran ran) {
        Map<String, Integer> ends = new TreeMap<>();
        for (Mutation one : ran.journal().mutations()) {
            String holder = one.job() ? "job" : one.lock() == null ? "call" : "lock";
            ends.merge(holder + " " + one.kind() + " " + one.outcome(), 1, Integer::sum);
        }
        System.out.printf(
                "%,d mutations, %,d requests, %,d versions, %,d rejects, %,d claims, %,d removals in %,d s; %d kills%n",
                ran.journal().mutations().size(),
                ran.acts().size(),
                ran.journal().versions().size(),
                ran.journal().rejects().size(),
                ran.journal().handed().size(),
                ran.journal().removed().size(),
                ran.took().toSeconds(),
                ran.kills());
        ends.forEach((what, count) -> System.out.printf("  %-40s %,8d%n", what, count));
        points(ran).forEach((point, count) -> System.out.printf("  killed: %-50s %,6d%n", point, count));
    }

    /** Requests whose connection broke, by what had become of them. */
    private static Map<String, Integer> points(Ran ran) {
        Map<String, Boolean> again = new HashMap<>();
        for (Act act : ran.acts()) {
            if (act.kind() == Kind.WRITE && act.answer().certain()) {
                again.merge(key(act), act.done(), Boolean::logicalOr);
            }
        }
        Map<String, Integer> points = new TreeMap<>();
        for (Act act : ran.acts()) {
            if (act.answer().status() == 0) {
                String what = act.kind().toString().toLowerCase(Locale.ROOT) + ", answer lost";
                if (act.kind() == Kind.WRITE) {
                    what += again.getOrDefault(key(act), false)
                            ? ", accepted when repeated"
                            : ", kept as a reject when repeated";
                }
                points.merge(what, 1, Integer::sum);
            }
        }
        return points;
    }

    private static String key(Act act) {
        return act.state() + " " + act.body().bytes();
    }
}
