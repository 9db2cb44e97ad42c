package dev.larder.database;

import io.vertx.core.CompositeFuture;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgConnection;
import io.vertx.sqlclient.Row;
import java.net.ConnectException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The hosts that may have Larder's database. One of them accepts writes at a time. With several hosts each is
 * queried before a connection is opened, so that new connections go to the new primary after a promotion.
 * Connections that open within a second share the answer.
 */
public final class Hosts {

    private static final int CONNECT_MILLIS = 2_000;
    private static final long ANSWER_MILLIS = 3_000;
    private static final long SHARED_MILLIS = 1_000;

    private final Vertx vertx;
    private final List<PgConnectOptions> all;
    private @Nullable Future<PgConnectOptions> looking;

    public Hosts(Vertx vertx, List<PgConnectOptions> all) {
        this.vertx = vertx;
        this.all = List.copyOf(all);
    }

    PgConnectOptions first() {
        return Connections.copy(all.getFirst());
    }

    /** Hosts and ports, for a message to an operator. */
    String addresses() {
        return all.stream().map(host -> host.getHost() + ":" + host.getPort()).collect(Collectors.joining(", "));
    }

    /** Fails if no host answers as a primary; the message names no host. */
    synchronized Future<PgConnectOptions> primary() {
        if (all.size() == 1) {
            return Future.succeededFuture(first());
        }
        Future<PgConnectOptions> shared = looking;
        if (shared == null) {
            shared = look();
            looking = shared;
            shared.onComplete(seen -> vertx.setTimer(SHARED_MILLIS, passed -> lookAgain()));
        }
        return shared.map(Connections::copy);
    }

    private synchronized void lookAgain() {
        looking = null;
    }

    private record Seen(PgConnectOptions host, int timeline) {}

    private Future<PgConnectOptions> look() {
        List<Future<@Nullable Seen>> asked = new ArrayList<>();
        for (PgConnectOptions host : all) {
            asked.add(ask(host));
        }
        return Future.join(asked).transform(answers -> newest(answers.result(), asked));
    }

    // A primary that was down during a promotion starts as a primary again, on an older timeline.
    private Future<PgConnectOptions> newest(@Nullable CompositeFuture joined, List<Future<@Nullable Seen>> asked) {
        Seen newest = null;
        for (Future<@Nullable Seen> answer : asked) {
            Seen seen = answer.succeeded() ? answer.result() : null;
            if (seen != null && (newest == null || seen.timeline() > newest.timeline())) {
                newest = seen;
            }
        }
        return newest == null
                ? Future.failedFuture(new ConnectException("none of the " + all.size() + " hosts is a primary"))
                : Future.succeededFuture(newest.host());
    }

    private static final String TIMELINE = """
            SELECT CASE WHEN NOT pg_is_in_recovery()
                        THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END AS timeline""";

    private Future<@Nullable Seen> ask(PgConnectOptions host) {
        return PgConnection.connect(vertx, new PgConnectOptions(host).setConnectTimeout(CONNECT_MILLIS))
                .compose(connection -> connection
                        .query(TIMELINE)
                        .execute()
                        .timeout(ANSWER_MILLIS, TimeUnit.MILLISECONDS)
                        .map(rows -> seen(host, rows.iterator().next()))
                        .eventually(() -> connection.close()))
                // The connect timeout covers TCP only: a frozen server accepts the connection and never answers.
                .timeout(CONNECT_MILLIS + ANSWER_MILLIS, TimeUnit.MILLISECONDS);
    }

    private static @Nullable Seen seen(PgConnectOptions host, Row row) {
        Integer timeline = row.getInteger("timeline");
        return timeline == null ? null : new Seen(host, timeline);
    }
}
