package dev.larder.cleanup;

import static dev.larder.testing.CleanupTypes.run;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.ClaimReads.ClaimFilter;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Batch;
import dev.larder.database.CleanupType.Retention;
import dev.larder.database.Rows;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Inventory.Item;
import dev.larder.model.Inventory.Part;
import dev.larder.model.LogLine;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.Visibility;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Claimers;
import dev.larder.testing.CleanupTypes;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S19: what goes after its retention, and what never goes, of workspaces, jobs, claims and the rest. */
class RetentionTest {

    private static final Duration QUARTER = Duration.ofDays(91);
    private static final int BATCH = 3;

    private final Stock stock = new Stock().replacing();
    private final Caller anna = stock.member("anna");
    private final UUID preset = stock.declare("small", 10);

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private long removed(String type) {
        return run(stock, type, BATCH).deleted();
    }

    /** A workspace that was claimed, given back and deleted: two builds, two jobs, a claim that has ended. */
    @CanIgnoreReturnValue
    private UUID lived() {
        // Ids of one millisecond have no order.
        stock.clock.forward(Duration.ofMillis(1));
        stock.ready(preset, 1);
        UUID claim = stock.claim(preset, anna).orElseThrow();
        assertThat(stock.release(claim)).isTrue();
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        stock.buildAll();
        return claim;
    }

    private UUID workspaceOf(UUID claim) {
        return stock.row("SELECT workspace_id AS id FROM claims WHERE id = $1", Tuple.of(claim))
                .getUUID("id");
    }

    @Test
    void what_a_workspace_gave_its_user_is_erased_with_its_deletion_not_after_a_time() {
        UUID workspace = workspaceOf(lived());

        assertThat(stock.count("workspaces WHERE id = '" + workspace + "' AND deleted_at IS NOT NULL"))
                .isEqualTo(1);
        assertThat(
                        stock.count(
                                "workspaces WHERE deleted_at IS NOT NULL AND (outputs_sealed IS NOT NULL OR parameters IS NOT NULL)"))
                .isZero();
    }

    @Test
    void what_was_deleted_before_is_erased_by_the_clean_up_of_workspaces() {
        UUID workspace = workspaceOf(lived());
        stock.sql("UPDATE workspaces SET outputs_sealed = 'old'::bytea WHERE id = $1", workspace);

        assertThat(removed("workspaces")).isZero();

        assertThat(stock.count("workspaces WHERE deleted_at IS NOT NULL AND outputs_sealed IS NOT NULL"))
                .isZero();
    }

    @Test
    void a_deleted_workspace_goes_with_all_that_was_written_about_it_and_the_counts_are_true() {
        for (int i = 0; i < 5; i++) {
            lived();
        }
        stock.promoteNewVersion();
        Map<String, Integer> before = rows();

        stock.clock.forward(Duration.ofDays(89));
        assertThat(removed("jobs") + removed("workspaces") + removed("attempts") + removed("claims"))
                .isZero();
        stock.clock.forward(Duration.ofDays(2));

        // Of five workspaces the first builds, then the workspaces with their last builds.
        assertThat(removed("jobs")).isEqualTo(5 * 2);
        assertThat(removed("workspaces")).isEqualTo(5 * 3);
        assertThat(removed("attempts")).isEqualTo(5);
        assertThat(removed("claims")).isEqualTo(4);
        assertThat(before).isEqualTo(Map.of("jobs", 10, "builds", 10, "workspaces", 5, "attempts", 5, "claims", 5));
        assertThat(rows()).isEqualTo(Map.of("jobs", 0, "builds", 0, "workspaces", 0, "attempts", 0, "claims", 1));
        assertThat(removed("jobs") + removed("workspaces") + removed("attempts") + removed("claims"))
                .isZero();
    }

    private Map<String, Integer> rows() {
        return Map.of(
                "jobs", stock.count("jobs"),
                "builds", stock.count("builds"),
                "workspaces", stock.count("workspaces"),
                "attempts", stock.count("attempts"),
                "claims", stock.count("claims"));
    }

