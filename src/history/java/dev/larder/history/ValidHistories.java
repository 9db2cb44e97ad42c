package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;

import dev.larder.history.History.Built;
import dev.larder.history.History.Sample;
import dev.larder.history.Request.ClaimBody;
import dev.larder.history.Response.Seen;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Random histories that keep every promise: a model of Larder in a few maps, with overlapping requests, lost responses
 * and servers that read their clock before they act.
 */
final class ValidHistories {

    static final long MILLI = 1_000_000;
    static final long SECOND = 1_000 * MILLI;

    /** Everything that is wanted is ready, and nobody has called yet. */
    static final long QUIET = SECOND;

    private static final long TOLERANCE = 5 * MILLI;
    private static final long TTL = 60 * SECOND;
    private static final int CLIENTS = 4;
    private static final int USERS = 2;

    private final Random random;
    private final PriorityQueue<Pending> pending = new PriorityQueue<>(Comparator.comparingLong(Pending::acts));
    private final List<Preset> presets = new ArrayList<>();
    private final List<UUID> users = new ArrayList<>();
    private final Map<UUID, Made> claims = new LinkedHashMap<>();
    private final Map<String, List<Made>> byKey = new HashMap<>();
    private final Map<UUID, FinalState.Workspace> workspaces = new LinkedHashMap<>();
    private final List<Request.Claim> asked = new ArrayList<>();
    private final List<Operation> operations = new ArrayList<>();
    private final List<Built> built = new ArrayList<>();
    private final List<Sample> samples = new ArrayList<>();
    private final List<FinalState.Removal> removals = new ArrayList<>();
    private int keys;

    private ValidHistories(long seed) {
        this.random = new Random(seed);
    }

    /** A call under way. */
    private record Pending(int client, UUID user, Request request, long sent, long acts) {}

    private static final class Preset {
        final UUID id;
        final String name;
        final int instances;
        final long buildMillis;
        final long ttl;
        final List<Stocked> stock = new ArrayList<>();
        long invalidated = Long.MIN_VALUE;

        Preset(UUID id, String name, int instances, long buildMillis, long ttl) {
            this.id = id;
            this.name = name;
            this.instances = instances;
            this.buildMillis = buildMillis;
            this.ttl = ttl;
        }

        boolean fresh(Stocked one, long at) {
            return one.created >= invalidated && (ttl == NEVER || one.created + ttl >= at);
        }

        List<Stocked> claimable(long read, long now) {
            return stock.stream()
                    .filter(one -> one.ready <= now && fresh(one, read))
                    .toList();
        }
    }

    private record Stocked(UUID workspace, long created, long ready) {}

    /** A claim. */
    private static final class Made {
        final UUID id;
        final UUID user;
        final Request.Claim call;
        final Preset preset;
        final long created;
        String path;

        @Nullable
        UUID workspace;

        long granted = NEVER;
        int generation;
        long waitsUntil = NEVER;
        long expires = NEVER;
        long ended = NEVER;
        String reason = "";

        Made(UUID id, UUID user, Request.Claim call, String path, Preset preset, long created) {
            this.id = id;
            this.user = user;
            this.call = call;
            this.path = path;
            this.preset = preset;
            this.created = created;
        }

        boolean waits() {
            return workspace == null && ended == NEVER;
        }

        boolean active() {
            return workspace != null && ended == NEVER;
        }

        void grant(UUID given, int version, long at) {
            workspace = given;
            granted = at;
            generation = version;
            int ttl = call.body().ttlSeconds();
            expires = ttl == 0 ? NEVER : at + ttl * SECOND;
        }

        void end(String why, long at) {
            ended = at;
            reason = why;
        }
    }

    /** The same for the same seed. */
    static History of(long seed, int calls) {
        return new ValidHistories(seed).run(calls);
    }

