package dev.larder.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.larder.client.ClaimRequest.Policy;
import dev.larder.client.LarderException.LeaseLost;
import dev.larder.client.LarderException.NoStock;
import dev.larder.client.LarderException.Refused;
import dev.larder.client.LarderException.TimedOut;
import dev.larder.client.LarderException.Unauthorized;
import dev.larder.client.LarderException.Unavailable;
import dev.larder.client.LarderException.WorkspaceFailed;
import java.io.IOException;
import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LarderClientTest {

    private static final Duration MINUTE = Duration.ofMinutes(1);

    private final LarderClient larder = Server.client();
    private final String run = UUID.randomUUID().toString();

    private ClaimRequest of(String template, String preset) {
        return ClaimRequest.of(template)
                .organization(Server.ORGANIZATION)
                .preset(preset)
                .labels(Map.of("run", run));
    }

    private ClaimRequest box() {
        return of("box", "one").policy(Policy.WAIT).ttl(MINUTE);
    }

    @Test
    void a_claimed_database_is_waited_for_renewed_used_and_released() throws SQLException {
        Claim claim = larder.waitUntilReady(
                larder.claim(of("orders", "small").policy(Policy.WAIT).ttl(MINUTE)), MINUTE);

        Claim renewed = larder.renew(claim.id(), Duration.ofMinutes(10));
        int orders = orders(claim.outputs());
        larder.release(claim.id());
        larder.release(claim.id());

        assertThat(orders).isEqualTo(3000);
        assertThat(renewed.expiresAt().orElseThrow()).isAfter(claim.expiresAt().orElseThrow());
        assertThat(larder.get(claim.id()).status()).isEqualTo("released");
    }

    private static int orders(Map<String, String> outputs) throws SQLException {
        String url = "jdbc:postgresql://%s:%s/%s"
                .formatted(outputs.get("host"), outputs.get("port"), outputs.get("database"));
        try (Connection connection = DriverManager.getConnection(url, outputs.get("user"), outputs.get("password"));
                ResultSet rows = connection.createStatement().executeQuery("SELECT count(*) FROM orders")) {
            rows.next();
            return rows.getInt(1);
        }
    }

    @Test
    void parameters_choose_the_preset() {
        String preset = larder.withClaim(
                ClaimRequest.of("orders")
                        .organization(Server.ORGANIZATION)
                        .parameters(Map.of("region", "zurich"))
                        .policy(Policy.WAIT),
                lease -> lease.claim().workspace().orElseThrow().preset().orElseThrow());

        assertThat(preset).isEqualTo("zurich");
    }

    @ParameterizedTest
    @CsvSource({"1,0", "0,2", "1,1"})
    void a_claim_whose_answer_is_lost_takes_one_workspace(int lose, int busy) throws IOException {
        try (Between between = new Between("POST", lose, busy)) {
            Claim claim = Server.client(between).claim(box());

            assertThat(Server.claims(run)).containsExactly(claim.id());
            assertThat(between.asked()).isEqualTo(1 + lose + busy);
            larder.release(claim.id());
        }
    }

    @Test
    void the_same_request_sent_twice_is_one_claim() {
        ClaimRequest request = box();
        Claim first = larder.claim(request);

        Claim second = larder.claim(request);

        larder.release(first.id());
        assertThat(second.id()).isEqualTo(first.id());
    }

    @Test
    void nothing_in_stock_is_no_stock_with_the_servers_code() {
        NoStock none = catchThrowableOfType(NoStock.class, () -> larder.claim(of("box", "cold")));

        assertThat(none.code()).isIn("no_claimable_workspace", "creation_stopped");
        assertThat(none.status()).hasValue(409);
    }

    @Test
    void a_wait_for_stock_that_never_comes_ends_as_no_stock() {
        ClaimRequest waits = of("box", "cold").policy(Policy.WAIT).timeout(Duration.ofSeconds(1));

        assertThatThrownBy(() -> larder.claim(waits)).isInstanceOf(NoStock.class);
    }

    @Test
    void a_refusal_names_the_field() {
        Refused unknown = catchThrowableOfType(Refused.class, () -> larder.claim(of("no-such-template", "one")));
        Refused wrong = catchThrowableOfType(
                Refused.class, () -> larder.claim(of("box", "one").ttl(Duration.ofDays(99))));

        assertThat(unknown.code()).isEqualTo("template_not_found");
        assertThat(wrong.code()).isEqualTo("out_of_range");
        assertThat(wrong.violations()).extracting("field").containsExactly("ttl");
    }

    @Test
    void a_wrong_token_is_unauthorized_and_stays_secret() {
        LarderClient stranger = LarderClient.of(Server.URI, "larder_not-a-token-at-all");

        Unauthorized refused = catchThrowableOfType(Unauthorized.class, () -> stranger.claim(box()));

        assertThat(refused.code()).isEqualTo("invalid_token");
        assertThat(stranger + refused.toString()).doesNotContain("not-a-token");
    }

    @Test
    void a_server_that_is_away_is_unavailable_after_the_time_for_retries() {
        LarderClient nowhere = LarderClient.of(URI.create("http://127.0.0.1:9"), "a-token", Duration.ofMillis(500));

        Unavailable away = catchThrowableOfType(Unavailable.class, () -> nowhere.claim(box()));

        assertThat(away.code()).isEqualTo("unreachable");
    }

    @Test
    void a_build_that_fails_is_a_failed_workspace() {
        Claim claim = larder.claim(of("broken", "cold").policy(Policy.COLD).ttl(MINUTE));

        WorkspaceFailed failed =
                catchThrowableOfType(WorkspaceFailed.class, () -> larder.waitUntilReady(claim, MINUTE));

        assertThat(failed.code())
                .isEqualTo(larder.get(claim.id()).end().orElseThrow().code());
    }

    @Test
    void a_wait_that_is_too_short_times_out_and_the_claim_goes_on() {
        Claim claim = larder.claim(of("slow", "cold").policy(Policy.COLD).ttl(MINUTE));

        assertThatThrownBy(() -> larder.waitUntilReady(claim, Duration.ofSeconds(1)))
                .isInstanceOf(TimedOut.class);

        assertThat(larder.get(claim.id()).status()).isEqualTo("active");
        larder.release(claim.id());
    }

    @Test
    void a_workspace_that_is_prepared_after_the_claim_is_waited_for() {
        String status = larder.withClaim(
                of("prepared", "one").policy(Policy.WAIT),
                lease -> lease.claim().workspace().orElseThrow().status());

        assertThat(status).isEqualTo("ready");
    }

    @Test
    void a_lease_is_renewed_while_it_is_open_and_while_a_cold_build_takes_longer() {
        ClaimRequest slow = of("slow", "cold").policy(Policy.COLD).ttl(Duration.ofSeconds(2));
        Lease lease = larder.hold(slow);
        try (lease) {
            assertThatThrownBy(() -> lease.lost().toCompletableFuture().get(3, TimeUnit.SECONDS))
                    .isInstanceOf(TimeoutException.class);
            assertThat(larder.get(lease.claim().id()).status()).isEqualTo("active");
        }

        assertThat(larder.get(lease.claim().id()).status()).isEqualTo("released");
    }

    @Test
    void a_block_that_fails_releases_and_its_own_error_is_thrown() {
        Claim[] claimed = new Claim[1];

        assertThatThrownBy(() -> larder.withClaim(box(), lease -> {
                    claimed[0] = lease.claim();
                    throw new IOException("mine");
                }))
                .hasMessage("mine");

        assertThat(larder.get(claimed[0].id()).status()).isEqualTo("released");
    }

    @Test
    void a_block_whose_thread_is_interrupted_releases() {
        Claim claimed = larder.withClaim(box(), lease -> {
            Thread.currentThread().interrupt();
            return lease.claim();
        });

        assertThat(Thread.interrupted()).isTrue();
        assertThat(larder.get(claimed.id()).status()).isEqualTo("released");
    }

    @Test
    void a_lost_lease_is_told_to_the_block_and_thrown_at_its_end() {
        assertThatThrownBy(() -> larder.withClaim(box().ttl(Duration.ofSeconds(2)), lease -> {
                    larder.release(lease.claim().id());
                    LeaseLost why = told(lease);
                    assertThatThrownBy(lease::check).isSameAs(why);
                    return why;
                }))
                .isInstanceOf(LeaseLost.class);
    }

    @Test
    void a_lease_that_cannot_be_renewed_is_lost_when_its_time_is_over() throws IOException {
        try (Between between = new Between("POST", 0, 0)) {
            LarderClient far = LarderClient.of(between.uri(), System.getenv("LARDER_TOKEN"), Duration.ofSeconds(1));
            try (Lease lease = far.hold(box().ttl(Duration.ofSeconds(2)))) {
                between.cut();

                assertThat(told(lease).code()).isEqualTo("expired");
            }
        }
    }

    private static LeaseLost told(Lease lease) {
        try {
            return lease.lost().toCompletableFuture().get(10, TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException notTold) {
            throw new AssertionError(notTold);
        }
    }

    @Test
    void no_secret_is_in_a_text() {
        try (Lease lease = larder.hold(of("orders", "small").policy(Policy.WAIT))) {
            String password = lease.outputs().get("password");

            assertThat(lease + " " + lease.claim() + " " + larder)
                    .doesNotContain(password)
                    .doesNotContain(System.getenv("LARDER_TOKEN"));
        }
    }
}
