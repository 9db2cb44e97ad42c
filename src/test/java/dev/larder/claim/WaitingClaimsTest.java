package dev.larder.claim;

import static dev.larder.testing.Claimers.begin;
import static dev.larder.testing.Claimers.end;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Caller;
import dev.larder.testing.Claimers;
import dev.larder.testing.Databases;
import dev.larder.testing.Stock;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The owner of claims that wait or are leased: what one round of it does (design, sections 3.4 and 3.6). */
class WaitingClaimsTest {

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final UUID preset = stock.declare("small", 3);
    private final WakeUps wakeUps = new WakeUps();
    private final WaitingClaims line = new WaitingClaims(
            stock.waitingClaims,
            stock.coldClaims,
            stock.leases,
            stock.cancels,
            stock.builds,
            new Combiner(stock.claims, wakeUps, stock.clock, Tuned.DEFAULT),
            wakeUps,
            Databases.vertx(),
            stock.clock);

    @AfterEach
    void close() {
        stock.close();
    }

    private boolean round() {
        return await(line.round());
    }

    private CompletableFuture<Void> settles(UUID claim) {
        return begin(line.settled(claim, stock.clock.instant().plus(Claimers.TIMEOUT), Duration.ofSeconds(60)));
    }

    @Test
    void a_round_leads_serves_times_out_builds_and_ends_leases() {
        stock.ready(preset, 1);
        UUID lease = claimers.lease(preset, anna, Claimers.TIMEOUT).id();
        UUID overdue = claimers.waits(preset, anna);
        UUID wantsBuild = claimers.waitsThenCold(preset, anna);
        stock.promoteNewVersion();
        stock.clock.forward(Claimers.TIMEOUT);
        UUID promoted = stock.preset("small");
        UUID served = claimers.waits(promoted, anna);
        stock.ready(promoted, 1);

        assertThat(round()).as("all is done").isFalse();

        assertThat(claimers.stateOf(served)).isEqualTo("held");
        assertThat(claimers.stateOf(overdue)).isEqualTo("timed_out");
        assertThat(claimers.stateOf(lease)).isEqualTo("expired");
        assertThat(stock.look(wantsBuild).path()).isEqualTo("cold");
        assertThat(stock.look(wantsBuild).presetId()).isEqualTo(promoted);
        assertThat(stock.count("builds WHERE transition = 'delete'")).isEqualTo(1);
    }

    @Test
    void a_round_that_finds_nothing_to_do_tells_nobody() {
        AtomicInteger wakes = new AtomicInteger();
        for (Channel topic : Channel.values()) {
            wakeUps.onChange(topic, wakes::incrementAndGet);
        }
        UUID waiting = claimers.waits(preset, anna);

        assertThat(round()).isFalse();

        assertThat(wakes.get()).isZero();
        assertThat(claimers.stateOf(waiting)).isEqualTo("waiting");
    }

    @Test
    void where_more_leases_have_ended_than_one_round_ends_there_is_another_at_once() {
        stock.create(preset, 101);
        stock.buildAll();
        claimers.take(preset, claimers.asks(anna, 101));
        stock.sql(
                "UPDATE claims SET expires_at = $1::timestamptz",
                stock.clock.instant().atOffset(ZoneOffset.UTC));

        assertThat(round()).isTrue();
        assertThat(stock.count("claims WHERE ended_at IS NULL")).isEqualTo(1);
        assertThat(round()).isFalse();
        assertThat(stock.count("claims WHERE ended_at IS NULL")).isZero();
        assertThat(stock.count("builds WHERE transition = 'delete'")).isEqualTo(101);
    }

    @Test
    void who_holds_for_a_claim_is_told_when_it_is_served_here() {
        line.start();
        UUID claim = claimers.waits(preset, anna);
        CompletableFuture<Void> told = settles(claim);
        stock.ready(preset, 1);
        wakeUps.wake(Channel.WAITING);

        end(told);

        assertThat(claimers.stateOf(claim)).isEqualTo("held");
        await(line.stop());
    }

    @Test
    void who_holds_for_a_claim_is_told_what_happened_to_it_elsewhere() {
        line.start();
        UUID claim = claimers.waits(preset, anna);
        CompletableFuture<Void> told = settles(claim);
        assertThat(await(stock.leases.cancel(claim, stock.clock.instant()))).isTrue();
        wakeUps.wake(Channel.WAITING);

        end(told);
        await(line.stop());
    }

    @Test
    void nobody_is_held_where_the_line_is_not_working_any_more() {
        UUID claim = claimers.waits(preset, anna);
        end(settles(claim));
        line.start();
        CompletableFuture<Void> held = settles(claim);
        assertThat(held).isNotDone();

        await(line.stop());

        end(held);
        end(settles(claim));
        assertThat(claimers.stateOf(claim)).as("it waits on").isEqualTo("waiting");
    }
}
