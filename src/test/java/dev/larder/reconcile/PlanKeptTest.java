package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.catalog.Applied;
import dev.larder.catalog.CatalogStore.Application;
import dev.larder.catalog.TemplateName;
import dev.larder.model.Declaration;
import dev.larder.model.Declaration.HandOut;
import dev.larder.model.Declaration.JobLimits;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Declaration.Renewal;
import dev.larder.model.JobStatus;
import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.Bounds;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.RolloutPolicy.Strategy;
import dev.larder.model.Schedule;
import dev.larder.model.Share;
import dev.larder.model.Transition;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A plan says what the next cycle does, and nothing else (design, section 2.5): twelve hundred random presets, 120
 * to a database, a third of them in rollouts. One seed alone: {@code -Dlarder.seed=7}.
 */
class PlanKeptTest {

    private static final int DATABASES = 10;

    static LongStream seeds() {
        Long only = Long.getLong("larder.seed");
        return only == null ? LongStream.rangeClosed(1, DATABASES) : LongStream.of(only);
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void plan_equals_what_the_next_cycle_then_does_in_random_worlds(long seed) {
        try (Crank crank = new Crank(Crank.WakeUpMode.WORKING)) {
            List<UUID> presets = new World(crank, new Random(seed)).fill();
            Instant now = crank.stock.clock.instant();
            List<LinePlan> plans = await(crank.reconciler().lines(presets, now));
            Seen before = Seen.in(crank.stock);

            crank.cycle();

            assertThat(presets).as("presets of seed %d", seed).hasSize(120);
            assertThat(Seen.in(crank.stock)).as("seed %d", seed).isEqualTo(before.after(plans));
            assertThat(await(crank.reconciler().lines(presets, now)))
                    .as("second plans of seed %d", seed)
                    .filteredOn(line -> !line.isEmpty() && !onlyEnds(line))
                    .extracting(line -> Invariants.words(line) + "\n of " + Invariants.words(lineOf(line), now))
                    .isEmpty();
            assertThat(kinds(plans)).as("what seed %d plans", seed).hasSizeGreaterThan(4);
        }
    }

    private static Line lineOf(LinePlan plan) {
        return new Line(plan.members().stream().map(Planned::preset).toList());
    }

    /**
     * What was removed may have been the last of the version before, or the last of the new one that was ready. A
     * promotion that is done may leave stale stock, which a rollout of its own renews.
     */
    private static boolean onlyEnds(LinePlan line) {
        return line.effects().isEmpty()
                && line.step()
                        .filter(step -> step instanceof RolloutStep.Finish
                                || step instanceof RolloutStep.Hold
                                || step instanceof RolloutStep.Begin)
                        .isPresent();
    }

    private static Set<String> kinds(List<LinePlan> plans) {
        Set<String> kinds = new TreeSet<>();
        for (LinePlan line : plans) {
            line.step().ifPresent(step -> kinds.add(step.getClass().getSimpleName()));
            line.effects()
                    .forEach(effect -> kinds.add(effect.action().getClass().getSimpleName()));
        }
        return kinds;
    }

    /**
     * Everything a cycle may change, in words.
     *
     * @param workspaces by id, and those created under {@code new of} their preset
     * @param presets by id
     * @param rollouts by their template and preset's name
     */
    private record Seen(
            Map<String, String> workspaces, Map<String, String> presets, Map<String, String> rollouts, int told) {

        private static final String ROLLOUTS = """
                SELECT p.template_id || '/' || p.name AS id,
                       coalesce((SELECT string_agg(concat_ws(' ', r.cause, r.state, r.reason), ', ' ORDER BY r.id)
                                   FROM rollouts r WHERE r.template_id = p.template_id AND r.preset = p.name), '') AS state
                  FROM presets p""";

        private static final String WORKSPACES = """
                SELECT CASE WHEN w.name LIKE 'odd-%' THEN w.id::text ELSE 'new of ' || w.preset_id END AS id,
                       concat_ws(' ', count(*), w.transition, w.build_status, w.build_number,
                           CASE WHEN w.deleted_at IS NULL THEN 'kept' ELSE 'dropped' END, b.reason, j.status,
                           (SELECT count(*) FROM jobs a WHERE a.workspace_id = w.id), 'jobs') AS state
                  FROM workspaces w JOIN builds b ON b.id = w.build_id JOIN jobs j ON j.build_id = b.id
                 GROUP BY 1, w.transition, w.build_status, w.build_number, w.deleted_at IS NULL, b.reason, j.status,
                       (SELECT count(*) FROM jobs a WHERE a.workspace_id = w.id)""";

        private static final String PRESETS = """
                SELECT p.id::text AS id, concat_ws(' ', p.attempts, 'attempts',
                       (SELECT count(*) FROM attempts a WHERE a.preset_id = p.id), 'rows', p.status, p.status_reason) AS state
                  FROM presets p""";

        static Seen in(Stock stock) {
            return new Seen(
                    read(stock, WORKSPACES),
                    read(stock, PRESETS),
                    read(stock, ROLLOUTS),
                    stock.count("notifications WHERE kind = 'preset_hard_limited'"));
        }

        private static Map<String, String> read(Stock stock, String sql) {
            Map<String, String> read = new TreeMap<>();
            for (Row row : await(stock.pool.query(sql).execute())) {
                read.put(row.getString("id"), row.getString("state"));
            }
            return read;
        }

        /** What the plans say will be seen. */
        Seen after(List<LinePlan> plans) {
            Map<String, String> workspacesThen = new TreeMap<>(workspaces);
            Map<String, String> presetsThen = new TreeMap<>(presets);
            Map<String, String> rolloutsThen = new TreeMap<>(rollouts);
            int toldThen = told;
            for (LinePlan line : plans) {
                var identity = line.members().getFirst().preset().identity();
                line.step()
                        .ifPresent(step -> rolloutsThen.compute(
                                identity.templateId() + "/" + identity.name(),
                                (id, state) -> stepped(String.valueOf(state), step)));
                for (LinePlan.Effect effect : line.effects()) {
                    toldThen += effect.action() instanceof Action.MarkHardLimited ? 1 : 0;
                    perform(effect.action(), effect.preset().id().toString(), workspacesThen, presetsThen);
                }
            }
            return new Seen(workspacesThen, presetsThen, rolloutsThen, toldThen);
        }

        private static void perform(
                Action action, String preset, Map<String, String> workspaces, Map<String, String> presets) {
            switch (action) {
                case Action.CancelPending(var ids) ->
                    ids.forEach(
                            id -> workspaces.put(id.toString(), "1 start canceled 1 dropped prebuild canceled 1 jobs"));
                case Action.Delete(var ids, var reason) ->
                    ids.forEach(id -> workspaces.compute(
                            id.toString(), (same, state) -> deleting(String.valueOf(state), reason)));
                case Action.MarkHardLimited(var reason, var attempts) ->
                    presets.compute(preset, (id, state) -> marked(state, "hard_limited " + reason));
                case Action.MarkValidationFailed(var reason) ->
                    presets.compute(preset, (id, state) -> marked(state, "validation_failed " + reason));
                case Action.MarkHealthy() -> presets.compute(preset, (id, state) -> marked(state, "healthy"));
                case Action.Create(var count, var attempts) -> {
                    workspaces.put("new of " + preset, count + " start pending 1 kept prebuild pending 1 jobs");
                    presets.put(preset, "%1$d attempts %1$d rows healthy".formatted(attempts + 1));
                }
            }
        }

        private static String stepped(String rollouts, RolloutStep step) {
            return switch (step) {
                case RolloutStep.Begin(var cause) ->
                    (rollouts.isEmpty() ? "" : rollouts + ", ") + cause.word() + " progressing";
                case RolloutStep.PassCanary passed -> last(rollouts, "progressing");
                case RolloutStep.Hold(var code, var detail) -> last(rollouts, "held " + code);
                case RolloutStep.RollBack(var code, var detail) -> last(rollouts, "rolled_back " + code);
                case RolloutStep.Finish finished -> last(rollouts, "done");
                case RolloutStep.Supersede(var code) -> last(rollouts, "superseded " + code);
                case RolloutStep.Remind reminded -> rollouts;
            };
        }

        /** The state of the newest one. */
        private static String last(String rollouts, String state) {
            return rollouts.replaceFirst("(progressing|canary|held)[a-z_ ]*$", state);
        }

        private static String deleting(String state, DeleteReason reason) {
            int number = Integer.parseInt(state.split(" ")[3]);
            return "1 delete pending %d kept %s pending %d jobs".formatted(number + 1, reason.word(), number + 1);
        }

        private static String marked(@Nullable String state, String status) {
            return String.valueOf(state).replaceFirst("rows .*", "rows " + status);
        }
    }

    /** Presets in all the states that one can think of, and in some that one cannot. */
    private static final class World {

        private static final int TEMPLATES = 8;
        private static final int RETIRED = 4;
        private static final int PRESETS = 10;
        private static final List<String> ORGANIZATIONS = List.of(Stock.ORGANIZATION, "umbrella");

        private final Crank crank;
        private final Stock stock;
        private final Random random;

        World(Crank crank, Random random) {
            this.crank = crank;
            this.stock = crank.stock;
            this.random = random;
        }

        private <T> T any(List<T> of) {
            return of.get(random.nextInt(of.size()));
        }

        private boolean in(int times) {
            return random.nextInt(times) == 0;
        }

        List<UUID> fill() {
            stock.clock.set(Stock.NOON.plus(Duration.ofMinutes(random.nextInt(7 * 24 * 60))));
            assertThat(await(stock.access.createOrganization(ORGANIZATIONS.get(1), stock.owner.userId())))
                    .isPresent();
            for (int template = 0; template < TEMPLATES; template++) {
                declare(template, "");
            }
            fillPools();
            for (int template = 0; template < RETIRED; template++) {
                declare(template, "again");
            }
            fillPools();
            withdrawTemplates();
            leaveParametersOut();
            steer();
            pause();
            return presets();
        }

        private TemplateName name(int template) {
            return new TemplateName(stock.owner, any(ORGANIZATIONS, template), "template-" + template);
        }

        private static <T> T any(List<T> of, int index) {
            return of.get(index % of.size());
        }

        private void declare(int template, String content) {
            List<PresetDeclaration> presets = new ArrayList<>();
            for (int i = 0; i < PRESETS; i++) {
                presets.add(preset("preset-" + i));
            }
            Declaration declaration = new Declaration(
                    "exec", Map.of("start.sh", content), Map.of(), Duration.ofMinutes(10), List.of(), presets);
            TemplateName name = name(template);
            var applied = await(stock.catalog.apply(new Application(
                    stock.owner,
                    name.organization(),
                    name.template(),
                    declaration,
                    (content + template).getBytes(StandardCharsets.UTF_8),
                    true,
                    Optional.empty())));
            assertThat(applied).isInstanceOf(Applied.Done.class);
        }

        private PresetDeclaration preset(String name) {
            Optional<Duration> ttl =
                    in(3) ? Optional.of(Duration.ofMinutes(any(List.of(1, 60, 300)))) : Optional.empty();
            List<Schedule> schedules = in(3)
                    ? List.of(
                            new Schedule("* 0-7 * * *", random.nextInt(5)),
                            new Schedule("* 8-14 * * " + any(List.of("1-5", "6,0", "*")), random.nextInt(5)))
                    : List.of();
            String zone = any(List.of("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"));
            return new PresetDeclaration(
                    name,
                    Map.of(),
                    Optional.of(random.nextInt(5)),
                    ttl,
                    schedules.isEmpty() ? null : zone,
                    schedules,
                    HandOut.DEFAULT,
                    new Renewal(JobLimits.NONE, policy()));
        }

        private RolloutPolicy policy() {
            Bounds bounds = any(List.of(
                    Bounds.DEFAULT, new Bounds(Share.of(0), Share.of(1)), new Bounds(Share.of(2), Share.percent(50))));
            Optional<Canary> canary =
                    in(3) ? Optional.of(new Canary(1, false, false, Duration.ofMinutes(30))) : Optional.empty();
            return new RolloutPolicy(
                    in(3) ? Strategy.REPLACE : Strategy.ROLLING,
                    bounds,
                    canary,
                    OnFailure.HOLD,
                    !in(5),
                    in(2) ? 20 : 0,
                    Duration.ofHours(1));
        }

        /** Some rollouts are further on, or stand. */
        private void steer() {
            for (String state : List.of("paused_at = $1", "deadline_at = $1", "state = 'held', reason = 'deadline'")) {
                stock.sql(
                        "UPDATE rollouts SET " + state + " WHERE ended_at IS NULL AND $1::timestamptz IS NOT NULL"
                                + " AND preset = 'preset-' || " + random.nextInt(PRESETS),
                        Crank.utc(stock.clock.instant().minusSeconds(1)));
            }
            stock.sql(
                    "UPDATE presets SET stale_from = $1 WHERE name = 'preset-' || " + random.nextInt(PRESETS),
                    Crank.utc(ago(300)));
        }

        private List<UUID> presets() {
            List<UUID> ids = new ArrayList<>();
            for (Row row : await(stock.pool
                    .query("SELECT p.id FROM presets p JOIN templates t ON t.id = p.template_id"
                            + " JOIN template_versions v ON v.id = p.version_id ORDER BY t.name, v.number, p.ordinal")
                    .execute())) {
                ids.add(row.getUUID("id"));
            }
            return ids;
        }

        /** Those that have no prebuilds yet. */
        private void fillPools() {
            List<Crank.Odd> odds = new ArrayList<>();
            for (UUID preset : presets()) {
                if (crank.ever(preset) == 0) {
                    odds.addAll(odds(preset));
                    mark(preset);
                }
            }
            assertThat(crank.put(odds)).hasSameSizeAs(odds);
        }

        private List<Crank.Odd> odds(UUID preset) {
            boolean broken = in(6);
            List<Crank.Odd> odds = new ArrayList<>();
            for (int i = random.nextInt(7); i > 0; i--) {
                odds.add(broken ? failed(preset) : odd(preset));
            }
            odds.sort(Comparator.comparing(Crank.Odd::createdAt));
            return odds;
        }

        private Crank.Odd failed(UUID preset) {
            Instant created = ago(in(2) ? 60 : 600);
            return new Crank.Odd(
                    preset, Transition.START, JobStatus.FAILED, 1, false, created, created.plusSeconds(40));
        }

        private Crank.Odd odd(UUID preset) {
            Transition transition = in(3) ? any(List.of(Transition.values())) : Transition.START;
            JobStatus status = in(2) ? any(List.of(JobStatus.values())) : JobStatus.SUCCEEDED;
            int number = transition == Transition.START && !in(5) ? 1 : 2;
            Instant created = ago(360);
            Instant finished = created.plusSeconds(random.nextInt(120));
            return new Crank.Odd(preset, transition, status, number, !in(4), created, finished);
        }

        private Instant ago(int minutes) {
            return stock.clock.instant().minusSeconds(random.nextInt(minutes * 60));
        }

        private void mark(UUID preset) {
            if (in(4)) {
                stock.sql("UPDATE presets SET last_invalidated_at = $2 WHERE id = $1", preset, Crank.utc(ago(400)));
            }
            if (in(6)) {
                stock.sql(
                        "UPDATE presets SET status = $2, status_reason = 'so it was' WHERE id = $1",
                        preset,
                        any(List.of("hard_limited", "validation_failed")));
            }
            if (in(8)) {
                stock.sql("UPDATE presets SET failures_from = $2 WHERE id = $1", preset, Crank.utc(ago(90)));
            }
        }

        private void withdrawTemplates() {
            if (in(2)) {
                assertThat(await(stock.controls.delete(name(RETIRED - 1)))).isTrue();
            }
            if (in(2)) {
                assertThat(await(stock.controls.deprecate(name(RETIRED + 1), "old")))
                        .isTrue();
            }
        }

        /** One template wants a region, which every other of its presets gives. */
        private void leaveParametersOut() {
            String template = name(RETIRED + 2).template();
            stock.sql(
                    "INSERT INTO version_parameters (version_id, ordinal, name, type, required, mutable, sensitive)"
                            + " SELECT active_version_id, 1, 'region', 'string', true, true, false FROM templates"
                            + " WHERE name = $1",
                    template);
            stock.sql(
                    "INSERT INTO preset_parameters (preset_id, name, value) SELECT p.id, 'region', 'eu' FROM presets p"
                            + " JOIN templates t ON t.active_version_id = p.version_id"
                            + " WHERE t.name = $1 AND p.ordinal % 2 = 0",
                    template);
        }

        private void pause() {
            for (UUID preset : presets()) {
                if (in(12)) {
                    pause("presets SET %s WHERE id = '" + preset + "'");
                }
            }
            if (in(2)) {
                pause("templates SET %s WHERE name = '" + name(RETIRED + 3).template() + "'");
            }
            if (in(5)) {
                pause("organizations SET %s WHERE name = '" + ORGANIZATIONS.get(1) + "'");
            }
            if (in(8)) {
                stock.sql("UPDATE settings SET pause_scope = 'create'");
            }
        }

        private void pause(String what) {
            int minutes = random.nextInt(120) - 60;
            Instant until = stock.clock.instant().plus(Duration.ofMinutes(minutes));
            String scope = any(List.of("create", "all"));
            String set = "pause_scope = '" + scope + "', pause_until = " + (in(3) ? "NULL" : "'" + until + "'");
            stock.sql("UPDATE " + what.formatted(set));
        }
    }
}
