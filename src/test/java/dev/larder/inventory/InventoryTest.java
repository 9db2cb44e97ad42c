package dev.larder.inventory;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.Rows;
import dev.larder.inventory.InventoryReads.Count;
import dev.larder.inventory.InventoryReads.InventoryEntry;
import dev.larder.inventory.InventoryReads.Location;
import dev.larder.inventory.ListingStore.Recorded;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Inventory.Item;
import dev.larder.model.Inventory.Part;
import dev.larder.model.JobOutcome;
import dev.larder.model.ReportOutcome;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What exists, compared with what should (decision 0016). */
class InventoryTest {

    private static final String PLACE = "server-1";
    private static final Duration WELL_AFTER = Stock.INVENTORY_GRACE.plusSeconds(1);

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final UUID preset = stock.declare("small", 10);

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private static Item whole(UUID workspace) {
        return new Item(workspace, "thing " + workspace, true, null);
    }

    private static Item trace(UUID workspace) {
        return new Item(workspace, "trace " + workspace, false, null);
    }

    private static Part part(String place, Instant began, List<Item> things, boolean last) {
        return new Part("exec", place, began, things, last);
    }

    private Recorded told(UUID worker, Part part) {
        return await(stock.listings.record(worker, part, now()));
    }

    /** A whole listing at once. */
    @CanIgnoreReturnValue
    private ReportOutcome listed(UUID worker, String place, Instant began, List<Item> things) {
        Part all = part(place, began, things, true);
        assertThat(told(worker, all)).isEqualTo(Recorded.YES);
        return await(stock.missing.conclude(worker, all, now()));
    }

    @CanIgnoreReturnValue
    private ReportOutcome listed(UUID... workspaces) {
        return listed(
                stock.worker,
                PLACE,
                now(),
                Arrays.stream(workspaces).map(InventoryTest::whole).toList());
    }

    /** Built, listed, and long settled. */
    @CanIgnoreReturnValue
    private List<UUID> known(int count) {
        List<UUID> ready = stock.ready(preset, count);
        stock.clock.forward(WELL_AFTER);
        listed(ready.toArray(UUID[]::new));
        return ready;
    }

    private Row workspace(UUID id) {
        return stock.row("SELECT * FROM workspaces WHERE id = $1", Tuple.of(id));
    }

    private boolean missing(UUID id) {
        return workspace(id).getValue("missing_since") != null;
    }

    private boolean toBeDeleted(UUID id) {
        return workspace(id).getValue("deletion_wanted_at") != null;
    }

    private void delete(UUID workspace) {
        stock.sql("UPDATE workspaces SET deletion_wanted_at = $2 WHERE id = $1", workspace, Rows.utc(now()));
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        stock.buildAll();
    }

    private List<InventoryEntry> found(Caller who, @Nullable String state) {
        return await(stock.inventoryReader.list(who.organization(), Optional.empty(), Optional.ofNullable(state), 100));
    }

    private String state(UUID workspace) {
        return found(stock.owner, null).stream()
                .filter(one -> workspace.equals(one.belonging().workspaceId())
                        || workspace.equals(one.belonging().versionId()))
                .map(InventoryEntry::state)
                .findFirst()
                .orElse("none");
    }

    private UUID claimed() {
        UUID claim = stock.claim(preset, anna).orElseThrow();
        return stock.look(claim).workspace().orElseThrow().id();
    }

    // States

    @Test
    void what_lives_and_is_listed_is_owned() {
        UUID lives = known(1).getFirst();

        InventoryEntry one = found(stock.owner, null).getFirst();

        assertThat(one.state()).isEqualTo("owned");
        assertThat(one.belonging().workspaceId()).isEqualTo(lives);
        assertThat(one.belonging().organization()).isEqualTo(Stock.ORGANIZATION);
        assertThat(one.sightings().lastSeenAt()).isEqualTo(now());
    }

    @Test
    void what_is_left_of_a_deleted_workspace_is_leaked_once_a_listing_that_began_well_after_has_seen_it() {
        UUID gone = known(1).getFirst();
        delete(gone);
        assertThat(state(gone)).isEqualTo("settling");

        stock.clock.forward(Stock.INVENTORY_GRACE);
        listed(gone);
        assertThat(state(gone)).isEqualTo("settling");

        stock.clock.forward(Duration.ofSeconds(1));
        assertThat(state(gone)).isEqualTo("settling");
        listed(gone);
        assertThat(state(gone)).isEqualTo("leaked");
    }

    @Test
    void what_is_left_of_a_start_that_was_canceled_before_it_began_is_leaked_too() {
        stock.create(preset, 1);
        UUID never = stock.row("SELECT id FROM workspaces", Tuple.tuple()).getUUID("id");
        assertThat(await(stock.cancels.withdraw(now(), now().plusSeconds(1)))).isEqualTo(1);
        stock.clock.forward(WELL_AFTER);

        listed(never);

        assertThat(state(never)).isEqualTo("leaked");
    }

    @Test
    void what_belongs_to_no_workspace_is_unknown_and_is_never_removed_unasked() {
        UUID foreign = UUID.randomUUID();
        listed(foreign);
        stock.clock.forward(Duration.ofDays(10));

        assertThat(listed(foreign).remove()).isEmpty();
        assertThat(state(foreign)).isEqualTo("unknown");
    }

