package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;
import static dev.larder.history.ValidHistories.MILLI;
import static dev.larder.history.ValidHistories.SECOND;

import dev.larder.history.History.Built;
import dev.larder.history.History.Reached;
import dev.larder.history.History.Sample;
import dev.larder.history.Request.ClaimBody;
import dev.larder.history.Response.Seen;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Random histories of one line whose versions are changed, under claims, that keep every promise: promotions with and
 * without a canary, invalidations, rollbacks. Servers read their clock before they act, answers are lost, and samples
 * see what happened some time after.
 */
final class ValidRollouts {

    static final String LINE = "one";
    static final int WANTED = 4;
    static final int SURGE = 1;
    static final int CANARIES = 1;

    /** More than anything is uncertain of. */
    static final long SLACK = 50 * MILLI;

    private static final long TOLERANCE = 5 * MILLI;
    private static final UUID OWNER = new UUID(0, 1);

    private final Random random;
    private final List<UUID> users = List.of(new UUID(0, 2), new UUID(0, 3));
    private final List<Version> versions = new ArrayList<>();
    private final List<Version> befores = new ArrayList<>();
    private final List<Stocked> stock = new ArrayList<>();
    private final List<Operation> operations = new ArrayList<>();
    private final List<Built> built = new ArrayList<>();
    private final List<Sample> samples = new ArrayList<>();
    private final List<Reached> reached = new ArrayList<>();
    private final List<FinalState.Claim> claims = new ArrayList<>();
    private final List<FinalState.Workspace> workspaces = new ArrayList<>();
    private final List<FinalState.Removal> removals = new ArrayList<>();
    private final List<Open> rollouts = new ArrayList<>();
    private Version target;

    @Nullable
    private Open open;

    private long now;
    private int keys;

    private static final class Version {
        final UUID preset;
        final int number;
        final boolean tried;
        long stale = Long.MIN_VALUE;
        long invalidated = Long.MIN_VALUE;

        Version(UUID preset, int number, boolean tried) {
            this.preset = preset;
            this.number = number;
            this.tried = tried;
        }
    }

    private record Stocked(UUID workspace, Version version, long created, long ready) {

        boolean isStale() {
            return created < version.stale;
        }

        boolean expired() {
            return created < version.invalidated;
        }
    }

    /** A rollout. */
    private static final class Open {
        final UUID id;
        final @Nullable Version from;
        final Version to;
        final String cause;
        final List<FinalState.Step> steps = new ArrayList<>();

        Open(UUID id, @Nullable Version from, Version to, String cause) {
            this.id = id;
            this.from = from;
            this.to = to;
            this.cause = cause;
        }

        String state() {
            return steps.getLast().state();
        }

        boolean isTried() {
            return state().equals("canary");
        }

        FinalState.Rollout kept() {
            boolean over = Stream.of("done", "rolled_back", "superseded").anyMatch(state()::equals);
            return new FinalState.Rollout(
                    id,
                    LINE,
                    cause,
                    from == null ? null : from.preset,
                    to.preset,
                    steps.getFirst().at(),
                    over ? steps.getLast().at() : NEVER,
                    steps);
        }
    }

    private ValidRollouts(long seed) {
        this.random = new Random(seed);
        this.target = new Version(id(), 1, false);
        versions.add(target);
    }

    /** The same for the same seed. */
    static History of(long seed, int changes) {
        return new ValidRollouts(seed).run(changes);
    }

    private History run(int changes) {
        now = SECOND;
        turns(20);
        for (int change = 0; change < changes; change++) {
            change();
            turns(random.nextInt(60));
        }
        while (open != null || !isFull()) {
            turns(1);
        }
        return new History(
                List.copyOf(operations),
                List.copyOf(built),
                List.copyOf(samples),
                List.copyOf(reached),
                finalState(),
                now,
                TOLERANCE);
    }

    private UUID id() {
        return new UUID(random.nextLong(), random.nextLong());
    }

    private long upTo(long millis) {
        return (long) (random.nextDouble() * millis * MILLI) + 1;
    }

