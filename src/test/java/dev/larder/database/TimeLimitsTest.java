package dev.larder.database;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.larder.access.QuotaStore;
import dev.larder.access.TokenStore;
import dev.larder.access.TokenStore.Issue;
import dev.larder.access.TokenStore.NewToken;
import dev.larder.catalog.CatalogControlStore;
import dev.larder.catalog.CatalogStore;
import dev.larder.catalog.CatalogStore.Application;
import dev.larder.claim.ClaimQuotaStore;
import dev.larder.claim.ClaimStore;
import dev.larder.claim.Claimable;
import dev.larder.claim.ExactClaimStore;
import dev.larder.claim.LineStore;
import dev.larder.claim.LineStore.Offer;
import dev.larder.jobs.JobLimitStore;
import dev.larder.jobs.JobStore;
import dev.larder.jobs.Limited;
import dev.larder.jobs.WorkerStore;
import dev.larder.lifecycle.CancelStore;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.lifecycle.EndClaimStore;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Declaration;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.model.PresetStatus;
import dev.larder.reconcile.PoolStore;
import dev.larder.testing.Claimers;
import dev.larder.testing.Databases;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The server ends what takes too long, whatever part of Larder asked for it (decision 0024). */
@Timeout(60)
class TimeLimitsTest {

    private static final TimeLimits SHORT =
            new TimeLimits(Duration.ofMillis(900), Duration.ofMillis(150), Duration.ofMillis(500));

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Pool limited = Limited.pool(stock.database.connectOptions(), 8, SHORT);

    private UUID preset = new UUID(0, 0);

    @BeforeEach
    void declare() {
        preset = stock.declare("small", 3);
    }

    @AfterEach
    void close() {
        limited.closeAndAwait();
        stock.close();
    }

    private static final String ALL = "SELECT FROM %s FOR UPDATE";

    /**
     * A call of some part of Larder and what another transaction has locked meanwhile.
     *
     * @param prepare what is there before, and then the call
     */
    private record Member(String name, String lock, Function<TimeLimitsTest, Function<Pool, Uni<?>>> prepare) {

        @Override
        public String toString() {
            return name;
        }
    }

    private static Member member(String name, String table, Function<TimeLimitsTest, Function<Pool, Uni<?>>> prepare) {
        return new Member(name, ALL.formatted(table), prepare);
    }

    static Stream<Member> members() {
        return Stream.of(
                member("claim", "claims", test -> test.claim(1, 0)),
                member("batch claim", "claims", test -> test.claim(2, 2)),
                member("claim of one workspace", "workspaces", TimeLimitsTest::claimExactly),
                member("claim under a quota", "organizations", TimeLimitsTest::claimUnderQuota),
                member("cold claim", "templates", TimeLimitsTest::claimCold),
                member("renew", "claims", TimeLimitsTest::renew),
                member("release", "workspaces", TimeLimitsTest::release),
                member("cancel of a waiting claim", "claims", TimeLimitsTest::cancelWaiting),
                member("cold build for a waiting claim", "claims", TimeLimitsTest::coldForWaiting),
                member("line of waiting claims", "claims", TimeLimitsTest::serveWaiting),
                member("job end", "jobs", TimeLimitsTest::endJob),
                member("job cancel", "jobs", TimeLimitsTest::cancelJob),
                member("log append", "jobs", TimeLimitsTest::append),
                member("heartbeat", "workers", TimeLimitsTest::heartbeat),
                member("janitor", "workers", TimeLimitsTest::leave),
                member("reconcile mark", "presets", TimeLimitsTest::mark),
                member("reconcile create", "presets", TimeLimitsTest::create),
                member("catalog apply", "templates", TimeLimitsTest::apply),
                member("catalog invalidate", "presets", TimeLimitsTest::invalidate),
                member("job limits", "job_limits", TimeLimitsTest::setJobLimits),
                member("quota change", "organizations", TimeLimitsTest::setQuota),
                member("token revoke", "tokens", TimeLimitsTest::revokeToken));
    }

    @ParameterizedTest
    @MethodSource("members")
    void a_call_on_a_row_that_another_transaction_keeps_locked_is_ended_as_busy(Member member) {
        Function<Pool, Uni<?>> call = member.prepare().apply(this);

        Throwable ended;
        Instant began = Instant.now();
        try (OpenTransaction other = new OpenTransaction(stock)) {
            assertThat(other.does(member.lock())).as("rows locked").isPositive();
            ended = catchThrowable(() -> await(call.apply(limited)));
        }

        assertThat(ended).as("the call waited for no lock").isNotNull();
        assertThat(DatabaseFaults.busy(ended)).as(ended.toString()).isTrue();
        assertThat(DatabaseFaults.unavailable(ended)).isTrue();
        assertThat(Duration.between(began, Instant.now())).isLessThan(Duration.ofSeconds(5));
        assertThat(stock.count("pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"))
                .isZero();
    }