    // Templates of versions

    private UUID activeVersion() {
        return stock.row("SELECT active_version_id FROM templates", Tuple.tuple())
                .getUUID("active_version_id");
    }

    @Test
    void the_template_of_a_served_version_is_owned() {
        UUID version = activeVersion();
        stock.clock.forward(WELL_AFTER);

        assertThat(listed(version).remove()).isEmpty();

        assertThat(state(version)).isEqualTo("owned");
        InventoryEntry found = found(stock.owner, null).getFirst();
        assertThat(found.belonging().workspaceId()).isNull();
        assertThat(found.belonging().organization()).isEqualTo(Stock.ORGANIZATION);
    }

    @Test
    void the_template_of_a_version_that_is_no_longer_served_is_removed() {
        stock.replacing();
        UUID version = activeVersion();
        known(1);
        stock.promoteNewVersion();
        stock.clock.forward(WELL_AFTER);

        assertThat(listed(version).remove()).containsExactly(version);

        assertThat(state(version)).isEqualTo("leaked");
        stock.clock.forward(Duration.ofSeconds(1));
        listed();
        assertThat(state(version)).isEqualTo("none");
    }

    @Test
    void a_first_build_that_is_not_done_keeps_the_template_of_its_version() {
        stock.replacing();
        UUID version = activeVersion();
        stock.create(preset, 1);
        Assignment job = stock.take(1).getFirst();
        stock.promoteNewVersion();
        stock.clock.forward(WELL_AFTER);

        assertThat(listed(version).remove()).isEmpty();
        assertThat(state(version)).isEqualTo("owned");

        stock.succeed(job);
        assertThat(listed(version).remove()).containsExactly(version);
    }

    @Test
    void a_deleted_or_deprecated_template_needs_no_template_database() {
        for (String end : List.of("deleted_at = now()", "deleted_at = NULL, deprecated_reason = 'old'")) {
            stock.sql("UPDATE templates SET " + end);
            stock.clock.forward(WELL_AFTER);

            assertThat(listed(activeVersion()).remove()).as(end).containsExactly(activeVersion());
        }
    }

    @Test
    void the_template_of_a_new_version_is_not_removed_yet() {
        stock.replacing();
        UUID version = activeVersion();
        stock.promoteNewVersion();

        assertThat(listed(version).remove()).isEmpty();
        assertThat(state(version)).isEqualTo("settling");
    }

    @Test
    void an_organizations_worker_is_told_to_remove_templates_of_its_organization_alone() {
        UUID version = activeVersion();
        stock.promoteNewVersion();
        stock.clock.forward(WELL_AFTER);
        Other other = new Other();

        assertThat(listed(other.worker, PLACE, now(), List.of(whole(version))).remove())
                .isEmpty();
    }

    @Test
    void what_nobody_owns_and_is_no_longer_there_is_forgotten() {
        UUID foreign = UUID.randomUUID();
        UUID gone = known(1).getFirst();
        delete(gone);
        listed(foreign, gone);
        stock.clock.forward(WELL_AFTER);

        listed();

        assertThat(stock.count("inventory")).isZero();
    }

    @Test
    void the_counts_are_those_of_the_states_but_only_somebodys_is_missing() {
        List<UUID> built = known(4);
        UUID mine = claimed();
        assertThat(mine).isEqualTo(built.removeFirst());
        delete(built.getFirst());
        stock.clock.forward(WELL_AFTER);
        listed(built.get(0), built.get(1), UUID.randomUUID());

        assertThat(await(stock.inventoryReader.counts()))
                .containsExactlyInAnyOrder(
                        new Count("exec", "leaked", 1),
                        new Count("exec", "owned", 1),
                        new Count("exec", "unknown", 1),
                        new Count("exec", "settling", 1),
                        new Count("exec", "missing", 1));
    }

    // Missing

    @Test
    void a_prebuild_that_is_no_longer_there_is_given_to_nobody_and_deleted() {
        List<UUID> ready = known(2);

        ReportOutcome verdict = listed(stock.worker, PLACE, now().plusSeconds(1), List.of(whole(ready.get(1))));

        assertThat(verdict.marked()).isEqualTo(1);
        assertThat(state(ready.getFirst())).isEqualTo("missing");
        assertThat(claimed()).isEqualTo(ready.get(1));
        assertThat(stock.claim(preset, anna)).isEmpty();
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        assertThat(workspace(ready.getFirst()).getString("transition")).isEqualTo("delete");
        assertThat(state(ready.getFirst())).isEqualTo("settling");
        assertThat(stock.count("notifications")).isZero();
    }

    @Test
    void somebodys_that_is_no_longer_there_is_shown_and_told_once_and_stays_theirs() {
        UUID mine = known(1).stream().map(ready -> claimed()).findFirst().orElseThrow();
        stock.clock.forward(Duration.ofHours(1));

        listed();
        Instant since = now();
        stock.clock.forward(Duration.ofHours(1));
        listed();

        assertThat(await(stock.workspaces.find(mine, Visibility.of(anna)))
                        .orElseThrow()
                        .times()
                        .missingSince())
                .isEqualTo(since);
        assertThat(toBeDeleted(mine)).isFalse();
        Row told = stock.row("SELECT kind, detail FROM notifications", Tuple.tuple());
        assertThat(told.getString("kind")).isEqualTo("workspace_missing");
        assertThat(told.getJsonObject("detail").getString("owner")).isEqualTo("anna");
        assertThat(stock.count("notifications")).isEqualTo(1);
    }