    private boolean isFull() {
        return stock.size() == WANTED && stock.stream().allMatch(one -> one.version == target && one.ready < now);
    }

    private void turns(int count) {
        for (int turn = 0; turn < count; turn++) {
            now += upTo(60);
            if (random.nextInt(3) == 0) {
                claim();
            }
            reconcile();
            samples.add(new Sample(target.preset, stock.size(), now));
        }
    }

    // What an operator does.

    private void change() {
        switch (random.nextInt(8)) {
            case 0 -> {
                invalidate(false);
                begin(null, target, "invalidation", "progressing", read());
            }
            case 1 -> invalidate(true);
            case 2, 3 -> rollBack();
            default -> promote();
        }
    }

    /** What a server read from its clock before its statement. */
    private long read() {
        return now - upTo(3);
    }

    private void administer(Request request, Response answer) {
        boolean lost = random.nextInt(10) == 0;
        operations.add(new Operation(
                -1,
                OWNER,
                request,
                lost ? new Response.Unknown("broken") : answer,
                now - 3 * MILLI - upTo(5),
                now + upTo(5)));
    }

    private void promote() {
        Version next = new Version(id(), versions.size() + 1, random.nextBoolean());
        long at = read();
        administer(new Request.Declare("version " + next.number), new Response.Done());
        Version from = target;
        boolean wasTried = open != null && open.isTried();
        end("superseded", at);
        if (!wasTried) {
            befores.addFirst(target);
        } else {
            from = befores.getFirst();
        }
        versions.add(next);
        target = next;
        begin(from, next, "promotion", next.tried ? "canary" : "progressing", at);
    }

    private void invalidate(boolean immediately) {
        long at = read();
        administer(new Request.Invalidate(target.preset, immediately), new Response.Done());
        for (Version one : Stream.concat(Stream.of(target), befores.stream()).toList()) {
            if (immediately) {
                one.invalidated = at;
            } else {
                one.stale = at;
            }
        }
    }

    private void rollBack() {
        Open found = open;
        if (found == null || found.from == null) {
            rollouts.stream()
                    .filter(one -> one != found && one.from != null)
                    .findFirst()
                    .ifPresent(one ->
                            administer(new Request.RollBack(one.id), new Response.Refused(409, "rollout_ended")));
            return;
        }
        long at = read();
        administer(new Request.RollBack(found.id), new Response.Done());
        end("rolled_back", at);
        target = found.from;
        befores.remove(target);
        if (!befores.isEmpty()) {
            begin(befores.getFirst(), target, "promotion", "progressing", at);
        }
    }

    // What servers do.

    private void begin(@Nullable Version from, Version to, String cause, String state, long at) {
        if (open == null) {
            open = new Open(id(), from, to, cause);
            rollouts.add(open);
            step(state, at);
        }
    }

    private void step(String state, long at) {
        if (open != null) {
            open.steps.add(new FinalState.Step(state, at));
            // Not every step is seen.
            if (random.nextInt(10) > 0) {
                reached.add(new Reached(open.id, state, now - upTo(20), now + upTo(20)));
            }
        }
    }

    private void end(String state, long at) {
        step(state, at);
        open = null;
    }

    private Stream<Stocked> stockOf(Version version) {
        return stock.stream().filter(one -> one.version == version);
    }

    private boolean isOld(Stocked one) {
        return one.version != target || (one.isStale() && open != null && open.from == null);
    }

    private void reconcile() {
        boolean tried = open != null && open.isTried();
        for (Stocked one : List.copyOf(stock)) {
            boolean member = one.version == target || (open != null && befores.contains(one.version));
            if (!member || one.expired()) {
                remove(one, member ? "expired" : "inactive");
            }
        }
        if (tried) {
            if (stockOf(target).anyMatch(one -> one.ready < now)) {
                step("progressing", read());
            }
        } else {
            replace();
        }
        build();
        if (open != null
                && !open.isTried()
                && stock.stream().noneMatch(this::isOld)
                && stockOf(target).findAny().isPresent()) {
            end("done", read());
            befores.clear();
        }
    }