    @Test
    void what_lives_stays_whatever_its_age() {
        stock.ready(preset, 2);
        UUID claim = stock.claim(preset, anna).orElseThrow();
        UUID waiting = lived();
        stock.promoteNewVersion();
        stock.clock.forward(Duration.ofDays(1_000));

        assertThat(removed("claims")).isZero();
        assertThat(removed("jobs")).isEqualTo(2);
        assertThat(removed("workspaces")).isEqualTo(3);

        assertThat(stock.look(claim).endedAt()).isEmpty();
        assertThat(stock.look(claim).workspace()).isPresent();
        assertThat(stock.count("workspaces WHERE deleted_at IS NULL")).isEqualTo(2);
        assertThat(stock.count("workspaces w JOIN builds b ON b.id = w.build_id JOIN jobs j ON j.build_id = b.id"))
                .isEqualTo(2);
        assertThat(waiting).isNotEqualTo(claim);
    }

    @Test
    void a_claim_of_a_workspace_that_was_removed_shows_none_and_how_it_ended() {
        UUID claim = lived();
        stock.promoteNewVersion();
        stock.clock.forward(QUARTER);
        assertThat(removed("jobs")).isEqualTo(2);
        assertThat(removed("workspaces")).isEqualTo(3);

        var shown = stock.look(claim);

        assertThat(shown.workspace()).isEmpty();
        assertThat(shown.endedReason()).contains("released");
        assertThat(await(stock.claimReads.list(Visibility.ALL, ClaimFilter.ALL, Optional.empty(), 10))
                        .rows())
                .hasSize(1);
        assertThat(await(stock.workspaces.find(UUID.randomUUID(), Visibility.ALL)))
                .isEmpty();
    }

    @Test
    void a_claim_is_replayed_under_its_key_until_it_goes_and_never_goes_within_a_day() {
        stock.ready(preset, 1);
        Claimers claimers = new Claimers(stock);
        UUID claim = claimers.take(preset, claimers.ask(anna, "key")).getFirst().id();
        assertThat(stock.release(claim)).isTrue();
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        stock.buildAll();
        lived();
        CleanupType claims = CleanupTypes.named("claims");
        assertThat(claims.retention().least()).isEqualTo(Duration.ofDays(1));
        Retention shortest = Retention.of(Duration.ofDays(1), Duration.ofDays(1));

        stock.clock.forward(Duration.ofHours(23));
        assertThat(run(stock, claims, shortest, BATCH).deleted()).isZero();
        assertThat(await(stock.claimReads.findByKey(anna.userId(), Claimers.key("key"))))
                .isPresent();
        stock.clock.forward(Duration.ofHours(2));
        assertThat(run(stock, claims, shortest, BATCH).deleted()).isEqualTo(1);
        assertThat(await(stock.claimReads.findByKey(anna.userId(), Claimers.key("key"))))
                .isEmpty();
    }

    @Test
    void the_newest_claim_stays_since_servers_tell_a_restored_database_by_it() {
        lived();
        UUID newest = lived();
        stock.clock.forward(Duration.ofDays(1_000));

        assertThat(removed("claims")).isEqualTo(1);
        assertThat(stock.count("claims WHERE id = '" + newest + "'")).isEqualTo(1);

        // A claim that has just been made does not set it free: a server may have seen only the one before.
        lived();
        assertThat(removed("claims")).isZero();
    }

    @Test
    void the_newest_attempts_of_an_active_preset_stay_for_the_hard_limit_and_estimates() {
        for (int i = 0; i < 12; i++) {
            lived();
        }
        stock.clock.forward(QUARTER);

        assertThat(removed("jobs")).isEqualTo(2 * 2);
        assertThat(removed("workspaces")).isEqualTo(2 * 3);
        assertThat(removed("attempts")).isEqualTo(2);
        assertThat(stock.count("attempts")).isEqualTo(10);
        assertThat(stock.count("builds WHERE attempt IS NOT NULL")).isEqualTo(10);
    }