    @Test
    void what_is_seen_again_is_missing_no_more() {
        UUID mine = known(1).stream().map(ready -> claimed()).findFirst().orElseThrow();
        stock.clock.forward(Duration.ofHours(1));
        listed();
        assertThat(missing(mine)).isTrue();

        stock.clock.forward(Duration.ofHours(1));
        listed(mine);

        assertThat(missing(mine)).isFalse();
        assertThat(state(mine)).isEqualTo("owned");
        stock.clock.forward(Duration.ofHours(1));
        listed();
        assertThat(missing(mine)).isTrue();
        assertThat(stock.count("notifications")).isEqualTo(1);
    }

    @Test
    void a_trace_is_not_the_thing() {
        UUID broken = known(1).getFirst();
        stock.clock.forward(Duration.ofHours(1));

        listed(stock.worker, PLACE, now(), List.of(trace(broken)));

        assertThat(missing(broken)).isTrue();
        assertThat(state(broken)).isEqualTo("missing");
    }

    @Test
    void what_was_never_seen_here_is_not_missed_here() {
        UUID elsewhere = stock.ready(preset, 1).getFirst();
        stock.clock.forward(WELL_AFTER);

        assertThat(listed().lost()).isZero();
        assertThat(missing(elsewhere)).isFalse();
    }

    @Test
    void what_another_place_has_is_not_missed_here() {
        UUID moved = known(1).getFirst();
        stock.clock.forward(WELL_AFTER);
        listed(stock.worker, "server-2", now(), List.of(whole(moved)));

        assertThat(listed().lost()).isZero();

        stock.clock.forward(WELL_AFTER);
        assertThat(listed(stock.worker, "server-2", now(), List.of()).lost())
                .as("neither has it any more")
                .isEqualTo(1);
        assertThat(missing(moved)).isTrue();
    }

    @Test
    void what_a_build_works_on_or_did_as_the_listing_ran_is_not_missed() {
        stock.create(preset, 1);
        Assignment job = stock.take(1).getFirst();
        listed(job.workspaceId());
        Instant began = now().plusSeconds(1);

        assertThat(listed(stock.worker, PLACE, began, List.of()).lost()).isZero();
        stock.clock.forward(Duration.ofSeconds(2));
        stock.succeed(job);

        assertThat(listed(stock.worker, PLACE, began, List.of()).lost()).isZero();
        listed(job.workspaceId());
        assertThat(listed(stock.worker, PLACE, now().plus(Stock.INVENTORY_GRACE).minusMillis(1), List.of())
                        .lost())
                .isZero();
        assertThat(listed(stock.worker, PLACE, now().plus(Stock.INVENTORY_GRACE), List.of())
                        .lost())
                .isEqualTo(1);
    }

    @Test
    void what_was_whole_only_before_its_build_had_ended_is_not_missed() {
        stock.create(preset, 1);
        Assignment job = stock.take(1).getFirst();
        listed(job.workspaceId());
        stock.clock.forward(Duration.ofSeconds(1));
        stock.succeed(job);
        stock.clock.forward(WELL_AFTER);

        assertThat(listed().lost()).isZero();
        assertThat(missing(job.workspaceId())).isFalse();
    }

    @Test
    void what_an_earlier_attempt_left_here_is_not_missed_here() {
        stock.create(preset, 1);
        Assignment job = stock.take(1).getFirst();
        stock.succeed(job);
        stock.clock.forward(WELL_AFTER);
        listed(stock.worker, PLACE, now(), List.of(trace(job.workspaceId())));
        stock.clock.forward(WELL_AFTER);

        assertThat(listed().lost()).isZero();
        assertThat(missing(job.workspaceId())).isFalse();
    }

    @Test
    void nothing_is_missed_before_every_other_place_that_is_heard_of_has_been_listed_since_its_build() {
        listed(stock.worker, "server-2", now(), List.of());
        stock.clock.forward(Duration.ofSeconds(1));
        UUID left = known(1).getFirst();
        stock.clock.forward(WELL_AFTER);

        assertThat(listed().lost()).isZero();

        listed(stock.worker, "server-2", now(), List.of());
        stock.clock.forward(Duration.ofSeconds(1));
        assertThat(listed().lost()).isEqualTo(1);
        assertThat(missing(left)).isTrue();
    }

    @Test
    void a_place_whose_worker_could_not_have_built_it_is_not_waited_for() {
        UUID tagged =
                await(stock.workers.register(new WorkerEntry("lab", Map.of("site", "lab"), List.of("exec"), 1), now()));
        listed(tagged, "server-2", now(), List.of());
        stock.clock.forward(Duration.ofSeconds(1));
        UUID lost = known(1).getFirst();
        stock.clock.forward(WELL_AFTER);

        assertThat(listed().lost()).isEqualTo(1);
        assertThat(missing(lost)).isTrue();
    }