    @Test
    void the_loops_pass_over_a_row_that_another_transaction_keeps_locked() {
        List<UUID> ready = stock.ready(preset, 2);
        int created = stock.create(preset, 1);
        PoolStore pools = new PoolStore(limited, stock.ids);
        JobStore jobs =
                new JobStore(limited, stock.encryption, new EndBuildStore(limited, stock.encryption, stock.ids));

        try (OpenTransaction other = new OpenTransaction(stock)) {
            other.does("SELECT FROM workspaces WHERE id = $1 FOR UPDATE", ready.getFirst());
            other.does("SELECT FROM jobs WHERE completed_at IS NULL FOR UPDATE");

            assertThat(await(pools.delete(ready, "expired", now()))).isEqualTo(1);
            assertThat(await(jobs.take(stock.worker, 2, now())).jobs()).hasSizeLessThanOrEqualTo(created);
        }
    }

    @Test
    void a_statement_that_is_itself_too_slow_is_ended_as_busy() {
        Throwable ended =
                catchThrowable(() -> limited.query("SELECT pg_sleep(20)").executeAndAwait());

        assertThat(DatabaseFaults.busy(ended)).as(ended.toString()).isTrue();
    }

    @Test
    void a_transaction_that_stands_still_loses_its_locks() {
        UUID claim = held();
        SqlConnection frozen = limited.getConnectionAndAwait();
        var begun = frozen.beginAndAwait();
        var locked = frozen.query("SELECT FROM claims FOR UPDATE").executeAndAwait();

        assertThat(locked.size()).isEqualTo(1);
        assertThat(await(stock.leases.renew(claim, null, OptionalInt.empty(), now())))
                .isTrue();
        Throwable late = catchThrowable(() -> frozen.query("SELECT 1").executeAndAwait());
        assertThat(DatabaseFaults.unavailable(late)).as(late.toString()).isTrue();
        frozen.closeAndAwait();
    }

    @Test
    void every_kind_of_connection_has_limits() {
        Direct direct = new Direct(Databases.vertx(), stock.database.connectOptions());

        assertThat(limits(limited)).isEqualTo("900ms 150ms 500ms");
        assertThat(limits(direct.pool())).isEqualTo("10s 5s 1h");
        direct.pool().closeAndAwait();
    }

