package dev.larder.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SqlTest {

    @Test
    void a_name_is_one_position_wherever_it_stands() {
        Sql sql = Sql.of("SELECT :b::uuid, :a WHERE x = :b", "a", "b");

        assertThat(sql.text()).isEqualTo("SELECT $2::uuid, $1 WHERE x = $2");
    }

    @Test
    void a_name_that_begins_like_another_is_its_own() {
        assertThat(Sql.of(":at, :attempt, :at_once", "at_once", "at", "attempt").text())
                .isEqualTo("$2, $3, $1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "SELECT 'a:b' || ':c'",
                "SELECT \"a:b\"",
                "SELECT 1 -- as :said",
                "SELECT now()::timestamptz",
                "SELECT a[1:n], b[x:y]",
                "SELECT 'it''s :quoted'",
                "SELECT '\\d $ {}'"
            })
    void texts_casts_comments_and_bounds_hold_no_parameters(String text) {
        assertThat(Sql.of(text).text()).isEqualTo(text);
    }

    @Test
    void what_does_not_fit_fails_when_the_statement_is_made() {
        assertThatThrownBy(() -> Sql.of("SELECT :a, :b", "a")).hasMessage("in the statement, but not given: b");
        assertThatThrownBy(() -> Sql.of("SELECT :a", "a", "b")).hasMessage("given, but not in the statement: [b]");
        assertThatThrownBy(() -> Sql.of("SELECT :a", "a", "a")).hasMessage("a parameter is given twice: [a, a]");
        assertThatThrownBy(() -> Sql.of("SELECT $1, :a", "a")).hasMessage("has no name: $1");
    }
}
