package dev.larder.state;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.database.Rows;
import dev.larder.lifecycle.Completed;
import dev.larder.model.Assignment;
import dev.larder.model.JobOutcome;
import dev.larder.model.StateAccess;
import dev.larder.model.ToolEnd;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What another transaction commits while a statement waits for its locks counts: no mutation stays open without an
 * owner, and a state is never held to be more reliable than it is.
 */
class InterleavedMutationsTest {

    private static final JobOutcome DONE = new JobOutcome.Succeeded(Map.of());

    private final Stock stock = new Stock();
    private final States states = new States(stock);
    private final UUID preset;

    InterleavedMutationsTest() {
        stock.withBackend("terraform");
        preset = stock.declare("small", 3);
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private Assignment start() {
        stock.create(preset, 1);
        return stock.take(1).getFirst();
    }

    private Assignment delete(UUID workspace) {
        wantDeleted(workspace);
        return stock.take(1).getFirst();
    }

    private void wantDeleted(UUID workspace) {
        stock.sql("UPDATE workspaces SET deletion_wanted_at = $1 WHERE id = $2", Rows.utc(states.now()), workspace);
        assertThat(await(stock.builds.deleteWanted(states.now()))).isOne();
    }

    private static StateAccess access(Assignment job) {
        return job.target().state().orElseThrow();
    }

    private void wrote(Assignment job, int managed) {
        stock.wrote(access(job).state(), access(job).mutation(), managed);
    }

    private CompletionStage<Optional<Completed>> ending(Assignment job) {
        return stock.ends.complete(job.lease(), DONE, states.now()).subscribeAsCompletionStage();
    }

    private static <T> T joined(CompletionStage<T> running) {
        return await(Uni.createFrom().completionStage(running));
    }

    private Row workspace(UUID id) {
        return stock.row("SELECT * FROM workspaces WHERE id = $1", Tuple.of(id));
    }

    private Row state(UUID id) {
        return stock.row("SELECT * FROM states WHERE id = $1", Tuple.of(id));
    }

    @Test
    void an_upload_that_commits_while_a_job_is_completed_is_the_version_that_the_mutation_ended_with() {
        Assignment job = start();
        wrote(job, 1);
        try (OpenTransaction upload = new OpenTransaction(stock)) {
            upload.does(Stock.WROTE, access(job).state(), access(job).mutation(), 2);
            var completed = ending(job);
            upload.isWaitedForBy(1);
            upload.commits();

            assertThat(joined(completed)).isPresent();
        }

        Row mutation = stock.row(
                "SELECT end_version FROM state_mutations WHERE id = $1",
                Tuple.of(access(job).mutation()));
        assertThat(mutation.getLong("end_version")).isEqualTo(2);
        assertThat(state(access(job).state()).getLong("reliable_version")).isEqualTo(2);
    }

    @Test
    void a_delete_whose_last_upload_lists_resources_and_commits_meanwhile_has_failed() {
        Assignment job = start();
        wrote(job, 0);
        stock.succeed(job);
        Assignment delete = delete(job.workspaceId());
        try (OpenTransaction upload = new OpenTransaction(stock)) {
            upload.does(Stock.WROTE, access(delete).state(), access(delete).mutation(), 1);
            var completed = ending(delete);
            upload.isWaitedForBy(1);
            upload.commits();

            assertThat(joined(completed)).isPresent();
        }

        assertThat(workspace(job.workspaceId()).getOffsetDateTime("deleted_at")).isNull();
        assertThat(states.status(access(job).state())).isEqualTo("unreliable(destroy_incomplete)");
    }

    @Test
    void an_upload_that_commits_while_a_person_ends_the_mutation_is_the_version_that_it_ended_with() {
        UUID state = states.named("net");
        Mutation update = states.begun(states.wanted(state, stock.owner, MutationKind.UPDATE));
        try (OpenTransaction upload = new OpenTransaction(stock)) {
            upload.does(Stock.WROTE, state, update.id(), 1);
            var ended = states.mutations
                    .end(update.id(), End.SUCCEEDED, stock.owner.userId(), states.now())
                    .subscribeAsCompletionStage();
            upload.isWaitedForBy(1);
            upload.commits();

            assertThat(joined(ended).orElseThrow().span().endVersion()).isEqualTo(1);
        }

        assertThat(states.status(state)).isEqualTo("reliable");
        assertThat(state(state).getLong("reliable_version")).isEqualTo(1);
    }

    @Test
    void a_persons_destroy_whose_last_upload_lists_resources_and_commits_meanwhile_is_not_believed() {
        UUID state = states.named("net");
        Mutation destroy = states.begun(states.wanted(state, stock.owner, MutationKind.DESTROY));
        try (OpenTransaction upload = new OpenTransaction(stock)) {
            upload.does(Stock.WROTE, state, destroy.id(), 1);
            var ended = states.mutations
                    .end(destroy.id(), End.SUCCEEDED, stock.owner.userId(), states.now())
                    .subscribeAsCompletionStage();
            upload.isWaitedForBy(1);
            upload.commits();

            assertThat(joined(ended).orElseThrow().span().endVersion()).isEqualTo(1);
        }

        assertThat(states.status(state)).isEqualTo("unreliable(destroy_incomplete)");
    }

    @Test
    void a_job_does_not_begin_on_a_state_that_became_unreliable_while_it_was_leased() {
        Assignment job = start();
        wrote(job, 1);
        assertThat(await(stock.requeues.requeue(job.lease(), states.now()))).isTrue();
        UUID state = access(job).state();
        try (OpenTransaction person = new OpenTransaction(stock)) {
            States other = new States(stock, person.pool());
            Mutation begun = other.begun(other.wanted(state, stock.owner, MutationKind.UPDATE));
            assertThat(other.end(begun, End.CANCELED).isOpen()).isFalse();
            var leased = stock.jobs.take(stock.worker, 1, states.now()).subscribeAsCompletionStage();
            person.isWaitedForBy(1);
            person.commits();

            assertThatThrownBy(() -> joined(leased)).hasMessageContaining("previous_status");
        }

        assertThat(states.status(state)).isEqualTo("unreliable(canceled)");
        assertThat(stock.count("state_mutations WHERE ended_at IS NULL")).isZero();
        assertThat(stock.count("jobs WHERE started_at IS NULL AND completed_at IS NULL"))
                .isOne();
        assertThat(stock.take(1)).isEmpty();
        assertThat(await(stock.cancels.failUnreliable(states.now()))).isOne();
    }

    @Test
    void a_delete_that_was_leased_while_its_state_became_reliable_leaves_it_so_where_it_changed_nothing() {
        Assignment job = start();
        wrote(job, 1);
        stock.end(job, new JobOutcome.Failed("apply_failed", "It was killed.", ToolEnd.UNKNOWN));
        wantDeleted(job.workspaceId());
        UUID state = access(job).state();
        Assignment delete;
        try (OpenTransaction person = new OpenTransaction(stock)) {
            States other = new States(stock, person.pool());
            Mutation refresh = other.begun(other.wanted(state, stock.owner, MutationKind.REFRESH));
            assertThat(other.end(refresh, End.SUCCEEDED).isOpen()).isFalse();
            var leased = stock.jobs.take(stock.worker, 1, states.now()).subscribeAsCompletionStage();
            person.isWaitedForBy(1);
            person.commits();
            delete = joined(leased).jobs().getFirst().assignment();
        }

        assertThat(await(stock.requeues.requeue(delete.lease(), states.now()))).isTrue();

        assertThat(states.status(state)).isEqualTo("reliable");
    }

    @Test
    void a_person_who_takes_a_mutation_away_and_the_end_of_its_job_do_not_wait_for_each_other() {
        Assignment job = start();
        try (OpenTransaction person = new OpenTransaction(stock)) {
            person.does("SELECT FROM workspaces WHERE id = $1 FOR NO KEY UPDATE", job.workspaceId());
            var completed = ending(job);
            person.isWaitedForBy(1);
            States other = new States(stock, person.pool());
            assertThat(await(other.mutations.end(
                            access(job).mutation(), End.FORCED, stock.owner.userId(), states.now())))
                    .isPresent();
            person.commits();

            assertThat(joined(completed)).isPresent();
        }

        assertThat(states.status(access(job).state())).isEqualTo("unreliable(forced)");
        assertThat(states.mirror(job.workspaceId())).isEqualTo("unreliable(forced)");
        assertThat(stock.claim(preset, stock.member("anna"))).isEmpty();
    }

    @Test
    void a_workspace_is_not_deleted_while_a_person_who_took_its_mutation_away_changes_the_state() {
        Assignment job = start();
        wrote(job, 0);
        stock.succeed(job);
        Assignment delete = delete(job.workspaceId());
        UUID state = access(job).state();
        assertThat(await(states.mutations.end(
                        access(delete).mutation(), End.FORCED, stock.owner.userId(), states.now())))
                .isPresent();
        Mutation repair = states.begun(states.wanted(state, stock.owner, MutationKind.REPAIR));

        stock.end(delete, DONE);

        assertThat(workspace(job.workspaceId()).getOffsetDateTime("deleted_at")).isNull();
        assertThat(await(states.reads.open(state)).orElseThrow().id()).isEqualTo(repair.id());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_workspace_that_was_never_built_is_deleted_by_a_job_where_a_person_has_used_its_state(boolean ended) {
        UUID workspace = unbuilt();
        Mutation mutation = states.begun(states.wanted(stateOf(workspace), stock.owner, MutationKind.UPDATE));
        if (ended) {
            stock.wrote(mutation.state(), mutation.id(), 1);
            assertThat(states.end(mutation, End.SUCCEEDED).isOpen()).isFalse();
        }

        wantDeletedUnbuilt(workspace);

        assertThat(workspace(workspace).getOffsetDateTime("deleted_at")).isNull();
        assertThat(workspace(workspace).getOffsetDateTime("deletion_wanted_at")).isNotNull();
    }

    @Test
    void a_mutation_does_not_begin_on_the_state_of_a_workspace_that_is_deleted_meanwhile() {
        UUID workspace = unbuilt();
        UUID state = stateOf(workspace);

        wantDeletedUnbuilt(workspace);

        assertThat(workspace(workspace).getOffsetDateTime("deleted_at")).isNotNull();
        assertThat(states.begin(states.wanted(state, stock.owner, MutationKind.UPDATE)))
                .isEqualTo(new Begin.Result.Gone());
    }

    @Test
    void a_tools_overdue_lock_on_the_state_of_a_deleted_workspace_ends_by_itself() {
        Assignment job = start();
        stock.succeed(job);
        Mutation lock = states.begun(states.locking(access(job).state(), stock.owner, "OperationTypeApply", "l1"));
        stock.sql(
                "UPDATE workspaces SET transition = 'delete', ready_at = NULL, deleted_at = $1 WHERE id = $2",
                Rows.utc(states.now()),
                job.workspaceId());
        stock.clock.forward(States.LOCK_LEASE);

        assertThat(await(states.mutations.expireOverdue(states.now()))).isOne();

        assertThat(await(states.reads.find(lock.id())).orElseThrow().isOpen()).isFalse();
    }

    /** A prebuild whose first job no worker has begun. */
    private UUID unbuilt() {
        stock.create(preset, 1);
        return stock.row("SELECT id FROM workspaces", Tuple.tuple()).getUUID("id");
    }

    private UUID stateOf(UUID workspace) {
        return await(states.states.used(
                new Address(null, stock.organization, workspace, stock.owner.userId(), true, false), states.now()));
    }

    private void wantDeletedUnbuilt(UUID workspace) {
        stock.sql("UPDATE workspaces SET deletion_wanted_at = $1 WHERE id = $2", Rows.utc(states.now()), workspace);
        assertThat(await(stock.builds.deleteWanted(states.now()))).isNotNegative();
        assertThat(await(stock.builds.deleteWanted(states.now()))).isNotNegative();
    }
}