    private static String limits(Pool pool) {
        return pool.query("SELECT concat_ws(' ', current_setting('statement_timeout'), current_setting('lock_timeout'),"
                        + " current_setting('idle_in_transaction_session_timeout')) AS limits")
                .executeAndAwait()
                .iterator()
                .next()
                .getString("limits");
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private ClaimStore claims(Pool pool) {
        return stock.claimStore(pool);
    }

    private Function<Pool, Uni<?>> claim(int count, int atLeast) {
        Caller member = stock.member("anna");
        claimers.waits(preset, stock.member("ben"));
        var asks = stock.newClaims.several(claimers.ask(member), count);
        return pool -> claimers.taking(claims(pool), preset, asks, atLeast);
    }

    private Function<Pool, Uni<?>> claimExactly() {
        UUID workspace = stock.ready(preset, 1).getFirst();
        var ask = claimers.ask(stock.member("anna"));
        return pool -> new ExactClaimStore(pool, new ClaimQuotaStore(pool)).takeExactly(workspace, 1, ask, now());
    }

    private Function<Pool, Uni<?>> claimUnderQuota() {
        var ask = claimers.ask(stock.member("anna"));
        return pool -> new LineStore(pool, claims(pool), new ClaimQuotaStore(pool))
                .takeWithinQuota(
                        List.of(Offer.of(new Claimable(preset, Claimable.Order.OLDEST, false))),
                        List.of(ask),
                        0,
                        now());
    }

    private Function<Pool, Uni<?>> claimCold() {
        var ask = claimers.ask(stock.member("anna"));
        return pool -> stock.coldClaimStore(pool).takeCold(preset, ask, now());
    }

    private UUID held() {
        stock.ready(preset, 1);
        return claimers.lease(preset, stock.member("anna"), Duration.ofHours(1)).id();
    }

    private Function<Pool, Uni<?>> renew() {
        UUID claim = held();
        return pool -> new EndClaimStore(pool).renew(claim, null, OptionalInt.empty(), now());
    }

    private Function<Pool, Uni<?>> release() {
        UUID claim = held();
        return pool -> new EndClaimStore(pool).release(claim, OptionalInt.empty(), now());
    }

    private Function<Pool, Uni<?>> cancelWaiting() {
        UUID claim = claimers.waits(preset, stock.member("anna"));
        return pool -> new EndClaimStore(pool).cancel(claim, now());
    }

    private Function<Pool, Uni<?>> coldForWaiting() {
        UUID claim = claimers.waitsThenCold(preset, stock.member("anna"));
        return pool -> stock.coldClaimStore(pool).coldForWaiting(claim, now());
    }

    private Function<Pool, Uni<?>> serveWaiting() {
        UUID unused = claimers.waits(preset, stock.member("anna"));
        return pool -> claimers.taking(claims(pool), preset, List.of(), 0);
    }

    private Assignment running() {
        int created = stock.create(preset, 1);
        return stock.take(created).getFirst();
    }

    private Function<Pool, Uni<?>> endJob() {
        Assignment job = running();
        return pool -> new EndBuildStore(pool, stock.encryption, stock.ids)
                .complete(job.lease(), new JobOutcome.Succeeded(Map.of()), now());
    }

    private Function<Pool, Uni<?>> cancelJob() {
        Assignment job = running();
        return pool -> new CancelStore(pool).cancel(job.jobId(), List.of(stock.organization), Optional.empty(), now());
    }

    private Function<Pool, Uni<?>> append() {
        Assignment job = running();
        return pool -> new JobStore(pool, stock.encryption, new EndBuildStore(pool, stock.encryption, stock.ids))
                .append(job.lease(), 1, List.of(new LogLine(now(), "stdout", "hello")));
    }

    private Function<Pool, Uni<?>> heartbeat() {
        return pool -> new WorkerStore(pool, stock.ids).heartbeat(stock.worker, now());
    }

    private Function<Pool, Uni<?>> leave() {
        return pool -> new WorkerStore(pool, stock.ids).stop(stock.worker, now());
    }

    private Function<Pool, Uni<?>> mark() {
        return pool -> new PoolStore(pool, stock.ids).mark(preset, PresetStatus.HARD_LIMITED, "failed");
    }

    private Function<Pool, Uni<?>> create() {
        return pool -> new PoolStore(pool, stock.ids).create(preset, 0, 1, now());
    }

    private Function<Pool, Uni<?>> apply() {
        Declaration declaration = new Declaration(
                "exec", Map.of("start.sh", "exit 0"), Map.of(), Duration.ofMinutes(1), List.of(), List.of());
        Application wanted = new Application(
                stock.owner, Stock.ORGANIZATION, Stock.TEMPLATE, declaration, new byte[] {1}, true, Optional.empty());
        return pool -> catalog(pool).apply(wanted);
    }

    private Function<Pool, Uni<?>> invalidate() {
        return pool ->
                new CatalogControlStore(pool, stock.clock, stock.ids).invalidatePreset(stock.owner, preset, true);
    }

    private CatalogStore catalog(Pool pool) {
        return new CatalogStore(pool, stock.clock, stock.ids, stock.encryption);
    }

    private Function<Pool, Uni<?>> setJobLimits() {
        await(stock.jobLimits.set(JobLimitStore.DEPLOYMENT, 5, null, stock.owner.userId(), now()));
        return pool ->
                new JobLimitStore(pool, stock.ids).set(JobLimitStore.DEPLOYMENT, 6, null, stock.owner.userId(), now());
    }

    private Function<Pool, Uni<?>> setQuota() {
        return pool -> new QuotaStore(pool, stock.ids).set(stock.organization, 5, null, stock.owner.userId(), now());
    }

    private Function<Pool, Uni<?>> revokeToken() {
        Caller member = stock.member("anna");
        TokenStore tokens = new TokenStore(stock.pool, stock.clock, stock.ids, 10);
        Issue made = await(tokens.create(new NewToken(member.userId(), "laptop", new byte[32], null), stock.owner));
        UUID token = ((Issue.Issued) made).token().id();
        return pool -> new TokenStore(pool, stock.clock, stock.ids, 10)
                .revoke(token, Optional.empty(), false, stock.owner.userId());
    }
}
