package dev.larder.bench;

import static dev.larder.bench.Figures.say;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How long a server takes to start, and how much memory it has after the first round of its loops, with 1,000
 * workspaces in the database and with 100,000: a process reads only what it is asked for.
 */
final class LazyLoading {

    private static final int FEW = 1_000;
    private static final int MANY = 100_000;

    /** The slowest loop that reads workspaces comes every 5 s. */
    private static final Duration LOOPS = Duration.ofSeconds(12);

    private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s+(\\d+) kB");
    private static final Pattern TOTAL = Pattern.compile("(?m)^Total\\s+\\d+\\s+(\\d+)");
    private static final double MEGABYTE = 1024.0 * 1024;

    private LazyLoading() {}

    /** One start: milliseconds until ready, then bytes of the process and of what its heap holds. */
    private record Start(double millis, double resident, double live) {}

    static void main() throws Exception {
        Map<String, Scene> scenes = new LinkedHashMap<>();
        try {
            scenes.put("%,d claimed".formatted(FEW), claimed(FEW));
            scenes.put("%,d claimed".formatted(MANY), claimed(MANY));
            scenes.put("%,d in stock".formatted(MANY), stocked());
            measure(scenes);
        } finally {
            for (Scene scene : scenes.values()) {
                scene.close();
            }
        }
    }

    private static Scene claimed(int count) throws IOException {
        Scene scene = Scene.set("lazy-loading-" + count, 0);
        scene.shelf.holdings(scene.preset, count);
        scene.base.settle();
        return scene;
    }

    private static Scene stocked() throws IOException {
        Scene scene = Scene.set("lazy-loading-stock", 0);
        scene.shelf.stock(MANY / Shelf.INSTANCES_MAX, Shelf.INSTANCES_MAX);
        scene.base.settle();
        return scene;
    }

    private static void measure(Map<String, Scene> scenes) throws Exception {
        int rounds = scenes.values().iterator().next().rounds;
        Map<String, Start[]> found = new LinkedHashMap<>();
        for (int round = -1; round < rounds; round++) {
            for (Map.Entry<String, Scene> one : scenes.entrySet()) {
                Start start =
                        start(one.getValue(), "lazy-loading-" + one.getKey().replaceAll("\\W", "-"));
                // The first start of each finds files and pages cold.
                if (round >= 0) {
                    found.computeIfAbsent(one.getKey(), unseen -> new Start[rounds])[round] = start;
                }
            }
        }
        say("%d interleaved rounds; medians (least to greatest)", rounds);
        Start[] few = found.values().iterator().next();
        found.forEach((name, starts) -> {
            say("%s", name);
            said("  ready after, ms        ", starts, few, Start::millis);
            said("  resident memory, MiB   ", starts, few, start -> start.resident() / MEGABYTE);
            said("  heap after GC, MiB     ", starts, few, start -> start.live() / MEGABYTE);
        });
    }

    private static void said(String what, Start[] starts, Start[] few, ToDoubleFunction<Start> figure) {
        double[] values = Arrays.stream(starts).mapToDouble(figure).toArray();
        double base = Figures.median(Arrays.stream(few).mapToDouble(figure).toArray());
        say("%s%s, ratio %.2f", what, Figures.spread("%,.1f", values), Figures.median(values) / base);
    }

    private static Start start(Scene scene, String name) throws Exception {
        long begun = System.nanoTime();
        try (LarderServer server = LarderServer.start(scene.base, name, Map.of("LARDER_WORKER_ENABLED", "false"))) {
            double millis = (System.nanoTime() - begun) / 1e6;
            TimeUnit.MILLISECONDS.sleep(LOOPS.toMillis());
            double live = number(TOTAL, histogram(server.pid()));
            String status = Files.readString(Path.of("/proc", Long.toString(server.pid()), "status"));
            return new Start(millis, number(RESIDENT, status) * 1024, live);
        }
    }

    /** Collects all garbage first. */
    private static String histogram(long pid) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                        Long.toString(pid),
                        "GC.class_histogram")
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IllegalStateException("jcmd: " + said);
        }
        return said;
    }

    private static double number(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        if (!matcher.find()) {
            throw new IllegalStateException(pattern + " is not in " + text);
        }
        return Double.parseDouble(matcher.group(1));
    }
}