    @Test
    void a_place_that_was_not_heard_of_for_an_hour_keeps_nobody_from_missing() {
        listed(stock.worker, "server-2", now(), List.of());
        stock.clock.forward(Duration.ofSeconds(1));
        UUID lost = known(1).getFirst();
        stock.clock.forward(Duration.ofHours(1));

        assertThat(listed().lost()).isEqualTo(1);
        assertThat(missing(lost)).isTrue();
    }

    @Test
    void what_a_first_start_failed_to_make_is_not_missed() {
        stock.create(preset, 1);
        Assignment job = stock.take(1).getFirst();
        listed(job.workspaceId());
        stock.fail(job);
        stock.clock.forward(WELL_AFTER);

        assertThat(listed().lost()).isZero();
        assertThat(stock.count("inventory")).isZero();
    }

    @Test
    void what_is_being_deleted_is_not_missed() {
        UUID going = known(1).getFirst();
        stock.sql("UPDATE workspaces SET deletion_wanted_at = $2 WHERE id = $1", going, Rows.utc(now()));
        stock.clock.forward(WELL_AFTER);

        assertThat(listed().lost()).isZero();
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        assertThat(listed(stock.worker, PLACE, now().plusSeconds(1), List.of()).lost())
                .isZero();
        assertThat(missing(going)).isFalse();
    }

    @Test
    void one_that_was_given_back_and_is_missing_is_not_used_again() {
        UUID reusable = stock.declareReusable("again", 2, 3);
        UUID lost = stock.ready(reusable, 1).getFirst();
        UUID claim = stock.claim(reusable, anna).orElseThrow();
        stock.clock.forward(WELL_AFTER);
        listed(lost);
        listed(stock.worker, PLACE, now().plusSeconds(1), List.of());
        assertThat(missing(lost)).isTrue();
        assertThat(stock.release(claim)).isTrue();
        assertThat(stock.create(reusable, 1)).isEqualTo(1);

        assertThat(await(stock.builds.recycle(now()))).isZero();

        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
    }

    // Several listings of one place

    @Test
    void nothing_follows_before_the_last_part() {
        List<UUID> ready = known(2);
        stock.clock.forward(Duration.ofMinutes(1));
        Instant began = now();

        assertThat(told(stock.worker, part(PLACE, began, List.of(whole(ready.get(0))), false)))
                .isEqualTo(Recorded.YES);
        assertThat(stock.count("workspaces WHERE missing_since IS NOT NULL")).isZero();
        ReportOutcome verdict = listed(stock.worker, PLACE, began, List.of(whole(ready.get(1))));

        assertThat(verdict.lost()).isZero();
    }

    @Test
    void an_older_listing_concludes_nothing_after_a_newer_one() {
        UUID ready = known(1).getFirst();
        Instant older = now().plusSeconds(1);
        Instant newer = now().plusSeconds(2);
        listed(stock.worker, PLACE, newer, List.of(whole(ready)));

        ReportOutcome late = listed(stock.worker, PLACE, older, List.of());

        assertThat(late).isEqualTo(ReportOutcome.NONE);
        assertThat(missing(ready)).isFalse();
    }

    @Test
    void what_an_older_listing_names_does_not_bring_back_what_a_newer_one_missed() {
        UUID ready = known(1).getFirst();
        Instant older = now().plusSeconds(1);
        listed(stock.worker, PLACE, now().plusSeconds(2), List.of());

        assertThat(told(stock.worker, part(PLACE, older, List.of(whole(ready)), false)))
                .isEqualTo(Recorded.YES);

        assertThat(missing(ready)).isTrue();
        assertThat(state(ready)).isEqualTo("missing");
    }

    @Test
    void the_same_part_again_is_no_change() {
        UUID twice = UUID.randomUUID();
        Part part = part(PLACE, now(), List.of(whole(twice), trace(twice)), false);

        assertThat(told(stock.worker, part)).isEqualTo(Recorded.YES);
        assertThat(told(stock.worker, part)).isEqualTo(Recorded.YES);

        assertThat(found(stock.owner, null))
                .hasSize(1)
                .allMatch(one -> one.sightings().whole());
    }

    @Test
    void two_workers_may_list_one_place_at_once() {
        List<UUID> ready = stock.ready(preset, 10);
        stock.clock.forward(WELL_AFTER);
        List<Item> there =
                new ArrayList<>(ready.stream().map(InventoryTest::whole).toList());
        List<Item> other = new ArrayList<>(there);
        Collections.reverse(other);
        List<Uni<ReportOutcome>> both = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            Part all = part(PLACE, now().plusMillis(i), i % 2 == 0 ? there : other, true);
            both.add(stock.listings
                    .record(stock.worker, all, now())
                    .chain(() -> stock.missing.conclude(stock.worker, all, now())));
        }

        List<ReportOutcome> verdicts = await(Uni.join().all(both).andFailFast());