    @Test
    void a_deleted_workspace_that_workers_still_list_stays_so_that_it_counts_as_leaked() {
        UUID workspace = workspaceOf(lived());
        stock.promoteNewVersion();
        stock.clock.forward(QUARTER);
        await(stock.listings.record(
                stock.worker,
                new Part("exec", "host", now(), List.of(new Item(workspace, "w", true, null)), true),
                now()));
        assertThat(removed("jobs")).isEqualTo(2);

        assertThat(removed("workspaces")).isZero();

        stock.sql("DELETE FROM inventory");
        assertThat(removed("workspaces")).isEqualTo(3);
    }

    @Test
    void log_lines_go_with_the_end_of_their_job_and_not_while_it_runs() {
        stock.create(preset, 2);
        List<Assignment> taken = stock.take(2);
        LogLine line = new LogLine(now(), "stdout", "hello");
        for (Assignment each : taken) {
            await(stock.jobs.append(each.lease(), 1_000_000, List.of(line, line, line, line)));
        }
        stock.succeed(taken.getFirst());
        stock.clock.forward(Duration.ofDays(15));
        stock.create(preset, 1);
        Assignment young = stock.take(1).getFirst();
        await(stock.jobs.append(young.lease(), 1_000_000, List.of(line)));
        stock.succeed(young);

        Batch done = run(stock, "log_lines", BATCH);

        assertThat(done.deleted()).isEqualTo(4);
        assertThat(done.bytes()).isEqualTo(4 * 5);
        assertThat(await(stock.jobReader.log(taken.getFirst().jobId(), -1, 10))).isEmpty();
        assertThat(await(stock.jobReader.log(taken.getLast().jobId(), -1, 10))).hasSize(4);
        assertThat(await(stock.jobReader.log(young.jobId(), -1, 10))).hasSize(1);
    }

    /** As many failed prebuilds as one attempt of the preset. */
    private void failed(int count) {
        stock.create(preset, count);
        stock.take(count).forEach(stock::fail);
    }

    private PresetSnapshot snapshot() {
        return await(stock.snapshots.of(List.of(preset), now(), Duration.ofHours(1), 3))
                .getFirst();
    }

    @Test
    void of_failed_prebuilds_the_newest_one_of_each_attempt_that_counts_stays() {
        for (int attempt = 0; attempt < 5; attempt++) {
            failed(3);
            stock.clock.forward(Duration.ofMinutes(1));
        }
        assertThat(removed("failed_prebuilds")).isZero();
        stock.clock.forward(Duration.ofHours(25));
        var before = snapshot().failures().newestAttemptsFailed();

        assertThat(removed("failed_prebuilds")).isEqualTo(5 * 3 - 3);

        assertThat(stock.count("workspaces WHERE deletion_wanted_at IS NOT NULL"))
                .isEqualTo(12);
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(12);
        assertThat(stock.buildAll()).hasSize(12);
        assertThat(stock.count("workspaces WHERE deleted_at IS NOT NULL")).isEqualTo(12);
        assertThat(snapshot().failures().newestAttemptsFailed())
                .isEqualTo(before)
                .containsExactly(true, true, true);
        assertThat(removed("failed_prebuilds")).isZero();
    }

    @Test
    void failed_prebuilds_of_an_inactive_preset_all_go_and_those_in_quarantine_stay() {
        failed(4);
        stock.sql(
                "UPDATE workspaces SET quarantined_at = now() WHERE id = (SELECT min(id::text)::uuid FROM workspaces)");
        stock.promoteNewVersion();
        stock.clock.forward(Duration.ofHours(25));

        assertThat(removed("failed_prebuilds")).isEqualTo(3);
    }

    @Test
    void the_clean_up_of_failed_prebuilds_is_off_until_an_operator_wants_it() {
        assertThat(CleanupTypes.named("failed_prebuilds").retention().interval())
                .isZero();
        assertThat(Cleaning.settings(CleanupTypes.ALL, Map.of()).intervals())
                .hasSize(CleanupTypes.ALL.size() - 1)
                .doesNotContainKey("failed_prebuilds");
    }

