package dev.larder.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.helpers.test.UniAssertSubscriber;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.http.ConnectionPoolTooBusyException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What many ask at the same moment is asked of the database once. */
class BatcherTest {

    private static final Duration LONG = Duration.ofMinutes(1);

    /** A statement that runs until the test answers it. */
    private record Statement(Set<String> keys, UniEmitter<? super Map<String, Integer>> emitter) {

        void answers(Map<String, Integer> values) {
            emitter.complete(values);
        }

        void fails() {
            emitter.fail(new IllegalStateException("away"));
        }
    }

    private final List<Statement> statements = new ArrayList<>();
    private final Batcher<String, Integer> together = new Batcher<>(3, LONG, this::read);

    private Uni<Map<String, Integer>> read(Set<String> keys) {
        return Uni.createFrom().emitter(emitter -> statements.add(new Statement(keys, emitter)));
    }

    private UniAssertSubscriber<Optional<Integer>> ask(String key) {
        return together.ask(key).subscribe().withSubscriber(UniAssertSubscriber.create());
    }

    @Test
    void alone_one_is_answered_at_once() {
        var asked = ask("a");
        statements.getFirst().answers(Map.of("a", 1));

        assertThat(asked.assertCompleted().getItem()).contains(1);
        assertThat(statements).hasSize(1);
    }

    @Test
    void who_asks_while_a_statement_runs_is_answered_by_the_next_one() {
        var first = ask("a");
        var second = ask("a");
        var third = ask("b");
        assertThat(statements).extracting(Statement::keys).containsExactly(Set.of("a"));

        statements.get(0).answers(Map.of("a", 1));
        assertThat(second.getItem()).isNull();
        statements.get(1).answers(Map.of("a", 2, "b", 3));

        assertThat(first.assertCompleted().getItem()).contains(1);
        assertThat(second.assertCompleted().getItem()).contains(2);
        assertThat(third.assertCompleted().getItem()).contains(3);
        assertThat(statements).extracting(Statement::keys).containsExactly(Set.of("a"), Set.of("a", "b"));
    }

    @Test
    void as_many_statements_run_as_may_and_the_first_that_ends_makes_room() {
        Batcher<String, Integer> two = new Batcher<>(2, 3, LONG, this::read);
        List<UniAssertSubscriber<Optional<Integer>>> asked = new ArrayList<>();
        for (String key : List.of("a", "b", "c", "d")) {
            asked.add(two.ask(key).subscribe().withSubscriber(UniAssertSubscriber.create()));
        }
        assertThat(statements).extracting(Statement::keys).containsExactly(Set.of("a"), Set.of("b"));

        statements.get(1).answers(Map.of("b", 2));
        assertThat(statements).hasSize(3);
        assertThat(statements.get(2).keys()).isEqualTo(Set.of("c", "d"));
        statements.get(0).answers(Map.of("a", 1));
        statements.get(2).answers(Map.of("c", 3, "d", 4));

        assertThat(asked)
                .extracting(one -> one.assertCompleted().getItem().orElseThrow())
                .containsExactly(1, 2, 3, 4);
        asked.add(two.ask("e").subscribe().withSubscriber(UniAssertSubscriber.create()));
        asked.add(two.ask("f").subscribe().withSubscriber(UniAssertSubscriber.create()));
        assertThat(statements).as("both places are free again").hasSize(5);
    }

    @Test
    void what_is_not_there_is_answered_as_nothing() {
        var asked = ask("a");
        statements.getFirst().answers(Map.of());

        assertThat(asked.assertCompleted().getItem()).isEmpty();
    }

    @Test
    void a_failure_is_told_to_those_it_was_for_and_the_next_statement_runs() {
        var first = ask("a");
        var second = ask("a");
        statements.get(0).fails();
        statements.get(1).answers(Map.of("a", 1));

        first.assertFailedWith(IllegalStateException.class, "away");
        assertThat(second.assertCompleted().getItem()).contains(1);
    }

    @Test
    void a_statement_that_cannot_even_begin_keeps_nobody() {
        Batcher<String, Integer> broken = new Batcher<>(3, LONG, keys -> {
            throw new IllegalStateException("no pool");
        });

        for (int i = 0; i < 2; i++) {
            broken.ask("a")
                    .subscribe()
                    .withSubscriber(UniAssertSubscriber.create())
                    .assertFailedWith(IllegalStateException.class, "no pool");
        }
    }

    @Test
    void one_statement_answers_so_many_at_most() {
        var first = ask("first");
        var asked = IntStream.range(0, 7).mapToObj(number -> ask("k" + number)).toList();
        for (int i = 0; i < statements.size(); i++) {
            statements.get(i).answers(Map.of());
        }

        first.assertCompleted();
        asked.forEach(UniAssertSubscriber::assertCompleted);
        assertThat(statements).extracting(statement -> statement.keys().size()).containsExactly(1, 3, 3, 1);
    }

    @Test
    void too_many_who_wait_are_not_let_in() {
        var running = ask("running");
        List<UniAssertSubscriber<Optional<Integer>>> waiting = new ArrayList<>();
        for (int i = 0; i < Batcher.QUEUED_MAX; i++) {
            waiting.add(ask("k"));
        }

        ask("k").assertFailedWith(ConnectionPoolTooBusyException.class);

        assertThat(DatabaseFaults.unavailable(new ConnectionPoolTooBusyException("so it is told")))
                .isTrue();
        for (int i = 0; i < statements.size(); i++) {
            statements.get(i).answers(Map.of());
        }
        running.assertCompleted();
        waiting.forEach(UniAssertSubscriber::assertCompleted);
    }

    @Test
    void a_statement_that_hangs_is_given_up_and_the_next_one_runs() {
        Batcher<String, Integer> hasty =
                new Batcher<>(3, Duration.ofMillis(1), keys -> Uni.createFrom().nothing());

        for (int i = 0; i < 2; i++) {
            hasty.ask("a")
                    .subscribe()
                    .withSubscriber(UniAssertSubscriber.create())
                    .awaitFailure(Duration.ofSeconds(20))
                    .assertFailedWith(ConnectionPoolTooBusyException.class);
        }
    }

    @Test
    void a_question_whose_asker_has_gone_before_its_statement_is_not_asked() {
        var running = ask("running");
        var gone = ask("gone");
        var stays = ask("stays");

        gone.cancel();
        statements.get(0).answers(Map.of("running", 1));
        statements.get(1).answers(Map.of("stays", 2));

        running.assertCompleted();
        assertThat(stays.assertCompleted().getItem()).contains(2);
        assertThat(statements).extracting(Statement::keys).containsExactly(Set.of("running"), Set.of("stays"));
        assertThat(together.isIdle()).isTrue();
    }

    @Test
    void questions_that_must_be_kept_apart_are_asked_by_different_statements_in_the_order_of_arrival() {
        Batcher<String, Integer> byInitial = new Batcher<>(
                new Batcher.Limits(1, 10, 10, LONG),
                key -> key.charAt(0),
                () -> new IllegalStateException("too busy"),
                this::read);
        for (String key : List.of("x", "c1", "a1", "c2", "c1", "b1")) {
            byInitial.ask(key).subscribe().withSubscriber(UniAssertSubscriber.create());
        }
        for (int i = 0; i < statements.size(); i++) {
            statements.get(i).answers(Map.of());
        }

        assertThat(statements)
                .extracting(statement -> List.copyOf(statement.keys()))
                .containsExactly(List.of("x"), List.of("c1", "a1", "b1"), List.of("c2"));
    }
}
