package dev.larder.history.states;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.history.states.Act.Answer;
import dev.larder.history.states.Act.Content;
import dev.larder.history.states.Act.Kind;
import dev.larder.history.states.Journal.Handed;
import dev.larder.history.states.Journal.Head;
import dev.larder.history.states.Journal.Kept;
import dev.larder.history.states.Journal.Mutation;
import dev.larder.history.states.Journal.Removed;
import dev.larder.history.states.Journal.Version;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The checker reports nothing on a record that can be true, and each fault that is planted in it. */
class StateCheckerTest {

    private static final UUID STATE = new UUID(0, 1);
    private static final UUID FIRST = new UUID(1, 1);
    private static final UUID SECOND = new UUID(1, 2);
    private static final UUID WORKSPACE = new UUID(2, 1);

    private final List<Act> acts = new ArrayList<>();
    private final List<Head> heads = new ArrayList<>();
    private final List<Handed> handed = new ArrayList<>();
    private final List<Removed> removed = new ArrayList<>();
    private final List<Kept> rejects = new ArrayList<>();
    private final List<Version> versions = new ArrayList<>();
    private final List<Mutation> mutations = new ArrayList<>();

    /** One client writes twice and unlocks; another one locks, has an upload refused, and its lock is taken away. */
    @BeforeEach
    void record() {
        act(Kind.LOCK, "l1", 0, 200, -1, 10);
        act(Kind.READ, "", 0, 404, -1, 20);
        act(Kind.WRITE, "l1", 100, 200, 1, 30);
        act(Kind.WRITE, "l1", 101, 200, 2, 40);
        act(Kind.READ, "", 101, 200, 2, 50);
        act(Kind.UNLOCK, "l1", 0, 200, -1, 60);
        act(Kind.LOCK, "l2", 0, 200, -1, 70);
        act(Kind.WRITE, "l2", 102, 409, -1, 80);
        heads.add(head(0, 0, 0, 0, "new", "new"));
        heads.add(head(0, 0, 0, 1, "new", "in_flight"));
        heads.add(head(0, 1, 1, 1, "in_flight", "in_flight"));
        heads.add(head(1, 2, 1, 1, "in_flight", "in_flight"));
        heads.add(head(2, 2, 1, 1, "in_flight", "reliable"));
        heads.add(head(2, 2, 1, 2, "reliable", "in_flight"));
        heads.add(head(2, 2, 2, 2, "in_flight", "unreliable"));
        versions.add(new Version(STATE, 1, 100, FIRST));
        versions.add(new Version(STATE, 2, 101, FIRST));
        rejects.add(new Kept(STATE, 102));
        mutations.add(mutation(FIRST, 1, "l1", 0, "succeeded"));
        mutations.add(mutation(SECOND, 2, "l2", 1, "forced"));
        handed.add(new Handed(WORKSPACE, "reliable", "reliable", 0));
        removed.add(new Removed(WORKSPACE, 0));
    }

    private void act(Kind kind, String mutation, int bytes, int status, long version, long at) {
        acts.add(act(kind, mutation, bytes, new Answer(status, "", version), at));
    }

    private static Act act(Kind kind, String mutation, int bytes, Answer answer, long at) {
        Content body = bytes == 0 ? Content.NONE : new Content(bytes, "d" + bytes);
        return new Act(1, kind, STATE, mutation, body, answer, at, at + 5);
    }

    private static Head head(long was, long version, long wasFence, long fence, String wasStatus, String status) {
        return new Head(STATE, was, version, wasFence, fence, wasStatus, status);
    }

    private static Mutation mutation(UUID id, long fence, String lock, int failed, @Nullable String outcome) {
        return new Mutation(id, STATE, fence, "update", false, lock, "reliable", failed, outcome);
    }

    private List<String> judged() {
        return StateChecker.judge(acts, new Journal(heads, handed, removed, rejects, versions, mutations));
    }

    private void reports(String invariant) {
        assertThat(judged()).anyMatch(said -> said.startsWith(invariant));
    }

    @Test
    void nothing_is_reported_of_what_can_be_true() {
        assertThat(judged()).isEmpty();
    }

    @Test
    void a_version_that_grows_by_two_is_reported() {
        heads.set(3, head(1, 3, 1, 1, "in_flight", "in_flight"));
        reports("I1");
    }

    @Test
    void a_version_whose_row_is_missing_is_reported() {
        versions.removeFirst();
        reports("I1");
    }

    @Test
    void a_mutation_that_begins_in_another_one_is_reported() {
        heads.set(5, head(2, 2, 1, 2, "in_flight", "in_flight"));
        reports("I2");
    }

    @Test
    void a_state_that_an_expired_mutation_makes_reliable_is_reported() {
        mutations.set(0, mutation(FIRST, 1, "l1", 0, "expired"));
        reports("I3");
    }

    @Test
    void a_state_that_is_reliable_after_a_failed_write_is_reported() {
        mutations.set(0, mutation(FIRST, 1, "l1", 1, "succeeded"));
        reports("I3");
    }

    @Test
    void a_mutation_that_succeeds_without_its_client_is_reported() {
        acts.removeIf(act -> act.kind() == Kind.UNLOCK);
        reports("I3");
    }

    @Test
    void an_accepted_upload_that_is_not_there_is_reported() {
        act(Kind.WRITE, "l1", 150, 200, 3, 55);
        reports("I4");
    }

    @Test
    void a_read_that_is_older_than_what_was_accepted_is_reported() {
        act(Kind.READ, "", 100, 200, 1, 90);
        reports("I4");
    }

    @Test
    void a_refused_upload_that_is_not_kept_is_reported() {
        rejects.clear();
        reports("I5");
    }

    @Test
    void a_workspace_that_is_handed_out_during_a_mutation_or_without_trust_is_reported() {
        handed.set(0, new Handed(WORKSPACE, "reliable", "in_flight", 1));
        reports("I6");
        handed.set(0, new Handed(WORKSPACE, "unreliable", "unreliable", 0));
        reports("I6");
    }

    @Test
    void a_head_that_an_older_mutation_moves_is_reported() {
        heads.add(head(2, 3, 2, 2, "in_flight", "in_flight"));
        versions.add(new Version(STATE, 3, 103, FIRST));
        act(Kind.WRITE, "l1", 103, 200, 3, 95);
        assertThat(judged()).filteredOn(said -> said.startsWith("I7")).hasSize(2);
    }

    @Test
    void no_state_after_a_version_is_reported() {
        act(Kind.READ, "", 0, 404, -1, 90);
        reports("I8");
    }

    @Test
    void a_workspace_that_is_removed_with_resources_is_reported() {
        removed.set(0, new Removed(WORKSPACE, 1));
        reports("I9");
    }

    @Test
    void a_mutation_that_never_ends_is_reported() {
        mutations.set(1, mutation(SECOND, 2, "l2", 0, null));
        reports("rest");
    }
}
