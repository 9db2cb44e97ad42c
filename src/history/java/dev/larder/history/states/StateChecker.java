package dev.larder.history.states;

import dev.larder.history.states.Act.Kind;
import dev.larder.history.states.Journal.Head;
import dev.larder.history.states.Journal.Mutation;
import dev.larder.history.states.Journal.Version;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Judges a recorded run by the invariants I1 to I9 of states (decision 0033). It knows nothing of Larder's code. */
public final class StateChecker {

    private static final Set<String> WELL = Set.of("succeeded", "failed", "aborted");

    private final List<Act> acts;
    private final Journal journal;
    private final List<String> violations = new ArrayList<>();
    private final Map<Spot, Version> versions;
    private final Map<Turn, Mutation> turns;
    private final Map<String, Mutation> mutations = new HashMap<>();

    private record Spot(UUID state, long version) {}

    private record Turn(UUID state, long fence) {}

    private record Size(UUID state, long size) {}

    private StateChecker(List<Act> acts, Journal journal) {
        this.acts = acts.stream().sorted(Comparator.comparingLong(Act::sent)).toList();
        this.journal = journal;
        this.versions = journal.versions().stream()
                .collect(Collectors.toMap(one -> new Spot(one.state(), one.version()), one -> one));
        this.turns = journal.mutations().stream()
                .collect(Collectors.toMap(one -> new Turn(one.state(), one.fence()), one -> one));
        for (Mutation one : journal.mutations()) {
            mutations.put(one.lock() == null ? one.id().toString() : one.lock(), one);
        }
    }

    /** What must not have happened; empty: all of it can be true. */
    public static List<String> judge(List<Act> acts, Journal journal) {
        StateChecker checker = new StateChecker(acts, journal);
        checker.tables();
        checker.ends();
        checker.uploads();
        checker.reads();
        checker.older();
        return checker.violations;
    }

    /** The same of what the database noted alone, where the requests were not recorded. */
    public static List<String> judge(Journal journal) {
        StateChecker checker = new StateChecker(List.of(), journal);
        checker.tables();
        return checker.violations;
    }

    private void tables() {
        journal.heads().forEach(this::head);
        numbering();
        workspaces();
    }

    private void say(String invariant, Object what) {
        violations.add(invariant + " " + what);
    }

    private void head(Head head) {
        if (head.version() != head.wasVersion() && head.version() != head.wasVersion() + 1) {
            say("I1: a version did not grow by one", head);
        }
        if (head.fence() != head.wasFence() && head.fence() != head.wasFence() + 1) {
            say("I7: a fence did not grow by one", head);
        }
        if (head.fence() > head.wasFence() && head.wasStatus().equals("in_flight")) {
            say("I2: a mutation began while another was open", head);
        }
        if (head.version() > head.wasVersion()) {
            grown(head);
        }
        if (head.status().equals("reliable") && !head.wasStatus().equals("reliable")) {
            trusted(head, turns.get(new Turn(head.state(), head.fence())));
        }
    }

    /** The version that a head moved to was written by the mutation whose fence the head has. */
    private void grown(Head head) {
        Version version = versions.get(new Spot(head.state(), head.version()));
        if (version == null) {
            say("I1: a head has a version without a row", head);
            return;
        }
        Mutation turn = turns.get(new Turn(head.state(), head.fence()));
        if (turn == null || !turn.id().equals(version.mutation())) {
            say("I7: a head was moved by another mutation than the one whose fence it has", head + " " + version);
        }
    }

    private void trusted(Head head, @Nullable Mutation turn) {
        if (turn == null) {
            say("I3: a state became reliable without a mutation", head);
            return;
        }
        boolean asBefore = turn.previous().equals("reliable") || turn.previous().equals("new");
        boolean plan = turn.kind().equals("plan") && asBefore;
        if (!plan && (turn.outcome() == null || !WELL.contains(turn.outcome()))) {
            say("I3: a state became reliable through a mutation that did not end well", head + " " + turn);
        }
        if (!plan && turn.failedWrites() > 0) {
            say("I3: a state became reliable with a failed write outstanding", head + " " + turn);
        }
    }

    private void numbering() {
        Map<UUID, Long> last = new HashMap<>();
        for (Version version : journal.versions()) {
            long before = last.getOrDefault(version.state(), 0L);
            if (version.version() != before + 1) {
                say("I1: a version is missing before", version);
            }
            last.put(version.state(), version.version());
        }
        journal.mutations().stream()
                .filter(one -> one.outcome() == null)
                .forEach(one -> say("rest: a mutation is open at the end", one));
    }

    /** A person's mutation succeeds only where its client has asked for that. */
    private void ends() {
        Set<String> ended = acts.stream()
                .filter(act -> act.kind() == Kind.END || act.kind() == Kind.UNLOCK)
                .map(Act::mutation)
                .collect(Collectors.toSet());
        for (Mutation one : journal.mutations()) {
            String name = one.lock() == null ? one.id().toString() : one.lock();
            boolean settled = one.kind().equals("restore") || one.lock() == null && settled(one);
            if (!one.job() && "succeeded".equals(one.outcome()) && !settled && !ended.contains(name)) {
                say("I3: a mutation succeeded whose client never said so", one);
            }
        }
    }

