package dev.larder.bench;

import static dev.larder.bench.Figures.say;

import dev.larder.bench.PoolWatch.Seen;
import dev.larder.testing.Signals;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * Steady claims while the stock of a pool is replaced: by a promotion, by an invalidation, and because all of it
 * expires at one time. Once with {@code strategy: rolling}, once with {@code strategy: replace}. {@code
 * -Dbench.build-ms=1000} is how long a build takes, {@code -Dbench.instances=10} the pool's size, {@code
 * -Dbench.rate=0.5} the claims in a second, {@code -Dbench.surge=1} the surge of the rolling one. The worker has a
 * slot for each instance. A rolling replacement goes on only while the surge is more than what claims take in the time
 * of a build: otherwise claims take each new one, and the run fails.
 */
final class RolloutClaims {

    private static final int BUILD_MILLIS = Integer.getInteger("bench.build-ms", 1_000);
    private static final int INSTANCES = Integer.getInteger("bench.instances", 10);
    private static final int SURGE = Integer.getInteger("bench.surge", 1);
    private static final double RATE = Double.parseDouble(System.getProperty("bench.rate", "0.5"));

    /** The shortest that a preset may declare. */
    private static final Duration TTL = Duration.ofMinutes(1);

    private static final Duration BEFORE = Duration.ofSeconds(1);
    private static final Duration BEFORE_EXPIRY = Duration.ofMillis(200);
    private static final Duration AFTER = Duration.ofMillis(Math.max(1_000, 2L * BUILD_MILLIS));
    private static final Duration PATIENCE =
            Duration.ofSeconds(120).plus(Duration.ofMillis(4L * BUILD_MILLIS * INSTANCES));
    /** What claims keep in building: so many are never ready. */
    private static final int IN_BUILDING = (int) Math.ceil(RATE * BUILD_MILLIS / 1_000);

    private static final String ORGANIZATION = "bench";

    private final Base base;
    private final OwnerApi api;

    private RolloutClaims(Base base, OwnerApi api) {
        this.base = base;
        this.api = api;
    }

    private enum Change {
        PROMOTION,
        INVALIDATION,
        EXPIRY
    }

    static void main() throws Exception {
        Path folder = Files.createDirectories(Path.of("target", "bench", "rollout-claims"))
                .toAbsolutePath();
        Path tokenFile = folder.resolve(ProcessHandle.current().pid() + ".token");
        Map<String, String> settings = Map.of(
                "LARDER_BOOTSTRAP_TOKEN_FILE", tokenFile.toString(),
                "LARDER_BACKEND_EXEC_ENABLED", "true",
                "LARDER_BACKEND_EXEC_ROOT",
                        Files.createDirectories(folder.resolve("exec")).toString(),
                "LARDER_WORKER_SLOTS", String.valueOf(INSTANCES + 4));
        try (Base base = Base.start("rollout-claims");
                LarderServer server = LarderServer.start(base, "rollout-claims", settings)) {
            OwnerApi api = new OwnerApi(server, Files.readString(tokenFile).strip());
            new RolloutClaims(base, api).measure();
        }
    }

    private void measure() throws Exception {
        String created = api.send("POST", "organizations", "{\"name\":\"" + ORGANIZATION + "\"}");
        say("builds of %d ms, a pool of %d, a surge of %d, %.1f claims/s", BUILD_MILLIS, INSTANCES, SURGE, RATE);
        for (Change change : Change.values()) {
            say("%s", change.name().toLowerCase(Locale.ROOT));
            measure(change, "rolling", "{\"strategy\":\"rolling\",\"maxSurge\":" + SURGE + "}");
            measure(change, "replace", "{\"strategy\":\"replace\"}");
        }
    }

    private void measure(Change change, String strategy, String rollout) throws Exception {
        String template = (strategy + "-" + change).toLowerCase(Locale.ROOT);
        declare(template, 1, rollout, change == Change.EXPIRY);
        awaitFull(template);
        OffsetDateTime full = now();
        try (PoolWatch watch = new PoolWatch(base, template, INSTANCES)) {
            if (change == Change.EXPIRY) {
                // Earlier claims would renew the stock one by one, so that hardly any of it would expire.
                watchUntil(watch, full, firstCreated(template).plus(TTL).minus(BEFORE_EXPIRY));
            }
            try (SteadyClaims claims = new SteadyClaims(api, claim(template), RATE)) {
                Duration took = replaced(watch, template, change, rollout, full);
                tell(strategy, claims.end(), took, watch);
            }
        }
        // Its workspaces take no slots from those of the next one.
        String deleted = api.send("DELETE", "organizations/" + ORGANIZATION + "/templates/" + template, "");
    }