    private History run(int calls) {
        presets.add(new Preset(id(), "p0", 40, 400, NEVER));
        presets.add(new Preset(id(), "p1", 40, 400, TTL));
        presets.add(new Preset(id(), "scarce", 2, 8_000, NEVER));
        for (int number = 0; number < USERS; number++) {
            users.add(id());
        }
        long now = 0;
        work(now);
        for (int client = -1; client < CLIENTS; client++) {
            begin(client, QUIET + 100 * MILLI);
        }
        for (int call = 0; call < calls; call++) {
            Pending next = pending.remove();
            now = next.acts();
            work(now);
            end(next);
        }
        return new History(
                List.copyOf(operations),
                List.copyOf(built),
                List.copyOf(samples),
                List.of(),
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

    /** Client -1 is an administrator who invalidates now and then. */
    private void begin(int client, long after) {
        long called = after + (client < 0 ? upTo(15_000) : upTo(300));
        UUID user = users.get(Math.floorMod(client, USERS));
        pending.add(new Pending(client, user, client < 0 ? invalidation() : call(), called, called + upTo(20)));
    }

    private Request invalidation() {
        return new Request.Invalidate(presets.get(random.nextInt(presets.size())).id, true);
    }

    private Request call() {
        List<Made> made = List.copyOf(claims.values());
        int chance = random.nextInt(100);
        if (chance < 40 || made.isEmpty()) {
            keys++;
            ClaimBody body = claimBody();
            boolean withKey = body.count() > 1 || random.nextInt(10) > 0;
            Request.Claim claim = new Request.Claim(withKey ? "k" + keys : null, body);
            asked.add(claim);
            return claim;
        }
        Request.Claim earlier = asked.get(random.nextInt(asked.size()));
        if (chance < 52 && earlier.key() != null) {
            return earlier;
        }
        if (chance < 60 && earlier.key() != null) {
            return new Request.Claim(earlier.key(), claimBody());
        }
        // Mostly one of the newest, since many of the others have ended.
        int oldest = random.nextBoolean() ? Math.max(0, made.size() - 10) : 0;
        Made claim = made.get(oldest + random.nextInt(made.size() - oldest));
        @Nullable Integer generation = random.nextInt(4) > 0 ? null : (Integer) (1 + random.nextInt(2));
        if (chance < 78) {
            return new Request.Read(claim.id);
        }
        return chance < 90
                ? new Request.Renew(claim.id, 1 + random.nextInt(5), generation)
                : new Request.Release(claim.id, generation);
    }

    private ClaimBody claimBody() {
        String preset = presets.get(random.nextInt(presets.size())).name;
        int ttl = random.nextBoolean() ? 0 : 1 + random.nextInt(5);
        return switch (random.nextInt(8)) {
            case 0 -> new ClaimBody(List.of(preset), "cold", 1, 1, ttl, 0);
            case 1 -> new ClaimBody(List.of(preset), "fail", 3, 1 + random.nextInt(3), ttl, 0);
            case 2 -> new ClaimBody(List.of("scarce", preset), "fail", 1, 1, ttl, 0);
            case 3, 4 -> new ClaimBody(List.of("scarce"), "wait", 1, 1, ttl, 1 + random.nextInt(3));
            case 5 -> new ClaimBody(List.of("scarce"), "wait_then_cold", 1, 1, ttl, 1 + random.nextInt(3));
            default -> new ClaimBody(List.of(preset), "fail", 1, 1, ttl, 0);
        };
    }

    private void end(Pending call) {
        boolean unanswered = random.nextInt(20) == 0;
        Response answer =
                unanswered && random.nextBoolean() ? new Response.Unknown("never arrived") : perform(call, call.acts());
        // Who hears nothing may give up before or after it is done.
        long answered = unanswered ? call.sent() + upTo(40) : call.acts() + upTo(20);
        operations.add(new Operation(
                call.client(),
                call.user(),
                call.request(),
                unanswered ? new Response.Unknown("broken") : answer,
                call.sent(),
                answered));
        begin(call.client(), answered);
    }

    private Response perform(Pending call, long now) {
        // The server's clock was read some time before the statement ran.
        long read = call.sent() + (long) (random.nextDouble() * (now - call.sent()));
        return switch (call.request()) {
            case Request.Claim claim -> claim(call.user(), claim, read, now);
            case Request.Read(var claim) ->
                own(claim, call.user()).map(made -> shown(List.of(made), false)).orElse(stranger());
            case Request.Renew renew ->
                own(renew.claim(), call.user())
                        .map(made -> renew(made, renew, read))
                        .orElse(stranger());
            case Request.Release release ->
                own(release.claim(), call.user())
                        .map(made -> release(made, release.generation(), read))
                        .orElse(stranger());
            case Request.Invalidate(var preset, var immediately) -> {
                presets.stream()
                        .filter(one -> one.id.equals(preset))
                        .forEach(one -> one.invalidated = Math.max(one.invalidated, read));
                yield new Response.Done();
            }
            case Request.Declare declare -> new Response.Done();
            case Request.RollBack rollBack -> new Response.Done();
        };
    }

    private Optional<Made> own(UUID claim, UUID user) {
        return Optional.ofNullable(claims.get(claim)).filter(made -> made.user.equals(user));
    }

    private static Response stranger() {
        return new Response.Refused(404, "claim_not_found");
    }

    private static Response shown(List<Made> claims, boolean replayed) {
        return new Response.Shown(claims.stream().map(ValidHistories::seen).toList(), replayed);
    }

    private static Seen seen(Made claim) {
        return new Seen(
                claim.id,
                claim.waits() ? "waiting" : claim.active() ? "active" : claim.reason,
                claim.path,
                claim.workspace,
                claim.workspace == null ? "" : claim.active() ? "ready" : "delete_pending",
                claim.active() ? claim.workspace : null,
                claim.workspace == null ? null : (Integer) claim.generation,
                claim.expires);
    }

    private Response claim(UUID user, Request.Claim call, long read, long now) {
        List<Made> earlier = call.key() == null ? List.of() : byKey.getOrDefault(user + call.key(), List.of());
        if (!earlier.isEmpty()) {
            return replay(call, earlier);
        }
        ClaimBody body = call.body();
        for (String name : body.presets()) {
            List<Made> made = take(user, call, preset(name), read, now);
            if (!made.isEmpty()) {
                return keep(call, made);
            }
        }
        Preset home = preset(body.presets().getFirst());
        if (body.policy().equals("cold")) {
            return keep(call, List.of(cold(new Made(id(), user, call, "cold", home, read), read)));
        }
        if (body.waits()) {
            Made waiting = new Made(id(), user, call, "waited", home, read);
            waiting.waitsUntil = read + body.timeoutSeconds() * SECOND;
            return keep(call, List.of(waiting));
        }
        return none();
    }

    private static Response none() {
        return new Response.Refused(409, "no_claimable_workspace");
    }

    private static Response replay(Request.Claim call, List<Made> earlier) {
        Made first = earlier.getFirst();
        if (!first.call.equals(call)) {
            return new Response.Refused(422, "idempotency_key_reused");
        }
        return switch (first.workspace == null ? first.reason : "") {
            case "timed_out" -> none();
            case "canceled" -> new Response.Refused(409, "claim_ended");
            default -> shown(earlier, true);
        };
    }

    private Preset preset(String name) {
        return presets.stream().filter(one -> one.name.equals(name)).findFirst().orElseThrow();
    }

    private Response keep(Request.Claim call, List<Made> made) {
        for (Made one : made) {
            claims.put(one.id, one);
        }
        if (call.key() != null) {
            byKey.put(made.getFirst().user + call.key(), made);
        }
        return shown(made, false);
    }

    private List<Made> take(UUID user, Request.Claim call, Preset preset, long read, long now) {
        boolean othersWait = claims.values().stream().anyMatch(made -> made.waits() && made.preset.equals(preset));
        List<Stocked> claimable = othersWait ? List.of() : preset.claimable(read, now);
        List<Made> made = new ArrayList<>();
        if (claimable.size() >= call.body().atLeast()) {
            for (Stocked one : claimable.subList(0, Math.min(call.body().count(), claimable.size()))) {
                preset.stock.remove(one);
                Made claim = new Made(id(), user, call, "warm", preset, read);
                claim.grant(one.workspace(), 2, read);
                made.add(claim);
            }
        }
        return made;
    }

    private Made cold(Made claim, long at) {
        UUID workspace = id();
        workspaces.put(workspace, new FinalState.Workspace(workspace, claim.preset.id, claim.user, false, at, false));
        claim.path = "cold";
        claim.grant(workspace, 1, at);
        return claim;
    }

    private Response renew(Made claim, Request.Renew renew, long read) {
        Integer generation = renew.generation();
        if (generation != null && generation != claim.generation) {
            return new Response.Refused(412, "generation_mismatch");
        }
        if (!claim.active() || claim.expires <= read) {
            return new Response.Refused(409, "claim_ended");
        }
        claim.expires = read + renew.ttlSeconds() * SECOND;
        return shown(List.of(claim), false);
    }

    private Response release(Made claim, @Nullable Integer generation, long read) {
        if (generation != null && generation != claim.generation) {
            return new Response.Refused(412, "generation_mismatch");
        }
        if (claim.waits()) {
            claim.end("canceled", Math.max(read, claim.created));
        } else if (claim.active()) {
            claim.end("released", Math.max(read, claim.granted));
            removals.add(new FinalState.Removal(workspace(claim), false, "released", read));
        }
        return new Response.Done();
    }

    private static UUID workspace(Made claim) {
        if (claim.workspace == null) {
            throw new IllegalStateException("waits");
        }
        return claim.workspace;
    }

    /** All that nobody asks for. */
    private void work(long now) {
        for (Made claim : claims.values()) {
            if (claim.active() && claim.path.equals("cold") && random.nextInt(200) == 0) {
                claim.end("build_failed", now);
                removals.add(new FinalState.Removal(workspace(claim), false, "released", now));
            } else if (claim.active() && claim.expires <= now) {
                claim.end("expired", now);
                removals.add(new FinalState.Removal(workspace(claim), false, "released", now));
            } else if (claim.waits() && claim.waitsUntil <= now) {
                if (claim.call.body().policy().equals("wait_then_cold")) {
                    var begun = cold(claim, now);
                } else {
                    claim.end("timed_out", now);
                }
            }
        }
        presets.forEach(preset -> reconcile(preset, now));
    }

    private void reconcile(Preset preset, long now) {
        for (Stocked one : List.copyOf(preset.stock)) {
            if (one.ready <= now && !preset.fresh(one, now)) {
                preset.stock.remove(one);
                removals.add(new FinalState.Removal(one.workspace(), true, "expired", now - upTo(3)));
            }
        }
        serve(preset, now);
        long fresh = preset.stock.stream().filter(one -> preset.fresh(one, now)).count();
        for (long held = fresh; held < preset.instances; held++) {
            Stocked one = new Stocked(id(), now, now + upTo(preset.buildMillis));
            preset.stock.add(one);
            built.add(new Built(one.workspace(), one.ready() - upTo(2), one.ready() + upTo(2)));
            workspaces.put(
                    one.workspace(),
                    new FinalState.Workspace(one.workspace(), preset.id, users.get(0), true, now, false));
        }
        samples.add(new Sample(preset.id, preset.instances - random.nextInt(2), now));
    }

    private void serve(Preset preset, long now) {
        for (Made claim : claims.values()) {
            List<Stocked> claimable = preset.claimable(now, now);
            if (claim.waits() && claim.preset.equals(preset) && !claimable.isEmpty()) {
                Stocked oldest = claimable.getFirst();
                preset.stock.remove(oldest);
                claim.grant(oldest.workspace(), 2, now);
            }
        }
    }

    private FinalState finalState() {
        List<FinalState.Preset> declared = presets.stream()
                .map(preset ->
                        new FinalState.Preset(preset.id, preset.name, preset.instances, 0, preset.ttl, 1, true, ""))
                .toList();
        return new FinalState(
                declared,
                claims.values().stream().map(ValidHistories::kept).toList(),
                List.copyOf(workspaces.values()),
                List.copyOf(removals),
                List.of());
    }

    private static FinalState.Claim kept(Made made) {
        return new FinalState.Claim(
                made.id,
                made.user,
                made.workspace,
                made.preset.id,
                made.path,
                made.call.key(),
                made.created,
                made.granted,
                made.generation,
                made.waitsUntil,
                made.expires,
                made.ended,
                made.reason);
    }
}
