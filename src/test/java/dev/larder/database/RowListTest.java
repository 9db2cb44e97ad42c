package dev.larder.database;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import io.vertx.mutiny.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** On the table of the audit, whose entries have no rows beside them. */
class RowListTest {

    private static final int ROWS = 12_000;
    private static final int EVERY = 4_000;
    private static final String ENTRY = "SELECT a.id FROM audit a";

    private final RowList audit = new RowList("audit x", "x.id");
    private final Database database = Databases.fresh();

    @BeforeEach
    void a_history_with_three_rare_entries() {
        var done = await(database.pool().preparedQuery("""
                        INSERT INTO audit (id, at, actor_id, action, target_id)
                        SELECT lpad(to_hex(i), 32, '0')::uuid, now(), lpad('1', 32, '0')::uuid,
                               CASE WHEN i % $2 = 0 THEN 'rare' ELSE 'common' END, lpad(to_hex(i % 3), 32, '0')::uuid
                          FROM generate_series(1, $1::integer) i""").execute(Tuple.of(ROWS, EVERY)));
    }

    @AfterEach
    void close() {
        database.close();
    }

    private Slice<Long> page(RowList.Query query, Optional<UUID> after, int limit) {
        return await(query.page(
                database.pool(),
                ENTRY,
                "a.id",
                after,
                limit,
                row -> row.getUUID("id").getLeastSignificantBits()));
    }

    private RowList.Query rare() {
        return audit.all().filter("x.action = :action", "action", Optional.of("rare"));
    }

    @Test
    void a_page_begins_with_the_newest_and_goes_on_after_the_last_one() {
        Slice<Long> first = page(audit.all(), Optional.empty(), 2);
        Slice<Long> second = page(audit.all(), Optional.of(new UUID(0, 11_999)), 2);

        assertThat(first.rows()).containsExactly(12_000L, 11_999L);
        assertThat(second.rows()).containsExactly(11_998L, 11_997L);
        assertThat(first.examinedTo()).isEmpty();
    }

    @Test
    void a_condition_without_a_value_is_left_out() {
        RowList.Query query = audit.all().where("x.action = :action", "action", Optional.empty());

        assertThat(query.text(ENTRY, "a.id")).doesNotContain("action");
        assertThat(page(query, Optional.empty(), 1).rows()).containsExactly(12_000L);
    }

    @Test
    void a_filter_looks_at_a_bounded_number_of_rows_and_says_where_it_stopped() {
        Slice<Long> first = page(rare(), Optional.empty(), 10);

        assertThat(first.rows()).containsExactly(12_000L, 8_000L);
        assertThat(first.examinedTo()).contains(new UUID(0, ROWS - RowList.EXAMINED_MAX + 1));
    }

    @Test
    void pages_of_a_filter_find_each_row_once_and_end() {
        List<Long> found = new ArrayList<>();
        Optional<UUID> after = Optional.empty();
        int pages = 0;

        do {
            Slice<Long> page = page(rare(), after, 10);
            found.addAll(page.rows());
            after = page.examinedTo();
            pages++;
        } while (after.isPresent());

        assertThat(found).containsExactly(12_000L, 8_000L, 4_000L);
        assertThat(pages).isEqualTo(3);
    }

    @Test
    void a_page_that_is_full_says_nothing_of_where_it_stopped() {
        Slice<Long> full = page(rare(), Optional.empty(), 2);

        assertThat(full.rows()).hasSize(2);
        assertThat(full.examinedTo()).isEmpty();
    }

    @Test
    void rows_of_several_keys_are_merged() {
        String keys = "SELECT k.id AS key FROM (VALUES (:one::uuid), (:two::uuid)) k (id)";
        RowList.Query query = audit.all()
                .with("one", new UUID(0, 1))
                .with("two", new UUID(0, 2))
                .among("x.target_id", keys);

        assertThat(page(query, Optional.empty(), 4).rows()).containsExactly(11_999L, 11_998L, 11_996L, 11_995L);
        assertThat(page(query, Optional.of(new UUID(0, 5)), 4).rows()).containsExactly(4L, 2L, 1L);
        assertThat(await(query.total(database.pool()))).isEqualTo(new Total(8_000, true));
    }

    @Test
    void a_second_set_of_keys_is_a_filter() {
        RowList.Query query = audit.all()
                .with("one", new UUID(0, 1))
                .among("x.target_id", "SELECT :one::uuid AS key")
                .among("x.actor_id", "SELECT :one::uuid AS key");

        assertThat(page(query, Optional.empty(), 2).rows()).containsExactly(11_998L, 11_995L);
    }

    @Test
    void a_total_is_exact_up_to_a_bound() {
        assertThat(await(audit.all().total(database.pool()))).isEqualTo(new Total(10_000, false));
        assertThat(await(rare().total(database.pool()))).isEqualTo(new Total(3, true));
        assertThat(await(audit.all()
                        .where("x.id <= :last", "last", Optional.of(new UUID(0, 10_000)))
                        .total(database.pool())))
                .isEqualTo(new Total(10_000, true));
    }
}
