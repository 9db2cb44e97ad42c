package dev.larder.history;

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

    /** Everything that is wanted is ready, and nobody has called yet. */
    static final long QUIET = 1_000 * MILLI;

    private static final long TOLERANCE = 5 * MILLI;
    private static final long TTL = 60_000 * MILLI;
    private static final int INSTANCES = 40;
    private static final int CLIENTS = 4;
    private static final int USERS = 2;

    private final Random random;
    private final PriorityQueue<Pending> pending = new PriorityQueue<>(Comparator.comparingLong(Pending::acts));
    private final List<Preset> presets = new ArrayList<>();
    private final List<UUID> users = new ArrayList<>();
    private final Map<UUID, Made> claims = new LinkedHashMap<>();
    private final Map<String, Made> byKey = new HashMap<>();
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
        final long ttl;
        final List<Stocked> stock = new ArrayList<>();
        long invalidated = Long.MIN_VALUE;

        Preset(UUID id, String name, long ttl) {
            this.id = id;
            this.name = name;
            this.ttl = ttl;
        }

        boolean fresh(Stocked one, long at) {
            return one.created >= invalidated && (ttl == Tables.NEVER || one.created + ttl >= at);
        }
    }

    private record Stocked(UUID workspace, long created, long ready) {}

    private static final class Made {
        final UUID id;
        final UUID user;
        final Call.Claim call;
        final String path;
        final UUID workspace;
        final UUID preset;
        final long created;
        long ended = Tables.NEVER;

        Made(UUID id, UUID user, Call.Claim call, String path, UUID workspace, UUID preset, long created) {
            this.id = id;
            this.user = user;
            this.call = call;
            this.path = path;
            this.workspace = workspace;
            this.preset = preset;
            this.created = created;
        }
    }

    /** The same for the same seed. */
    static History of(long seed, int calls) {
        return new LegalHistories(seed).run(calls);
    }

    private History run(int calls) {
        for (int number = 0; number < 2; number++) {
            presets.add(new Preset(id(), "p" + number, number == 0 ? Tables.NEVER : TTL));
        }
        for (int number = 0; number < USERS; number++) {
            users.add(id());
        }
        long now = 0;
        reconcile(now);
        for (int client = 0; client < CLIENTS; client++) {
            begin(client, QUIET + 100 * MILLI);
        }
        begin(-1, QUIET + 100 * MILLI);
        for (int call = 0; call < calls; call++) {
            Pending next = pending.remove();
            now = next.acts();
            reconcile(now);
            end(next);
        }
        return new History(List.copyOf(events), List.copyOf(built), List.copyOf(samples), tables(), TOLERANCE);
    }

    private UUID id() {
        return new UUID(random.nextLong(), random.nextLong());
    }

    private long upTo(long millis) {
        return (long) (random.nextDouble() * millis * MILLI) + 1;
    }

    /** Client -1 is an administrator who invalidates now and then. */
    private void begin(int client, long after) {
        long called = after + (client < 0 ? upTo(40_000) : upTo(300));
        UUID user = users.get(Math.floorMod(client, USERS));
        pending.add(new Pending(client, user, client < 0 ? invalidation() : call(user), called, called + upTo(20)));
    }

    private Call invalidation() {
        return new Call.Invalidate(presets.get(random.nextInt(presets.size())).id);
    }

    private Call call(UUID user) {
        List<Made> made = List.copyOf(claims.values());
        int chance = random.nextInt(100);
        if (chance < 40 || made.isEmpty()) {
            keys++;
            Call.Claim claim = new Call.Claim(random.nextInt(10) == 0 ? null : "k" + keys, request());
            asked.add(claim);
            return claim;
        }
        Call.Claim earlier = asked.get(random.nextInt(asked.size()));
        if (chance < 55 && earlier.key() != null) {
            return earlier;
        }
        if (chance < 65 && earlier.key() != null) {
            return new Call.Claim(earlier.key(), request());
        }
        UUID claim = made.get(random.nextInt(made.size())).id;
        return chance < 85 ? new Call.Look(claim) : new Call.Release(claim);
    }

    private Request request() {
        String preset = presets.get(random.nextInt(presets.size())).name;
        return new Request(preset, random.nextInt(8) == 0 ? "cold" : "fail");
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
                own(claim, call.user()).map(this::shown).orElse(stranger());
            case Call.Release(var claim) ->
                own(claim, call.user()).map(made -> release(made, read)).orElse(stranger());
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

    private Answer shown(Made claim) {
        boolean active = claim.ended == Tables.NEVER;
        return new Answer.Shown(
                List.of(new Seen(
                        claim.id,
                        active ? "active" : "released",
                        claim.path,
                        claim.workspace,
                        active ? "ready" : "delete_pending",
                        active ? claim.workspace : null)),
                false);
    }

    private Answer claim(UUID user, Call.Claim call, long read, long now) {
        Made earlier = call.key() == null ? null : byKey.get(user + call.key());
        if (earlier != null) {
            return earlier.call.equals(call)
                    ? new Answer.Shown(((Answer.Shown) shown(earlier)).claims(), true)
                    : new Answer.Refused(422, "idempotency_key_reused");
        }
        Preset preset = presets.stream()
                .filter(one -> one.name.equals(call.request().preset()))
                .findFirst()
                .orElseThrow();
        Optional<Stocked> oldest = preset.stock.stream()
                .filter(one -> one.ready <= now && preset.fresh(one, read))
                .findFirst();
        if (oldest.isEmpty() && call.request().policy().equals("fail")) {
            return new Answer.Refused(409, "no_claimable_workspace");
        }
        Made made;
        if (oldest.isPresent()) {
            preset.stock.remove(oldest.get());
            made = new Made(id(), user, call, "warm", oldest.get().workspace(), preset.id, read);
        } else {
            made = new Made(id(), user, call, "cold", id(), preset.id, read);
            workspaces.put(made.workspace, new Tables.Workspace(made.workspace, preset.id, user, false, read));
        }
        claims.put(made.id, made);
        if (call.key() != null) {
            byKey.put(user + call.key(), made);
        }
        return shown(made);
    }

    private Answer release(Made claim, long read) {
        if (claim.ended == Tables.NEVER) {
            claim.ended = Math.max(read, claim.created);
            removals.add(new Tables.Removal(claim.workspace, false, "released", read));
        }
        return new Answer.Done();
    }

    private void reconcile(long now) {
        for (Preset preset : presets) {
            for (Stocked one : List.copyOf(preset.stock)) {
                if (one.ready <= now && !preset.fresh(one, now)) {
                    preset.stock.remove(one);
                    removals.add(new Tables.Removal(one.workspace(), true, "expired", now - upTo(3)));
                }
            }
            long fresh =
                    preset.stock.stream().filter(one -> preset.fresh(one, now)).count();
            for (long held = fresh; held < INSTANCES; held++) {
                Stocked one = new Stocked(id(), now, now + upTo(200));
                preset.stock.add(one);
                built.add(new Built(one.workspace(), one.ready() - upTo(2), one.ready() + upTo(2)));
                workspaces.put(
                        one.workspace(), new Tables.Workspace(one.workspace(), preset.id, users.get(0), true, now));
            }
            samples.add(new Sample(preset.id, INSTANCES - random.nextInt(2), now));
        }
    }

    private Tables tables() {
        List<Tables.Preset> declared = presets.stream()
                .map(preset -> new Tables.Preset(preset.id, preset.name, INSTANCES, preset.ttl))
                .toList();
        return new Tables(
                declared,
                claims.values().stream().map(LegalHistories::kept).toList(),
                List.copyOf(workspaces.values()),
                List.copyOf(removals));
    }

    private static Tables.Claim kept(Made made) {
        @Nullable String key = made.call.key();
        return new Tables.Claim(
                made.id,
                made.user,
                made.workspace,
                made.preset,
                made.path,
                key,
                made.created,
                made.ended,
                made.ended == Tables.NEVER ? "" : "released");
    }
}
