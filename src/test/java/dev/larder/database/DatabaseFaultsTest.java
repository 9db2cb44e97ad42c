package dev.larder.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import io.vertx.core.VertxException;
import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DatabaseFaultsTest {

    private final Database database = Databases.fresh();

    @AfterEach
    void drop() {
        database.close();
    }

    @Test
    void a_port_where_nobody_listens_is_a_database_that_is_away() {
        Pool nowhere = pool(database.connectOptions().setPort(1));

        Throwable refused = catchThrowable(() -> nowhere.query("SELECT 1").executeAndAwait());

        assertThat(DatabaseFaults.unavailable(refused)).as(refused.toString()).isTrue();
    }

    @Test
    void a_host_that_does_not_exist_is_a_database_that_is_away() {
        Pool nowhere = pool(database.connectOptions().setHost("nowhere.invalid"));

        Throwable unknown = catchThrowable(() -> nowhere.query("SELECT 1").executeAndAwait());

        assertThat(DatabaseFaults.unavailable(unknown)).as(unknown.toString()).isTrue();
    }

    @Test
    void a_write_to_a_connection_that_is_gone_is_a_database_that_is_away() {
        for (String told : new String[] {"Connection reset by peer", "Broken pipe"}) {
            assertThat(DatabaseFaults.unavailable(new CompletionException(new IOException(told))))
                    .as(told)
                    .isTrue();
        }
        assertThat(DatabaseFaults.unavailable(new IOException("No space left on device")))
                .isFalse();
        assertThat(DatabaseFaults.unavailable(new FileNotFoundException("Broken pipe")))
                .isFalse();
    }

    @Test
    void a_pool_without_a_free_connection_is_a_database_that_is_away() {
        Pool small = pool(database.connectOptions());
        SqlConnection held = small.getConnectionAndAwait();

        Throwable timeout = catchThrowable(() -> small.query("SELECT 1").executeAndAwait());

        held.closeAndAwait();
        assertThat(DatabaseFaults.unavailable(timeout)).as(timeout.toString()).isTrue();
    }

    @Test
    void a_connection_cut_in_the_middle_of_a_statement_is_a_database_that_is_away() {
        Pool pool = pool(database.connectOptions());

        Throwable cut = catchThrowable(() -> pool.query("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(5)")
                .executeAndAwait());

        assertThat(DatabaseFaults.unavailable(cut)).as(cut.toString()).isTrue();
    }

    @Test
    void a_connection_that_ended_before_it_was_used_is_a_database_that_is_away() throws InterruptedException {
        SqlConnection taken = pool(database.connectOptions()).getConnectionAndAwait();
        CountDownLatch ended = new CountDownLatch(1);
        taken.closeHandler(ended::countDown);

        Throwable cut = catchThrowable(() ->
                taken.query("SELECT pg_terminate_backend(pg_backend_pid())").executeAndAwait());
        assertThat(ended.await(10, TimeUnit.SECONDS)).as(cut.toString()).isTrue();
        Throwable unusable = catchThrowable(() -> taken.query("SELECT 1").executeAndAwait());

        assertThat(DatabaseFaults.unavailable(unusable)).as(unusable.toString()).isTrue();
    }

    @Test
    void a_certificate_that_is_not_accepted_is_told_in_plain_words() {
        for (Throwable told : new Throwable[] {
            new VertxException("SSL handshake failed"), new CompletionException(new SSLHandshakeException("PKIX path"))
        }) {
            assertThat(DatabaseFaults.inPlainWords(told)).contains("certificate is not accepted");
            assertThat(DatabaseFaults.unavailable(told)).as(told.toString()).isTrue();
        }
    }

    @Test
    void a_wrong_password_is_told_without_the_user() {
        Pool stranger = pool(database.connectOptions().setPassword("wrong"));

        Throwable refused = catchThrowable(() -> stranger.query("SELECT 1").executeAndAwait());

        assertThat(DatabaseFaults.inPlainWords(refused))
                .contains("wrong user or password")
                .doesNotContain(database.connectOptions().getUser() + "\"");
    }

    @Test
    void a_wrong_statement_is_a_fault() {
        Throwable wrong =
                catchThrowable(() -> database.pool().query("SELECT nonsense").executeAndAwait());

        assertThat(DatabaseFaults.unavailable(wrong)).as(wrong.toString()).isFalse();
        assertThat(DatabaseFaults.unavailable(new IllegalStateException("Timeout")))
                .isFalse();
    }

    private static Pool pool(PgConnectOptions options) {
        return PgBuilder.pool()
                .with(new PoolOptions()
                        .setMaxSize(1)
                        .setConnectionTimeout(1)
                        .setConnectionTimeoutUnit(TimeUnit.SECONDS))
                .connectingTo(options)
                .using(Databases.vertx())
                .build();
    }
}