    private void replace() {
        long ready = stock.stream().filter(one -> one.ready < now).count();
        stock.stream()
                .filter(this::isOld)
                .min(Comparator.comparingLong(Stocked::created))
                .filter(one -> ready > WANTED || one.ready >= now)
                .ifPresent(one -> remove(one, "replaced"));
    }

    private void remove(Stocked one, String reason) {
        stock.remove(one);
        removals.add(new FinalState.Removal(one.workspace, true, reason, now - upTo(3)));
    }

    private void build() {
        boolean tried = open != null && open.isTried();
        if (tried) {
            build(target, CANARIES - (int) stockOf(target).count());
            Version before = befores.getFirst();
            build(
                    before,
                    WANTED
                            - (int) stock.stream()
                                    .filter(one -> one.version != target)
                                    .count());
        } else {
            int fresh = (int) stock.stream().filter(one -> !isOld(one)).count();
            build(target, Math.min(WANTED - fresh, WANTED + SURGE - stock.size()));
        }
    }

    private void build(Version version, int count) {
        for (int one = 0; one < count; one++) {
            Stocked begun = new Stocked(id(), version, now, now + 20 * MILLI + upTo(200));
            stock.add(begun);
            built.add(new Built(begun.workspace, begun.ready - upTo(20), begun.ready + upTo(20)));
            workspaces.add(new FinalState.Workspace(begun.workspace, version.preset, OWNER, true, now, false));
        }
    }

    // What clients do.

    private void claim() {
        keys++;
        boolean byId = random.nextInt(3) == 0;
        Version asked = versions.get(Math.max(versions.size() - 1 - random.nextInt(3), 0));
        String name = byId ? asked.preset.toString() : LINE;
        UUID user = users.get(random.nextInt(users.size()));
        Request.Claim request = new Request.Claim("k" + keys, ClaimBody.one(name, "fail"));
        boolean lost = random.nextInt(15) == 0;
        long at = read();
        long sent = at - upTo(5);
        Response answer = take(user, request.key(), at, byId ? asked : target);
        operations.add(
                new Operation(0, user, request, lost ? new Response.Unknown("broken") : answer, sent, now + upTo(10)));
    }

    private Response take(UUID user, @Nullable String key, long at, Version asked) {
        boolean tried = open != null && open.isTried();
        List<Version> line = new ArrayList<>(open == null ? List.of() : befores);
        if (!tried) {
            line.addFirst(target);
        }
        boolean member = asked == target || line.contains(asked);
        if (!member) {
            return new Response.Refused(409, "preset_not_active");
        }
        return line.stream()
                .flatMap(this::stockOf)
                .filter(one -> one.ready < now && !one.expired())
                .findFirst()
                .map(one -> give(user, key, at, one))
                .orElseGet(() -> new Response.Refused(409, "no_claimable_workspace"));
    }

    private Response give(UUID user, @Nullable String key, long at, Stocked one) {
        stock.remove(one);
        UUID claim = id();
        claims.add(new FinalState.Claim(
                claim, user, one.workspace, one.version.preset, "warm", key, at, at, 2, NEVER, NEVER, NEVER, ""));
        return new Response.Shown(
                List.of(new Seen(claim, "active", "warm", one.workspace, "ready", one.workspace, 2, NEVER)), false);
    }

    private FinalState finalState() {
        return new FinalState(
                versions.stream().map(this::kept).toList(),
                List.copyOf(claims),
                workspaces.stream().map(this::kept).toList(),
                List.copyOf(removals),
                rollouts.stream().map(Open::kept).toList());
    }

    private FinalState.Preset kept(Version version) {
        return new FinalState.Preset(
                version.preset,
                LINE,
                WANTED,
                SURGE + (version.tried ? CANARIES : 0),
                NEVER,
                version.number,
                version == target,
                "");
    }

    private FinalState.Workspace kept(FinalState.Workspace workspace) {
        boolean stocked = stock.stream().anyMatch(one -> one.workspace.equals(workspace.id()));
        return new FinalState.Workspace(
                workspace.id(), workspace.preset(), workspace.owner(), true, workspace.created(), stocked);
    }
}