    private static void tell(String strategy, SteadyClaims.Outcome claims, Duration took, PoolWatch watch) {
        say(
                "  %-8s %4d claims, %3d misses, longest gap %4.1f s; replaced in %5.1f s; %5.1f workspace-seconds extra, at most %d at once",
                strategy,
                claims.claims(),
                claims.misses(),
                claims.longestGap().toMillis() / 1e3,
                took.toMillis() / 1e3,
                watch.extraSeconds(),
                watch.mostLive());
    }

    /** How long it took until nothing of the former stock was left and a whole pool of new ones had become ready. */
    private Duration replaced(PoolWatch watch, String template, Change change, String rollout, OffsetDateTime full)
            throws IOException, InterruptedException {
        if (change != Change.EXPIRY) {
            watchUntil(watch, full, now().plus(BEFORE));
        }
        OffsetDateTime formerUntil = change == Change.EXPIRY ? full : now();
        switch (change) {
            case PROMOTION -> declare(template, 2, rollout, false);
            case INVALIDATION -> {
                String invalidated = api.send(
                        "POST",
                        "organizations/" + ORGANIZATION + "/templates/" + template + "/presets/small/invalidate",
                        "");
            }
            case EXPIRY -> {}
        }
        OffsetDateTime until = now().plus(PATIENCE);
        Seen seen = watch.look(formerUntil);
        while (seen.former() > 0 || seen.renewed() < INSTANCES - IN_BUILDING || seen.rollouts() > 0) {
            if (now().isAfter(until)) {
                throw new IllegalStateException("not replaced within " + PATIENCE + ": " + seen);
            }
            seen = watch.look(formerUntil);
        }
        OffsetDateTime done = now();
        watchUntil(watch, formerUntil, done.plus(AFTER));
        return Duration.between(
                change == Change.EXPIRY ? Objects.requireNonNull(seen.renewedFrom()) : formerUntil, done);
    }

    private static void watchUntil(PoolWatch watch, OffsetDateTime formerUntil, OffsetDateTime until) {
        while (now().isBefore(until)) {
            var seen = watch.look(formerUntil);
        }
    }

    private static OffsetDateTime now() {
        return OffsetDateTime.now(ZoneOffset.UTC);
    }

    private OffsetDateTime firstCreated(String template) {
        return base.rows("""
                        SELECT min(w.created_at) FROM workspaces w JOIN templates t ON t.id = w.template_id
                         WHERE t.name = $1""", template).iterator().next().getOffsetDateTime(0);
    }

    private void declare(String template, int version, String rollout, boolean expires)
            throws IOException, InterruptedException {
        String declared = api.send("PUT", "organizations/" + ORGANIZATION + "/templates/" + template, """
                {"backend": "exec",
                 "files": {"start.sh": "#!/bin/sh\\nsleep %d.%03d\\nprintf '{\\"version\\":\\"%d\\"}' > $LARDER_OUTPUTS\\n"},
                 "presets": [{"name": "small", "prebuilds": {"instances": %d, %s "rollout": %s}}]}""".formatted(
                        BUILD_MILLIS / 1_000,
                        BUILD_MILLIS % 1_000,
                        version,
                        INSTANCES,
                        expires ? "\"ttl\": \"" + TTL + "\"," : "",
                        rollout));
    }

    private static String claim(String template) {
        return """
                {"organization":"%s","template":"%s","preset":"small","policy":"fail"}""".formatted(ORGANIZATION, template);
    }

    private void awaitFull(String template) {
        OffsetDateTime until = now().plus(PATIENCE);
        String ready = """
                SELECT count(*) FROM workspaces w JOIN templates t ON t.id = w.template_id
                 WHERE t.name = $1 AND w.ready_at IS NOT NULL""";
        while (base.number(ready, template) < INSTANCES) {
            if (now().isAfter(until)) {
                throw new IllegalStateException("no stock of " + template + " within " + PATIENCE);
            }
            Signals.pause(Duration.ofMillis(20));
        }
    }
}
