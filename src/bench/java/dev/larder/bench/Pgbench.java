package dev.larder.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Runs a script by pgbench, prepared, as fast as it goes. */
final class Pgbench {

    private static final Pattern RATE = Pattern.compile("(?m)^tps = ([0-9.]+)");
    private static final Pattern DONE = Pattern.compile("(?m)^number of transactions actually processed: ([0-9]+)");

    private final Base base;
    private final Path folder;
    private final Map<String, String> variables;

    Pgbench(Base base, Map<String, String> variables) {
        this.base = base;
        this.folder = Path.of("target", "bench").toAbsolutePath();
        this.variables = variables;
    }

    Map<String, String> variables() {
        return variables;
    }

    /** @param nanos of each transaction, where they were asked for */
    record Outcome(double perSecond, long transactions, long[] nanos) {}

    /** The version that is installed; empty where none is. */
    static String version() {
        try {
            Process process = new ProcessBuilder("pgbench", "--version")
                    .redirectErrorStream(true)
                    .start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.onExit().join().exitValue() == 0 ? said : "";
        } catch (IOException none) {
            return "";
        }
    }

    Outcome run(String script, int clients, Duration length, boolean each) {
        try {
            Path file = Files.writeString(folder.resolve("pgbench.sql"), script);
            Path logs = folder.resolve("pgbench-log");
            List<String> command = new ArrayList<>(List.of(
                    "pgbench",
                    "--no-vacuum",
                    "--host=" + base.server().host(),
                    "--port=" + base.server().port(),
                    "--username=" + base.server().user(),
                    "--client=" + clients,
                    "--jobs=" + Math.min(clients, 2),
                    "--protocol=prepared",
                    "--time=" + length.toSeconds(),
                    "--file=" + file));
            variables.forEach((name, value) -> command.add("--define=" + name + "=" + value));
            if (each) {
                command.addAll(List.of("--log", "--log-prefix=" + logs));
            }
            command.add(Base.DATABASE);
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            builder.environment().put("PGPASSWORD", base.server().password());
            Process process = builder.start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.onExit().join().exitValue() != 0) {
                throw new IllegalStateException("pgbench failed: " + said);
            }
            return new Outcome(
                    Double.parseDouble(found(RATE, said)),
                    Long.parseLong(found(DONE, said)),
                    each ? nanos() : new long[0]);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static String found(Pattern pattern, String said) {
        Matcher matcher = pattern.matcher(said);
        if (!matcher.find()) {
            throw new IllegalStateException("pgbench said: " + said);
        }
        return matcher.group(1);
    }

    /** From the log: the third word of a line is the transaction's time in microseconds. */
    private long[] nanos() throws IOException {
        List<Long> nanos = new ArrayList<>();
        try (DirectoryStream<Path> logs = Files.newDirectoryStream(folder, "pgbench-log.*")) {
            for (Path log : logs) {
                for (String line : Files.readAllLines(log)) {
                    nanos.add(Long.parseLong(line.split(" ", 4)[2]) * 1_000);
                }
                Files.delete(log);
            }
        }
        return nanos.stream().mapToLong(Long::longValue).toArray();
    }
}
