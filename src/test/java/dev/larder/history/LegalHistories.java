package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Answer.Seen;
import dev.larder.history.Call.Request;
import dev.larder.history.History.Built;
import dev.larder.history.History.Sample;
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
 * Histories that can be true, by chance: a Larder of a few maps that keeps every promise, called by clients whose calls
 * overlap, with answers that get lost on the way and clocks that a server reads before it acts.
 */
final class LegalHistories {

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
    private final Map<UUID, Tables.Workspace> workspaces = new LinkedHashMap<>();
    private final List<Call.Claim> asked = new ArrayList<>();
    private final List<Event> events = new ArrayList<>();
    private final List<Built> built = new ArrayList<>();
    private final List<Sample> samples = new ArrayList<>();
    private final List<Tables.Removal> removals = new ArrayList<>();
    private int keys;

    private LegalHistories(long seed) {
        this.random = new Random(seed);
    }

    /** A call under way. */
    private record Pending(int client, UUID user, Call call, long called, long acts) {}

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
        final Call.Claim call;
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

        Made(UUID id, UUID user, Call.Claim call, String path, Preset preset, long created) {
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
            int ttl = call.request().ttlSeconds();
            expires = ttl == 0 ? NEVER : at + ttl * SECOND;
        }

        void end(String why, long at) {
            ended = at;
            reason = why;
        }
    }

    /** The same for the same seed. */
    static History of(long seed, int calls) {
        return new LegalHistories(seed).run(calls);
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
        return new History(List.copyOf(events), List.copyOf(built), List.copyOf(samples), tables(), now, TOLERANCE);
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

    private Call invalidation() {
        return new Call.Invalidate(presets.get(random.nextInt(presets.size())).id);
    }

    private Call call() {
        List<Made> made = List.copyOf(claims.values());
        int chance = random.nextInt(100);
        if (chance < 40 || made.isEmpty()) {
            keys++;
            Request request = request();
            boolean withKey = request.count() > 1 || random.nextInt(10) > 0;
            Call.Claim claim = new Call.Claim(withKey ? "k" + keys : null, request);
            asked.add(claim);
            return claim;
        }
        Call.Claim earlier = asked.get(random.nextInt(asked.size()));
        if (chance < 52 && earlier.key() != null) {
            return earlier;
        }
        if (chance < 60 && earlier.key() != null) {
            return new Call.Claim(earlier.key(), request());
        }
        // Mostly one of the newest, since many of the others have ended.
        int oldest = random.nextBoolean() ? Math.max(0, made.size() - 10) : 0;
        Made claim = made.get(oldest + random.nextInt(made.size() - oldest));
        @Nullable Integer generation = random.nextInt(4) > 0 ? null : (Integer) (1 + random.nextInt(2));
        if (chance < 78) {
            return new Call.Look(claim.id);
        }
        return chance < 90
                ? new Call.Renew(claim.id, 1 + random.nextInt(5), generation)
                : new Call.Release(claim.id, generation);
    }

    private Request request() {
        String preset = presets.get(random.nextInt(presets.size())).name;
        int ttl = random.nextBoolean() ? 0 : 1 + random.nextInt(5);
        return switch (random.nextInt(8)) {
            case 0 -> new Request(List.of(preset), "cold", 1, 1, ttl, 0);
            case 1 -> new Request(List.of(preset), "fail", 3, 1 + random.nextInt(3), ttl, 0);
            case 2 -> new Request(List.of("scarce", preset), "fail", 1, 1, ttl, 0);
            case 3, 4 -> new Request(List.of("scarce"), "wait", 1, 1, ttl, 1 + random.nextInt(3));
            case 5 -> new Request(List.of("scarce"), "wait_then_cold", 1, 1, ttl, 1 + random.nextInt(3));
            default -> new Request(List.of(preset), "fail", 1, 1, ttl, 0);
        };
    }

    private void end(Pending call) {
        boolean unanswered = random.nextInt(20) == 0;
        Answer answer =
                unanswered && random.nextBoolean() ? new Answer.Unknown("never arrived") : perform(call, call.acts());
        // Who hears nothing may give up before or after it is done.
        long answered = unanswered ? call.called() + upTo(40) : call.acts() + upTo(20);
        events.add(new Event(
                call.client(),
                call.user(),
                call.call(),
                unanswered ? new Answer.Unknown("broken") : answer,
                call.called(),
                answered));
        begin(call.client(), answered);
    }

    private Answer perform(Pending call, long now) {
        // The server's clock was read some time before the statement ran.
        long read = call.called() + (long) (random.nextDouble() * (now - call.called()));
        return switch (call.call()) {
            case Call.Claim claim -> claim(call.user(), claim, read, now);
            case Call.Look(var claim) ->
                own(claim, call.user()).map(made -> shown(List.of(made), false)).orElse(stranger());
            case Call.Renew renew ->
                own(renew.claim(), call.user())
                        .map(made -> renew(made, renew, read))
                        .orElse(stranger());
            case Call.Release release ->
                own(release.claim(), call.user())
                        .map(made -> release(made, release.generation(), read))
                        .orElse(stranger());
            case Call.Invalidate(var preset) -> {
                presets.stream()
                        .filter(one -> one.id.equals(preset))
                        .forEach(one -> one.invalidated = Math.max(one.invalidated, read));
                yield new Answer.Done();
            }
        };
    }

    private Optional<Made> own(UUID claim, UUID user) {
        return Optional.ofNullable(claims.get(claim)).filter(made -> made.user.equals(user));
    }

    private static Answer stranger() {
        return new Answer.Refused(404, "claim_not_found");
    }

    private static Answer shown(List<Made> claims, boolean replayed) {
        return new Answer.Shown(claims.stream().map(LegalHistories::seen).toList(), replayed);
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

    private Answer claim(UUID user, Call.Claim call, long read, long now) {
        List<Made> earlier = call.key() == null ? List.of() : byKey.getOrDefault(user + call.key(), List.of());
        if (!earlier.isEmpty()) {
            return replay(call, earlier);
        }
        Request request = call.request();
        for (String name : request.presets()) {
            List<Made> made = take(user, call, preset(name), read, now);
            if (!made.isEmpty()) {
                return keep(call, made);
            }
        }
        Preset home = preset(request.presets().getFirst());
        if (request.policy().equals("cold")) {
            return keep(call, List.of(cold(new Made(id(), user, call, "cold", home, read), read)));
        }
        if (request.waits()) {
            Made waiting = new Made(id(), user, call, "waited", home, read);
            waiting.waitsUntil = read + request.timeoutSeconds() * SECOND;
            return keep(call, List.of(waiting));
        }
        return none();
    }

    private static Answer none() {
        return new Answer.Refused(409, "no_claimable_workspace");
    }

    private static Answer replay(Call.Claim call, List<Made> earlier) {
        Made first = earlier.getFirst();
        if (!first.call.equals(call)) {
            return new Answer.Refused(422, "idempotency_key_reused");
        }
        return switch (first.workspace == null ? first.reason : "") {
            case "timed_out" -> none();
            case "canceled" -> new Answer.Refused(409, "claim_ended");
            default -> shown(earlier, true);
        };
    }

    private Preset preset(String name) {
        return presets.stream().filter(one -> one.name.equals(name)).findFirst().orElseThrow();
    }

    private Answer keep(Call.Claim call, List<Made> made) {
        for (Made one : made) {
            claims.put(one.id, one);
        }
        if (call.key() != null) {
            byKey.put(made.getFirst().user + call.key(), made);
        }
        return shown(made, false);
    }

    private List<Made> take(UUID user, Call.Claim call, Preset preset, long read, long now) {
        boolean othersWait = claims.values().stream().anyMatch(made -> made.waits() && made.preset.equals(preset));
        List<Stocked> claimable = othersWait ? List.of() : preset.claimable(read, now);
        List<Made> made = new ArrayList<>();
        if (claimable.size() >= call.request().atLeast()) {
            for (Stocked one : claimable.subList(0, Math.min(call.request().count(), claimable.size()))) {
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
        workspaces.put(workspace, new Tables.Workspace(workspace, claim.preset.id, claim.user, false, at));
        claim.path = "cold";
        claim.grant(workspace, 1, at);
        return claim;
    }

    private Answer renew(Made claim, Call.Renew renew, long read) {
        Integer generation = renew.generation();
        if (generation != null && generation != claim.generation) {
            return new Answer.Refused(412, "generation_mismatch");
        }
        if (!claim.active() || claim.expires <= read) {
            return new Answer.Refused(409, "claim_ended");
        }
        claim.expires = read + renew.ttlSeconds() * SECOND;
        return shown(List.of(claim), false);
    }

    private Answer release(Made claim, @Nullable Integer generation, long read) {
        if (generation != null && generation != claim.generation) {
            return new Answer.Refused(412, "generation_mismatch");
        }
        if (claim.waits()) {
            claim.end("canceled", Math.max(read, claim.created));
        } else if (claim.active()) {
            claim.end("released", Math.max(read, claim.granted));
            removals.add(new Tables.Removal(workspace(claim), false, "released", read));
        }
        return new Answer.Done();
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
                removals.add(new Tables.Removal(workspace(claim), false, "released", now));
            } else if (claim.active() && claim.expires <= now) {
                claim.end("expired", now);
                removals.add(new Tables.Removal(workspace(claim), false, "released", now));
            } else if (claim.waits() && claim.waitsUntil <= now) {
                if (claim.call.request().policy().equals("wait_then_cold")) {
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
                removals.add(new Tables.Removal(one.workspace(), true, "expired", now - upTo(3)));
            }
        }
        serve(preset, now);
        long fresh = preset.stock.stream().filter(one -> preset.fresh(one, now)).count();
        for (long held = fresh; held < preset.instances; held++) {
            Stocked one = new Stocked(id(), now, now + upTo(preset.buildMillis));
            preset.stock.add(one);
            built.add(new Built(one.workspace(), one.ready() - upTo(2), one.ready() + upTo(2)));
            workspaces.put(one.workspace(), new Tables.Workspace(one.workspace(), preset.id, users.get(0), true, now));
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

    private Tables tables() {
        List<Tables.Preset> declared = presets.stream()
                .map(preset -> new Tables.Preset(preset.id, preset.name, preset.instances, preset.ttl))
                .toList();
        return new Tables(
                declared,
                claims.values().stream().map(LegalHistories::kept).toList(),
                List.copyOf(workspaces.values()),
                List.copyOf(removals));
    }

    private static Tables.Claim kept(Made made) {
        return new Tables.Claim(
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
