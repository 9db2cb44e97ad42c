package dev.larder.observe;

import static org.assertj.core.api.Assertions.assertThat;

import io.smallrye.mutiny.Uni;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;

class LastReadTest {

    private final Deque<Uni<Long>> answers = new ArrayDeque<>(List.of(
            Uni.createFrom().item(7L),
            Uni.createFrom().failure(new IllegalStateException("the database is away")),
            Uni.createFrom().item(8L)));
    private final LastRead<Long> number = new LastRead<>("numbers", answers::pop);

    private double renewed() {
        number.renew().await().indefinitely();
        return number.value(Long::doubleValue);
    }

    @Test
    void a_number_is_unknown_before_the_first_read_and_after_one_that_failed() {
        assertThat(number.value(Long::doubleValue)).isNaN();
        assertThat(renewed()).isEqualTo(7);
        assertThat(renewed()).isNaN();
        assertThat(renewed()).isEqualTo(8);
    }

    @Test
    void a_reading_that_cannot_be_begun_is_a_failed_one() {
        answers.clear();

        assertThat(renewed()).isNaN();
    }
}
