package dev.larder.launch;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * {@code ./mvnw -B -ntp -q -Prun -Drun.main=dev.larder.launch.Guides}: runs the guides of {@code
 * src/docs/guides} against the packaged application with the demo catalog, as a reader finds them after the
 * main command. Fails where a block of a guide fails or prints something else than the guide says.
 */
public final class Guides {

    private Guides() {}

    public static void main(String[] arguments) throws Exception {
        Path checkout =
                Path.of(System.getProperty("larder.launch.checkout", ".")).toAbsolutePath();
        String folders = checkout.resolve("target/guides").toString();
        try (Trial trial = Trial.start("guides", Map.of("LARDER_BACKEND_EXEC_ROOT", folders))) {
            new Demo(trial.owner()).apply(checkout.resolve("src/docs/examples"), false);
            long begun = System.nanoTime();
            if (run(checkout, trial) != 0) {
                throw new IllegalStateException("guides failed; src/docs/guides/README.md says how one is run");
            }
            Duration took = Duration.ofNanos(System.nanoTime() - begun);
            System.out.println("guides: passed in " + took.toSeconds() + " s");
        }
    }

    private static int run(Path checkout, Trial trial) throws IOException, InterruptedException {
        ProcessBuilder guides = new ProcessBuilder(
                        checkout.resolve("src/docs/guides/run").toString())
                .directory(checkout.toFile())
                .inheritIO();
        Map<String, String> environment = guides.environment();
        environment.put("JAVA_HOME", System.getProperty("java.home"));
        environment.put("PATH", checkout.resolve("src/main/bin") + File.pathSeparator + System.getenv("PATH"));
        environment.put("LARDER_URL", trial.url());
        environment.put("LARDER_TOKEN", Trial.ownerToken());
        return guides.start().waitFor();
    }
}
