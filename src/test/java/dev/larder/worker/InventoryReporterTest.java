package dev.larder.worker;

import static dev.larder.testing.Stock.NOON;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.HeartbeatAnswer;
import dev.larder.model.Inventory;
import dev.larder.model.Inventory.Item;
import dev.larder.model.Inventory.Part;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.model.ReportOutcome;
import dev.larder.testing.Eventually;
import dev.larder.testing.SettableClock;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class InventoryReporterTest {

    private static final Duration QUARTER = Duration.ofMinutes(15);

    private final UUID worker = UUID.randomUUID();
    private final SettableClock clock = new SettableClock(NOON);
    private final List<Part> told = new CopyOnWriteArrayList<>();
    private final ConcurrentLinkedQueue<ReportOutcome> verdicts = new ConcurrentLinkedQueue<>();
    private final Shelf exec = new Shelf("exec");
    private final Shelf postgres = new Shelf("postgres");

    /** What exists is what the test puts there. */
    private static final class Shelf implements Backend {

        final String kind;
        final Collection<UUID> things = new ConcurrentLinkedQueue<>();
        final List<UUID> removed = new CopyOnWriteArrayList<>();
        volatile boolean broken;
        volatile boolean stubborn;
        volatile boolean silent;

        Shelf(String kind) {
            this.kind = kind;
        }

        @Override
        public String kind() {
            return kind;
        }

        @Override
        public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Optional<Inventory>> inventory() {
            if (silent) {
                return Uni.createFrom().nothing();
            }
            return broken
                    ? Uni.createFrom().failure(new IllegalStateException("the disk is away"))
                    : Uni.createFrom()
                            .item(Optional.of(new Inventory(
                                    kind + "-1",
                                    things.stream()
                                            .map(one -> new Item(one, "x", true, null))
                                            .toList())));
        }

        @Override
        public Uni<Void> remove(UUID workspace) {
            removed.add(workspace);
            if (silent) {
                return Uni.createFrom().nothing();
            }
            if (stubborn) {
                return Uni.createFrom().failure(new IllegalStateException("a job of this workspace is running"));
            }
            var gone = things.remove(workspace);
            return Uni.createFrom().voidItem();
        }
    }

    private InventoryReporter lister(Duration every, Backend... backends) {
        return lister(every, Duration.ofMinutes(1), backends);
    }

    private InventoryReporter lister(Duration every, Duration longest, Backend... backends) {
        return new InventoryReporter(
                (who, part) -> {
                    assertThat(who).isEqualTo(worker);
                    told.add(part);
                    ReportOutcome verdict = part.last() ? verdicts.poll() : null;
                    return Uni.createFrom().item(verdict == null ? ReportOutcome.NONE : verdict);
                },
                List.of(backends),
                clock,
                every,
                longest);
    }

    private HeartbeatAnswer pulse(@Nullable Instant wish) {
        return new HeartbeatAnswer(Set.of(), Set.of(), clock.instant(), wish);
    }

    /** After which it has listed for a wish, however it is spread. */
    private void hearsInTime(InventoryReporter lister, Instant wish) {
        hears(lister, wish);
        clock.forward(Duration.ofSeconds(10));
        hears(lister, wish);
    }

    private void hears(InventoryReporter lister, @Nullable Instant wish) {
        lister.heard(worker, pulse(wish));
    }

    private void sees(int parts) {
        Eventually.see(told::size, size -> size == parts);
    }

    @Test
    void lists_all_its_backends_under_the_instant_of_the_heartbeat() {
        exec.things.add(UUID.randomUUID());
        InventoryReporter lister = lister(QUARTER, exec, postgres);
        hearsInTime(lister, NOON);
        Eventually.see(told::size, size -> size == 2);

        assertThat(told).extracting(Part::backend).containsExactlyInAnyOrder("exec", "postgres");
        assertThat(told).allMatch(part -> part.last() && part.began().equals(NOON.plusSeconds(10)));
        assertThat(told).extracting(Part::location).containsExactlyInAnyOrder("exec-1", "postgres-1");
    }

    @Test
    void lists_within_a_minute_of_its_start_and_then_at_its_interval() {
        InventoryReporter lister = lister(QUARTER, exec);
        hears(lister, null);
        clock.forward(Duration.ofSeconds(14));
        hears(lister, null);
        assertThat(told).isEmpty();

        clock.forward(Duration.ofSeconds(46));
        hears(lister, null);
        sees(1);
        clock.forward(QUARTER.multipliedBy(3).dividedBy(4).minusSeconds(1));
        hears(lister, null);
        clock.forward(QUARTER);
        hears(lister, null);
        sees(2);
    }

    @Test
    void who_never_lists_by_itself_lists_when_asked_and_once_for_each_wish() {
        InventoryReporter lister = lister(Duration.ZERO, exec);
        clock.forward(Duration.ofDays(1));
        hears(lister, null);
        hearsInTime(lister, NOON);
        sees(1);
        clock.forward(Duration.ofMinutes(2));
        Eventually.see(() -> lister.isDue(clock.instant(), pulse(NOON)), due -> !due);

        hears(lister, NOON);
        hearsInTime(lister, NOON.plusSeconds(1));

        sees(2);
        await(lister.stop(Duration.ofSeconds(20)));
        assertThat(told).hasSize(2);
    }

    @Test
    void who_hears_of_a_wish_waits_a_moment_so_that_not_all_list_at_once() {
        InventoryReporter lister = lister(Duration.ZERO, exec);
        hears(lister, null);

        hears(lister, NOON);

        assertThat(lister.isDue(clock.instant(), pulse(NOON))).isFalse();
        clock.forward(Duration.ofSeconds(10));
        assertThat(lister.isDue(clock.instant(), pulse(NOON))).isTrue();
    }

    @Test
    void what_was_wished_before_it_entered_makes_it_list_no_earlier() {
        InventoryReporter lister = lister(QUARTER, exec);
        Instant before = NOON.minusSeconds(1);
        hears(lister, before);

        clock.forward(Duration.ofSeconds(14));

        assertThat(lister.isDue(clock.instant(), pulse(before))).isFalse();
        clock.forward(Duration.ofSeconds(46));
        assertThat(lister.isDue(clock.instant(), pulse(before))).isTrue();
    }

    @Test
    void a_backend_that_does_not_answer_keeps_the_others_from_nothing() {
        exec.silent = true;

        await(heardAndListed(lister(QUARTER, Duration.ofMillis(20), exec, postgres), null));

        assertThat(told).extracting(Part::backend).containsExactly("postgres");
    }

    @Test
    void a_removal_that_does_not_end_ends_the_listing_all_the_same() {
        UUID leaked = UUID.randomUUID();
        verdicts.add(new ReportOutcome(Set.of(leaked), 0, 0, false));
        InventoryReporter lister = new InventoryReporter(
                (who, part) -> {
                    exec.silent = true;
                    return Uni.createFrom()
                            .item(Optional.ofNullable(verdicts.poll()).orElse(ReportOutcome.NONE));
                },
                List.of(exec),
                clock,
                QUARTER,
                Duration.ofMillis(20));

        await(heardAndListed(lister, null));

        assertThat(exec.removed).containsExactly(leaked);
    }

    @Test
    void a_backend_that_cannot_be_listed_is_tried_again_and_keeps_the_others_from_nothing() {
        exec.broken = true;
        InventoryReporter lister = lister(Duration.ZERO, exec, postgres);
        hearsInTime(lister, NOON);
        sees(1);
        assertThat(told).extracting(Part::backend).containsExactly("postgres");

        exec.broken = false;
        clock.forward(Duration.ofMinutes(1));
        hears(lister, NOON);

        Eventually.see(() -> told.stream().map(Part::backend).toList(), kinds -> kinds.contains("exec"));
    }

    /** Cranked by hand. */
    private Uni<Boolean> heardAndListed(InventoryReporter lister, @Nullable Instant wish) {
        hears(lister, wish);
        return lister.list();
    }

    @Test
    void much_is_told_in_parts_and_only_the_last_is_the_end() {
        Stream.generate(UUID::randomUUID).limit(Part.THINGS_MAX + 1).forEach(exec.things::add);

        await(heardAndListed(lister(QUARTER, exec), null));

        assertThat(told).extracting(part -> part.things().size()).containsExactly(Part.THINGS_MAX, 1);
        assertThat(told).extracting(Part::last).containsExactly(false, true);
    }

    @Test
    void removes_what_it_is_told_and_lists_again_with_the_next_heartbeat() {
        UUID leaked = UUID.randomUUID();
        exec.things.add(leaked);
        verdicts.add(new ReportOutcome(Set.of(leaked), 0, 0, false));
        InventoryReporter lister = lister(QUARTER, exec);
        await(heardAndListed(lister, null));

        assertThat(exec.removed).containsExactly(leaked);
        clock.forward(Duration.ofSeconds(5));
        hears(lister, null);

        sees(2);
        assertThat(told.getLast().things()).isEmpty();
        assertThat(told.getLast().began()).isEqualTo(NOON.plusSeconds(5));
    }

    @Test
    void what_cannot_be_removed_is_tried_once_in_a_listing_and_does_not_make_it_list_again() {
        UUID leaked = UUID.randomUUID();
        exec.stubborn = true;
        verdicts.addAll(List.of(
                new ReportOutcome(Set.of(leaked), 0, 0, false), new ReportOutcome(Set.of(leaked), 0, 0, false)));
        InventoryReporter lister = lister(QUARTER, exec);
        await(heardAndListed(lister, null));
        hears(lister, null);
        assertThat(told).hasSize(1);

        await(lister.list());

        assertThat(exec.removed).containsExactly(leaked, leaked);
    }

    @Test
    void what_is_there_again_after_its_removal_waits_for_the_next_listing() {
        UUID returns = UUID.randomUUID();
        List<ReportOutcome> always = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            always.add(new ReportOutcome(Set.of(returns), 0, 0, false));
        }
        verdicts.addAll(always);
        InventoryReporter lister = lister(QUARTER, exec);
        await(heardAndListed(lister, null));
        hears(lister, null);
        sees(2);
        await(lister.stop(Duration.ofSeconds(20)));

        assertThat(exec.removed).containsExactly(returns);
    }
}