        assertThat(verdicts).allMatch(verdict -> verdict.lost() == 0);
        assertThat(stock.count("inventory")).isEqualTo(10);
    }

    private UUID colleague() {
        return await(stock.workers.register(new WorkerEntry("colleague", Map.of(), List.of("exec"), 1), now()));
    }

    @Test
    void what_only_another_living_worker_sees_is_not_missed_for_the_two_may_be_at_copies_of_one_server() {
        List<UUID> mine = known(8);
        UUID colleague = colleague();
        List<UUID> theirs = mine.subList(0, 3);
        List<Item> there = theirs.stream().map(InventoryTest::whole).toList();
        listed(colleague, PLACE, now(), there);
        stock.clock.forward(Duration.ofMinutes(1));

        assertThat(listed(colleague, PLACE, now(), there).lost()).isZero();
        stock.clock.forward(Duration.ofMinutes(1));
        assertThat(listed(mine.subList(3, 8).toArray(UUID[]::new)).lost()).isZero();

        stock.clock.forward(Duration.ofMinutes(1));
        assertThat(listed(colleague, PLACE, now(), there.subList(0, 2)).lost())
                .as("who has seen it last sees it no more")
                .isEqualTo(1);
        assertThat(missing(theirs.get(2))).isTrue();
    }

    @Test
    void what_a_worker_that_has_stopped_or_is_silent_saw_last_is_missed_by_the_next() {
        UUID colleague = colleague();
        UUID silent = colleague();
        List<UUID> ready = known(2);
        listed(silent, PLACE, now(), List.of(whole(ready.get(1))));
        stock.clock.forward(Duration.ofHours(1));
        await(stock.workers.heartbeat(colleague, now()));
        listed(colleague, PLACE, now(), List.of(whole(ready.get(0))));
        assertThat(missing(ready.get(1))).isTrue();
        stock.clock.forward(Duration.ofSeconds(1));
        assertThat(listed().lost()).isZero();

        await(stock.workers.stop(colleague, now()));
        stock.clock.forward(Duration.ofSeconds(1));

        assertThat(listed().lost()).isEqualTo(1);
    }

    // A listing that cannot be

    @Test
    void a_listing_that_misses_more_than_half_and_more_than_three_marks_nothing() {
        List<UUID> ready = known(7);
        stock.clock.forward(Duration.ofMinutes(1));

        ReportOutcome verdict = listed(ready.get(0), ready.get(1), ready.get(2));

        assertThat(verdict).isEqualTo(new ReportOutcome(Set.of(), 4, 0, true));
        assertThat(stock.count("workspaces WHERE missing_since IS NOT NULL OR deletion_wanted_at IS NOT NULL"))
                .isZero();
        assertThat(place().latest().suspiciousSince()).isEqualTo(now());
        assertThat(place().latest().lost()).isEqualTo(4);
        assertThat(await(stock.inventoryReader.counts())).contains(new Count("exec", "suspicious", 1));
    }

    private void builtJustNow(List<UUID> workspaces) {
        stock.sql(
                "UPDATE workspaces SET build_finished_at = $2 WHERE id = ANY ($1)",
                workspaces.toArray(UUID[]::new),
                Rows.utc(now()));
    }

    @Test
    void what_cannot_be_marked_yet_is_missed_like_the_others() {
        List<UUID> ready = known(8);
        stock.clock.forward(Duration.ofMinutes(1));
        builtJustNow(ready.subList(0, 5));
        stock.clock.forward(Duration.ofSeconds(1));

        assertThat(listed()).as("8 of 8, of which 3 are settled").isEqualTo(new ReportOutcome(Set.of(), 8, 0, true));

        assertThat(stock.count("workspaces WHERE missing_since IS NOT NULL")).isZero();
    }

    @Test
    void what_somebody_has_locked_is_missed_like_the_others() {
        List<UUID> ready = known(8);
        stock.clock.forward(Duration.ofMinutes(1));
        try (OpenTransaction busy = new OpenTransaction(stock)) {
            for (UUID one : ready.subList(0, 5)) {
                busy.does("UPDATE workspaces SET version = version + 1 WHERE id = $1", one);
            }
            assertThat(listed().suspicious()).isTrue();
        }
    }

    @Test
    void what_has_moved_makes_no_listing_suspicious() {
        List<UUID> ready = known(5);
        stock.clock.forward(Duration.ofMinutes(1));
        listed(
                stock.worker,
                "server-2",
                now(),
                ready.subList(0, 4).stream().map(InventoryTest::whole).toList());

        assertThat(listed(ready.get(4))).isEqualTo(ReportOutcome.NONE);
    }

    @Test
    void what_was_built_after_the_last_listing_is_lost_when_an_owner_says_so() {
        List<UUID> ready = known(4);
        stock.clock.forward(Duration.ofMinutes(1));
        builtJustNow(ready);
        stock.clock.forward(WELL_AFTER);
        assertThat(listed().suspicious()).isTrue();
        assertThat(await(stock.inventoryRequests.accept(stock.owner, place().id(), now())))
                .contains(true);

        assertThat(listed().marked()).isEqualTo(4);
    }

    @Test
    void half_is_believed_and_so_are_three_of_three() {
        List<UUID> ready = known(8);
        stock.clock.forward(Duration.ofMinutes(1));

        assertThat(listed(ready.get(0), ready.get(1), ready.get(2), ready.get(3))
                        .marked())
                .isEqualTo(4);
        stock.clock.forward(Duration.ofMinutes(1));
        assertThat(listed(ready.get(0)).marked()).isEqualTo(3);
    }

    @Test
    void when_the_things_are_back_the_place_is_believed_again() {
        UUID[] ready = known(5).toArray(UUID[]::new);
        stock.clock.forward(Duration.ofMinutes(1));
        assertThat(listed().suspicious()).isTrue();
        stock.clock.forward(Duration.ofMinutes(1));

        assertThat(listed(ready).suspicious()).isFalse();

        assertThat(place().latest().suspiciousSince()).isNull();
    }

    @Test
    void what_an_owner_accepts_is_believed_once() {
        List<UUID> ready = known(10);
        stock.clock.forward(Duration.ofMinutes(1));
        Instant before = now();
        assertThat(listed().suspicious()).isTrue();
        stock.clock.forward(Duration.ofMinutes(1));
        assertThat(await(stock.inventoryRequests.accept(stock.owner, place().id(), now())))
                .contains(true);

        assertThat(listed(stock.worker, PLACE, before.plusSeconds(1), List.of()).suspicious())
                .as("began before it was accepted")
                .isTrue();
        UUID[] five = ready.subList(5, 10).toArray(UUID[]::new);
        assertThat(listed(five).marked()).isEqualTo(5);
        stock.clock.forward(Duration.ofMinutes(1));
        assertThat(listed().suspicious()).isTrue();
        assertThat(await(stock.inventoryRequests.accept(stock.owner, UUID.randomUUID(), now())))
                .isEmpty();
        assertThat(stock.count("audit WHERE action = 'inventory.accept'")).isEqualTo(1);
    }

    @Test
    void an_acceptance_that_no_listing_followed_is_void_after_an_hour() {
        known(5);
        stock.clock.forward(Duration.ofMinutes(1));
        listed();
        assertThat(await(stock.inventoryRequests.accept(stock.owner, place().id(), now())))
                .contains(true);
        stock.clock.forward(Duration.ofHours(1));

        assertThat(listed().suspicious()).isTrue();
    }

    private Location place() {
        return await(stock.inventoryReader.locations(Optional.empty(), Optional.empty(), 10))
                .getFirst();
    }

    // Removal

    private UUID thing(UUID workspace) {
        return found(stock.owner, null).stream()
                .filter(one -> workspace.equals(one.belonging().workspaceId())
                        || workspace.equals(one.belonging().versionId()))
                .map(InventoryEntry::id)
                .findFirst()
                .orElseThrow();
    }

    @CanIgnoreReturnValue
    private Optional<String> removal(Caller who, UUID workspace) {
        return await(stock.inventoryRequests.requestRemoval(who, thing(workspace), now()));
    }

    private UUID leaked() {
        UUID gone = known(1).getFirst();
        delete(gone);
        stock.clock.forward(WELL_AFTER);
        listed(gone);
        return gone;
    }

    @Test
    void what_is_asked_for_is_removed_by_whoever_lists_next_until_it_is_gone() {
        UUID leaked = leaked();
        UUID foreign = UUID.randomUUID();
        listed(leaked, foreign);

        assertThat(removal(stock.owner, leaked)).contains("leaked");
        assertThat(removal(stock.owner, foreign)).contains("unknown");
        assertThat(removal(stock.owner, foreign)).contains("unknown");

        stock.clock.forward(Duration.ofSeconds(1));
        assertThat(listed(leaked, foreign).remove()).containsExactlyInAnyOrder(leaked, foreign);
        stock.clock.forward(Duration.ofSeconds(1));
        assertThat(listed(leaked).remove()).containsExactly(leaked);
        assertThat(found(stock.owner, "leaked").getFirst().removal().removalTries())
                .isEqualTo(2);
        assertThat(found(stock.owner, "leaked").getFirst().removal().removalRequestedBy())
                .isEqualTo("root");
        stock.clock.forward(Duration.ofSeconds(1));
        assertThat(listed().remove()).isEmpty();
        assertThat(stock.count("inventory")).isZero();
        assertThat(stock.count("audit WHERE action = 'inventory.remove'")).isEqualTo(2);
    }

    @Test
    void what_a_workspace_owns_cannot_be_asked_for() {
        List<UUID> ready = known(2);
        delete(ready.getFirst());

        assertThat(removal(stock.owner, ready.get(1))).contains("owned");
        assertThat(removal(stock.owner, ready.getFirst())).contains("settling");

        stock.clock.forward(WELL_AFTER);
        assertThat(listed(ready.toArray(UUID[]::new)).remove()).isEmpty();
    }

    @Test
    void a_request_asks_every_worker_to_list() {
        UUID leaked = leaked();
        assertThat(await(stock.workers.heartbeat(stock.worker, now()))
                        .orElseThrow()
                        .sweepWantedAt())
                .isNull();

        removal(stock.owner, leaked);

        var pulse = await(stock.workers.heartbeat(stock.worker, now().plusSeconds(1)))
                .orElseThrow();
        assertThat(pulse.sweepWantedAt()).isEqualTo(now());
        assertThat(pulse.at()).isEqualTo(now().plusSeconds(1));
    }

    // Who speaks, who sees

    private final class Other {

        final UUID id = await(stock.access.createOrganization("other", stock.owner.userId()))
                .orElseThrow()
                .id();
        final Caller admin = user("chief", Role.TEMPLATE_ADMIN);
        final Caller runner = user("runner", Role.WORKER);
        final UUID worker = await(stock.workers.register(
                runner, new WorkerEntry("theirs", Map.of(), List.of("exec"), 1), stock.clock.instant()));

        Caller user(String name, Role role) {
            UUID user = await(stock.access.createUser(Optional.of(id), name, role, stock.owner.userId()))
                    .orElseThrow()
                    .id();
            return new Caller(user, name, role, Optional.of(id));
        }
    }

    @Test
    void a_worker_of_one_organization_says_nothing_of_anothers_workspaces() {
        Other other = new Other();
        UUID ours = known(1).getFirst();
        stock.clock.forward(Duration.ofHours(1));

        listed(other.worker, PLACE, now(), List.of(whole(ours)));
        stock.clock.forward(Duration.ofHours(1));
        ReportOutcome verdict = listed(other.worker, PLACE, now(), List.of());

        assertThat(verdict.lost()).isZero();
        assertThat(missing(ours)).isFalse();
        assertThat(await(stock.inventoryReader.locations(Optional.of(other.id), Optional.empty(), 10)))
                .extracting(place -> place.lister().worker())
                .containsExactly("theirs");
    }

    @Test
    void a_worker_of_one_organization_misses_and_brings_back_none_of_anothers_workspaces() {
        Other other = new Other();
        UUID ours = stock.ready(preset, 1).getFirst();
        stock.clock.forward(WELL_AFTER);
        listed(other.worker, PLACE, now(), List.of(whole(ours)));
        stock.clock.forward(Duration.ofHours(1));
        assertThat(listed(other.worker, PLACE, now(), List.of()).lost()).isZero();
        assertThat(missing(ours)).isFalse();

        stock.clock.forward(Duration.ofSeconds(1));
        listed(ours);
        stock.clock.forward(Duration.ofSeconds(1));
        listed();
        assertThat(missing(ours)).isTrue();
        stock.clock.forward(Duration.ofSeconds(1));
        listed(other.worker, PLACE, now(), List.of(whole(ours)));

        assertThat(missing(ours)).isTrue();
    }

    @Test
    void what_a_worker_of_another_organization_says_it_has_is_missed_all_the_same() {
        Other other = new Other();
        UUID ours = known(1).getFirst();
        stock.clock.forward(Duration.ofHours(1));
        listed(other.worker, "theirs", now(), List.of(whole(ours)));

        assertThat(listed().lost()).isEqualTo(1);
        assertThat(missing(ours)).isTrue();
    }

    @Test
    void what_a_worker_of_another_organization_says_is_neither_shown_nor_counted_nor_removed() {
        Other other = new Other();
        UUID leaked = leaked();
        listed(other.worker, "theirs", now(), List.of(whole(leaked)));
        Caller admin = new Caller(UUID.randomUUID(), "admin", Role.TEMPLATE_ADMIN, Optional.of(stock.organization));
        List<InventoryEntry> all = found(stock.owner, null);
        assertThat(all).hasSize(2);
        UUID theirs = all.stream()
                .filter(one -> one.location().equals("theirs"))
                .map(InventoryEntry::id)
                .findFirst()
                .orElseThrow();

        assertThat(found(admin, null)).extracting(InventoryEntry::location).containsExactly(PLACE);
        assertThat(await(stock.inventoryReader.counts())).containsExactly(new Count("exec", "leaked", 1));
        assertThat(await(stock.inventoryRequests.requestRemoval(admin, theirs, now())))
                .isEmpty();
        assertThat(await(stock.inventoryRequests.requestRemoval(other.admin, theirs, now())))
                .isEmpty();
    }

    @Test
    void what_a_worker_of_one_organization_says_of_anothers_living_workspace_is_forgotten_with_its_next_listing() {
        Other other = new Other();
        UUID ours = known(1).getFirst();
        listed(other.worker, "theirs", now(), List.of(whole(ours)));
        stock.clock.forward(Duration.ofSeconds(1));

        listed(other.worker, "theirs", now(), List.of());

        assertThat(stock.count("inventory")).isEqualTo(1);
    }

    @Test
    void an_organization_sees_what_is_of_its_workspaces_and_nothing_unknown() {
        Other other = new Other();
        UUID leaked = leaked();
        UUID foreign = UUID.randomUUID();
        listed(leaked, foreign);
        Caller admin = new Caller(UUID.randomUUID(), "admin", Role.TEMPLATE_ADMIN, Optional.of(stock.organization));

        assertThat(found(admin, null))
                .extracting(one -> one.belonging().workspaceId())
                .containsExactly(leaked);
        assertThat(found(other.admin, null)).isEmpty();
        assertThat(removal(other.admin, leaked)).isEmpty();
        assertThat(removal(other.admin, foreign)).isEmpty();
        assertThat(found(stock.owner, "unknown"))
                .extracting(one -> one.belonging().workspaceId())
                .containsExactly(foreign);
    }

    @Test
    void who_has_left_or_builds_something_else_is_not_heard() {
        Part postgres = new Part("postgres", PLACE, now(), List.of(), true);

        assertThat(told(new Other().worker, postgres)).isEqualTo(Recorded.UNKNOWN_WORKER);
        await(stock.workers.stop(stock.worker, now()));
        assertThat(told(stock.worker, part(PLACE, now(), List.of(), true))).isEqualTo(Recorded.UNKNOWN_WORKER);
    }

    @Test
    void one_place_holds_only_so_much_and_all_of_that_can_be_listed_again() {
        ListingStore small = new ListingStore(stock.pool, stock.ids, 2);
        List<Item> two = List.of(whole(UUID.randomUUID()), whole(UUID.randomUUID()));
        Part full = part(PLACE, now(), two, false);
        Part more = part(PLACE, now(), List.of(whole(UUID.randomUUID())), false);

        assertThat(await(small.record(stock.worker, full, now()))).isEqualTo(Recorded.YES);
        assertThat(await(small.record(stock.worker, more, now()))).isEqualTo(Recorded.TOO_MANY);
        assertThat(await(small.record(stock.worker, full, now()))).isEqualTo(Recorded.YES);
        assertThat(stock.count("inventory")).isEqualTo(2);
    }

    @Test
    void the_workers_of_one_organization_have_a_hundred_places_and_keep_nobody_from_more() {
        Other other = new Other();
        for (int i = 0; i < 100; i++) {
            assertThat(told(other.worker, part("place-" + i, now(), List.of(), false)))
                    .isEqualTo(Recorded.YES);
        }

        assertThat(told(other.worker, part("one-more", now(), List.of(), false)))
                .isEqualTo(Recorded.TOO_MANY);
        assertThat(told(other.worker, part("place-0", now(), List.of(), false))).isEqualTo(Recorded.YES);
        assertThat(told(stock.worker, part("ours", now(), List.of(), false))).isEqualTo(Recorded.YES);
    }

    @Test
    void a_place_that_nobody_lists_any_more_is_forgotten() {
        known(1);
        listed(stock.worker, "empty", now(), List.of());
        stock.clock.forward(Duration.ofDays(2));

        assertThat(await(stock.listings.forget(now().minus(Duration.ofDays(30)), now().minus(Duration.ofDays(1)))))
                .isEqualTo(1);
        assertThat(place().location()).isEqualTo(PLACE);
        assertThat(await(stock.listings.forget(now(), now()))).isEqualTo(1);
        assertThat(stock.count("inventory")).isZero();
    }

    // Races

    @Test
    void what_is_being_claimed_is_left_to_the_next_listing_and_is_then_somebodys() {
        UUID lost = known(1).getFirst();
        stock.clock.forward(Duration.ofHours(1));
        try (OpenTransaction claiming = new OpenTransaction(stock)) {
            claiming.does(
                    "UPDATE workspaces SET owner_id = $2, prebuild = false, claimed_at = $3 WHERE id = $1",
                    lost,
                    anna.userId(),
                    Rows.utc(now()));
            assertThat(listed().marked()).isZero();
            claiming.commits();
        }
        stock.clock.forward(Duration.ofSeconds(1));

        assertThat(listed().marked()).isEqualTo(1);

        assertThat(toBeDeleted(lost)).isFalse();
        assertThat(stock.count("notifications")).isEqualTo(1);
    }

    @Test
    void a_claim_and_a_mark_never_have_the_same_prebuild() {
        List<UUID> ready = known(3);
        stock.clock.forward(Duration.ofHours(1));
        Part none = part(PLACE, now(), List.of(), true);
        assertThat(told(stock.worker, none)).isEqualTo(Recorded.YES);
        List<Uni<?>> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            all.add(stock.claiming(preset, anna, Optional.empty()));
        }
        all.add(1, stock.missing.conclude(stock.worker, none, now()));

        var done = await(Uni.combine().all().unis(all).with(results -> results.size()));

        assertThat(done).isEqualTo(4);
        for (UUID one : ready) {
            boolean claimed = !Boolean.TRUE.equals(workspace(one).getBoolean("prebuild"));
            assertThat(claimed).as(one.toString()).isNotEqualTo(toBeDeleted(one));
        }
    }

    @Test
    void a_result_that_comes_in_while_a_listing_concludes_waits_for_nobody() {
        UUID preparing = known(1).getFirst();
        stock.clock.forward(Duration.ofHours(1));
        try (OpenTransaction ending = new OpenTransaction(stock)) {
            ending.does("UPDATE workspaces SET build_status = 'pending', build_finished_at = NULL, ready_at = NULL"
                    + " WHERE id = '" + preparing + "'");
            assertThat(listed().marked()).isZero();
            ending.commits();
        }
        stock.clock.forward(Duration.ofSeconds(1));

        assertThat(listed().lost()).isZero();
        assertThat(state(preparing)).isEqualTo("owned");
    }

    @Test
    void a_workspace_that_failed_its_later_builds_is_missed_as_well() {
        stock.withClaimStep();
        UUID stepped = stock.declare("stepped", 1);
        UUID mine = stock.ready(stepped, 1).getFirst();
        assertThat(stock.claim(stepped, anna)).isPresent();
        assertThat(await(stock.builds.beginClaimSteps(now()))).isEqualTo(1);
        stock.end(stock.take(1).getFirst(), new JobOutcome.Failed("script_failed", "no"));
        stock.clock.forward(WELL_AFTER);
        listed(mine);

        stock.clock.forward(Duration.ofSeconds(1));
        assertThat(listed().marked()).isEqualTo(1);
    }
}