    @Test
    void workers_that_stopped_go_and_those_that_live_or_hold_a_job_or_a_place_stay() {
        UUID gone = worker("gone");
        UUID placed = worker("placed");
        await(stock.listings.record(placed, new Part("exec", "host", now(), List.of(), true), now()));
        stock.create(preset, 1);
        Assignment running = stock.take(1).getFirst();
        for (UUID each : List.of(gone, placed, stock.worker)) {
            await(stock.workers.stop(each, now()));
        }
        UUID alive = worker("alive");
        stock.clock.forward(Duration.ofDays(31));

        assertThat(removed("workers")).isEqualTo(1);

        assertThat(stock.count("workers WHERE id = '" + gone + "'")).isZero();
        assertThat(stock.count("workers WHERE id = '" + alive + "'")).isEqualTo(1);
        assertThat(running.lease().token()).isNotNull();
    }

    private UUID worker(String name) {
        return await(stock.workers.register(new WorkerEntry(name, Map.of(), List.of("exec"), 1), now()));
    }

    @Test
    void tokens_go_long_after_they_were_revoked_or_expired_and_after_those_that_they_made() {
        UUID parent = token(null, now());
        UUID child = token(parent, now().plus(Duration.ofDays(30)));
        UUID lasting = token(null, null);
        stock.clock.forward(QUARTER);
        assertThat(removed("tokens")).isZero();

        stock.clock.forward(Duration.ofDays(30));
        assertThat(run(stock, "tokens", 100).deleted()).isEqualTo(1);
        assertThat(run(stock, "tokens", 100).deleted()).isEqualTo(1);

        assertThat(stock.count("tokens WHERE id IN ('" + parent + "', '" + child + "')"))
                .isZero();
        assertThat(stock.count("tokens WHERE id = '" + lasting + "'")).isEqualTo(1);
    }

    private UUID token(@Nullable UUID parent, @Nullable Instant expires) {
        UUID token = stock.ids.next();
        await(stock.pool
                .preparedQuery("""
                        INSERT INTO tokens (id, user_id, name, hash, created_at, expires_at, parent_id)
                        VALUES ($1, $2, 't', sha256($3::text::bytea), $4, $5, $6)""")
                .execute(Tuple.from(Arrays.asList(
                        token, anna.userId(), token.toString(), Rows.utc(now()), Rows.utcOrNull(expires), parent))));
        return token;
    }

    @Test
    void notifications_and_the_audit_go_by_their_age_alone() {
        int entries = stock.count("audit");
        stock.sql(
                "INSERT INTO notifications (id, audience, kind, occasion, detail, created_at) VALUES ($1, 'template_admin', 'k', 'o', '{}', $2)",
                stock.ids.next(),
                Rows.utc(now()));
        stock.clock.forward(QUARTER);
        assertThat(removed("notifications")).isEqualTo(1);
        assertThat(removed("audit")).isZero();
        stock.clock.forward(Duration.ofDays(275));
        assertThat(removed("audit")).isEqualTo(entries);
    }

    @Test
    void a_row_that_another_statement_has_locked_is_left_for_the_next_operation() {
        lived();
        lived();
        lived();
        stock.clock.forward(Duration.ofDays(1_000));
        try (OpenTransaction other = new OpenTransaction(stock)) {
            assertThat(other.does("SELECT FROM claims ORDER BY id LIMIT 1 FOR UPDATE"))
                    .isEqualTo(1);

            assertThat(removed("claims")).isEqualTo(1);
        }
        assertThat(removed("claims")).isEqualTo(1);
    }

    @Test
    void the_age_of_the_oldest_row_is_read_of_every_type() {
        lived();
        lived();
        for (CleanupType type : CleanupTypes.ALL) {
            Optional<Instant> oldest = await(type.oldest(stock.pool));
            assertThat(oldest)
                    .as(type.name())
                    .satisfiesAnyOf(
                            at -> assertThat(at).isEmpty(),
                            at -> assertThat(at)
                                    .hasValueSatisfying(
                                            instant -> assertThat(instant).isBeforeOrEqualTo(now())));
        }
        assertThat(await(CleanupTypes.named("claims").oldest(stock.pool))).isPresent();
        assertThat(await(CleanupTypes.named("audit").oldest(stock.pool))).isPresent();
    }
}
