package dev.larder.bench;

import static dev.larder.bench.Figures.say;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordedStackTrace;
import jdk.jfr.consumer.RecordingFile;

/** What the server's threads were seen doing: a recording's samples by thread and by part, from outside to inside. */
final class Samples {

    // Matched against "package.Class.method" of every frame of a sample; a sample counts for each part it is in.
    private static final Map<String, Pattern> PARTS = new LinkedHashMap<>();

    static {
        part("token: authentication", "dev\\.larder\\.access\\..*|.*AccessStore.*");
        part("claim: whole resource method", "dev\\.larder\\.claim\\.Claim(Resource|Calls).*");
        part("claim: reading the request", "dev\\.larder\\.claim\\.ClaimRequest.*|.*JsonBody.*");
        part("claim: combiner, statement sent", ".*ClaimStore.*|.*claim\\.Combiner.*");
        part("claim: rows read, rows to view", ".*ClaimReads.*|.*ClaimView.*|.*ClaimAnswers.*");
        part("claim: outputs opened (AES)", "dev\\.larder\\.database\\.Encryption\\.decrypt");
        part("wake-ups, loops, notify sender, reconciler", "dev\\.larder\\.(wakeup|reconcile)\\..*");
        part("metrics", "io\\.micrometer\\..*|dev\\.larder\\.observe\\..*");
        part("database client", "io\\.vertx\\.(sqlclient|pgclient)\\..*");
        part("Mutiny", "io\\.smallrye\\.mutiny\\..*");
        part("context propagation", "io\\.smallrye\\.context\\..*|.*ContextPropagation.*|.*ContextManager.*");
        part("ArC (beans, scopes)", "io\\.quarkus\\.arc\\..*");
        part("security of Quarkus", "io\\.quarkus\\..*security\\..*");
        part("REST (routing, handlers)", "org\\.jboss\\.resteasy\\..*|io\\.quarkus\\.resteasy\\..*");
        part("Jackson", "com\\.fasterxml\\..*");
        part("HTTP codec", "io\\.netty\\.handler\\.codec\\.http\\..*|io\\.vertx\\.core\\.http\\..*");
        part("sockets: read, write, select, wake-up", "sun\\.nio\\.ch\\..*|io\\.netty\\.channel\\.epoll\\..*");
    }

    private Samples() {}

    private static void part(String name, String frames) {
        PARTS.put(name, Pattern.compile(frames));
    }

    static void print(Path recording) throws IOException {
        Map<String, Integer> threads = new TreeMap<>();
        Map<String, Integer> parts = new LinkedHashMap<>();
        PARTS.keySet().forEach(name -> parts.put(name, 0));
        int all = 0;
        try (RecordingFile file = new RecordingFile(recording)) {
            while (file.hasMoreEvents()) {
                RecordedEvent event = file.readEvent();
                String type = event.getEventType().getName();
                RecordedStackTrace stack = event.getStackTrace();
                if (stack == null || !(type.equals("jdk.ExecutionSample") || type.equals("jdk.NativeMethodSample"))) {
                    continue;
                }
                if (waits(stack)) {
                    continue;
                }
                all++;
                threads.merge(group(event), 1, Integer::sum);
                count(stack, parts);
            }
        }
        say("%nThe server under 32 connections, %d samples of running threads (%s)", all, recording);
        for (Map<String, Integer> found : List.of(threads, parts)) {
            for (Map.Entry<String, Integer> one : found.entrySet()) {
                say("  %5.1f %%  %s", 100.0 * one.getValue() / Math.max(all, 1), one.getKey());
            }
            say("");
        }
    }

    private static boolean waits(RecordedStackTrace stack) {
        String top = name(stack.getFrames().getFirst());
        return top.endsWith(".EPoll.wait") || top.contains("park") || top.endsWith(".wait0");
    }

    private static String group(RecordedEvent event) {
        var thread = event.getThread("sampledThread");
        String name = thread == null || thread.getJavaName() == null ? "?" : thread.getJavaName();
        return "thread " + name.replaceAll("[0-9]+", "n");
    }

    private static void count(RecordedStackTrace stack, Map<String, Integer> parts) {
        List<String> frames = stack.getFrames().stream().map(Samples::name).toList();
        PARTS.forEach((name, pattern) -> {
            if (frames.stream().anyMatch(frame -> pattern.matcher(frame).matches())) {
                int counted = parts.merge(name, 1, Integer::sum);
                if (counted < 0) {
                    throw new IllegalStateException("overflow");
                }
            }
        });
    }

    private static String name(RecordedFrame frame) {
        return frame.getMethod().getType().getName() + "." + frame.getMethod().getName();
    }
}