    /** Of an acknowledgement, which begins and ends by one statement. */
    private boolean settled(Mutation mutation) {
        return mutation.kind().equals("repair")
                && acts.stream()
                        .anyMatch(
                                act -> act.kind() == Kind.SETTLE && act.state().equals(mutation.state()));
    }

    private void uploads() {
        Set<Size> kept = new HashSet<>();
        journal.rejects().forEach(one -> kept.add(new Size(one.state(), one.size())));
        journal.versions().forEach(one -> kept.add(new Size(one.state(), one.size())));
        for (Act act : acts) {
            if (act.kind() == Kind.WRITE && act.done()) {
                Version row = versions.get(new Spot(act.state(), act.answer().version()));
                if (row == null || row.size() != act.body().bytes()) {
                    say("I4: an upload was accepted that is not the version it was told", act + " " + row);
                }
            }
            boolean refused = act.kind() == Kind.WRITE && act.answer().certain() && !act.done();
            boolean unread = act.answer().status() == 401 || act.answer().status() == 412;
            if (refused
                    && !unread
                    && !kept.contains(new Size(act.state(), act.body().bytes()))) {
                say("I5: a refused upload was not kept", act);
            }
        }
    }

    private void reads() {
        Map<UUID, Set<String>> sent = new HashMap<>();
        Map<UUID, List<Act>> accepted = new HashMap<>();
        for (Act act : acts) {
            if (act.kind() == Kind.WRITE) {
                sent.computeIfAbsent(act.state(), unused -> new HashSet<>())
                        .add(act.body().digest());
            }
            boolean shows = act.done() && (act.kind() == Kind.WRITE || act.kind() == Kind.READ);
            if (shows) {
                accepted.computeIfAbsent(act.state(), unused -> new ArrayList<>())
                        .add(act);
            }
        }
        accepted.values().forEach(list -> list.sort(Comparator.comparingLong(Act::received)));
        Map<UUID, long[]> seen = new HashMap<>();
        for (Act act : acts) {
            if (act.kind() == Kind.READ) {
                long least = least(accepted.getOrDefault(act.state(), List.of()), act, seen);
                read(act, least, sent.getOrDefault(act.state(), Set.of()));
            }
        }
    }

    /** The newest version of which an answer had arrived before this request was sent. Requests come in their order. */
    private static long least(List<Act> accepted, Act act, Map<UUID, long[]> seen) {
        long[] place = seen.computeIfAbsent(act.state(), unused -> new long[2]);
        while (place[0] < accepted.size() && accepted.get((int) place[0]).received() < act.sent()) {
            place[1] = Math.max(place[1], accepted.get((int) place[0]).answer().version());
            place[0]++;
        }
        return place[1];
    }

    private void read(Act act, long least, Set<String> sent) {
        boolean empty = act.answer().status() == 404
                || act.answer().status() == 204
                || act.answer().status() == 200 && act.body().bytes() == 0;
        if (empty && least > 0) {
            say("I8: no state was answered after version " + least, act);
        }
        if (!empty && act.done() && act.answer().version() < least) {
            say("I4: a read is older than version " + least, act);
        }
        if (act.done() && act.body().bytes() > 0 && !sent.contains(act.body().digest())) {
            say("I5: a read shows what was never uploaded", act);
        }
        if (!act.done()
                && act.answer().certain()
                && act.answer().status() != 404
                && act.answer().status() != 401) {
            say("I8: a read was refused", act);
        }
    }

    /** No client has an upload accepted that it sent after it was known that a later mutation had begun. */
    private void older() {
        Map<UUID, List<Act>> begun = acts.stream()
                .filter(act -> act.done() && (act.kind() == Kind.BEGIN || act.kind() == Kind.LOCK))
                .collect(Collectors.groupingBy(Act::state));
        // A repeated upload may have been accepted the first time.
        Map<Size, Long> first = new HashMap<>();
        for (Act act : acts) {
            if (act.kind() == Kind.WRITE) {
                first.merge(new Size(act.state(), act.body().bytes()), act.sent(), Math::min);
            }
            Mutation mine = mutations.get(act.mutation());
            if (act.kind() != Kind.WRITE || !act.done() || mine == null) {
                continue;
            }
            Version row = versions.get(new Spot(act.state(), act.answer().version()));
            boolean promoted = row != null && mine.id().equals(row.mutation());
            for (Act other : promoted ? begun.getOrDefault(act.state(), List.<Act>of()) : List.<Act>of()) {
                Mutation later = mutations.get(other.mutation());
                if (later != null
                        && later.fence() > mine.fence()
                        && other.received()
                                < first.get(new Size(act.state(), act.body().bytes()))) {
                    say("I7: an older mutation moved the head", act + " after " + other);
                }
            }
        }
    }

    private void workspaces() {
        journal.handed().stream()
                .filter(one -> one.open() > 0
                        || one.mirror() != null && !one.mirror().equals("reliable")
                        || one.status() != null && !one.status().equals("reliable"))
                .forEach(one -> say("I6: a workspace was handed out that cannot be trusted", one));
        journal.removed().stream()
                .filter(one -> one.managed() > 0)
                .forEach(one -> say("I9: a workspace was removed whose state lists resources", one));
    }
}
