package dev.larder.database;

import dev.larder.model.ReadinessPart;
import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgConnection;
import io.vertx.sqlclient.DatabaseException;
import io.vertx.sqlclient.PoolOptions;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Connections to Larder's database that requests cannot use up: a small pool for the reconciler's lock, the clock,
 * the notify sender and the health check, and one connection for the listener. They go to the server itself, past
 * any pooler.
 */
// Created at start. A pool that is created on an HTTP thread is closed with HTTP, before the rest has stopped.
@Startup
@ApplicationScoped
public class Direct implements ReadinessPart {

    private static final int CONNECTIONS = 4;
    private static final Duration HEARD_WITHIN = Duration.ofSeconds(3);
    private static final String URL = "larder.database.direct-url";
    private static final TimeLimits LIMITS =
            new TimeLimits(Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofHours(1));

    private final Vertx vertx;
    private final Hosts hosts;
    private final Pool pool;
    private final Pool requests;
    private final Optional<TimeLimits> roleLimits;
    private final AtomicReference<@Nullable Uni<Void>> asked = new AtomicReference<>();
    private volatile boolean proved;

    @Inject
    Direct(Vertx vertx, Pool requests, RequestPool requestPool, DatabaseSettings settings) {
        this(
                vertx,
                hosts(vertx.getDelegate(), requests, requestPool, settings),
                Optional.of(requests),
                settings.directUrl().map(pooled -> settings.limits()));
    }

    public Direct(Vertx vertx, PgConnectOptions options) {
        this(vertx, new Hosts(vertx.getDelegate(), List.of(options)), Optional.empty(), Optional.empty());
    }

    private Direct(Vertx vertx, Hosts hosts, Optional<Pool> requests, Optional<TimeLimits> roleLimits) {
        this.vertx = vertx;
        this.hosts = hosts;
        this.roleLimits = roleLimits;
        PoolOptions options = new PoolOptions().setMaxSize(CONNECTIONS).setName("larder-direct");
        this.pool = new Pool(RequestPool.builder(options, hosts, vertx.getDelegate())
                .withConnectHandler(connection -> RequestPool.limit(connection, LIMITS))
                .build());
        this.requests = requests.orElse(pool);
    }

    private static Hosts hosts(
            io.vertx.core.Vertx vertx, Pool requests, RequestPool requestPool, DatabaseSettings settings) {
        // A bean is made when it is first used; the pool's creator has read the addresses by then.
        int made = requests.size();
        Hosts same = requestPool.hosts();
        return settings.directUrl()
                .map(address -> new Hosts(vertx, Connections.like(URL, same.first(), address)))
                .orElse(same);
    }

    public Pool pool() {
        return pool;
    }

    /** Opens a separate connection to the primary, with the usual time limits. The caller closes it. */
    public Future<PgConnection> connect() {
        return hosts.primary()
                .compose(primary -> PgConnection.connect(vertx.getDelegate(), primary))
                .compose(connection -> connection
                        .query(LIMITS.set())
                        .execute()
                        .map(connection)
                        .onFailure(unusable -> connection.close()));
    }

    /**
     * Checks at start that notifications of the requests' connections arrive. Behind a transaction pooler a LISTEN
     * is accepted and nothing is delivered; then this fails with a sentence that names the setting. It also sets
     * the role's time limits if the requests' sessions belong to a pooler.
     */
    public Uni<Void> prove() {
        return limitRole().chain(this::heard).invoke(() -> proved = true);
    }

    private Uni<Void> limitRole() {
        return roleLimits
                .map(limits -> pool.query(limits.setForRole()).execute().replaceWithVoid())
                .orElseGet(() -> Uni.createFrom().voidItem());
    }

    private Uni<Void> heard() {
        String channel = "larder_probe_" + UUID.randomUUID().toString().replace("-", "");
        Promise<Void> heard = Promise.promise();
        return Uni.createFrom()
                .completionStage(() -> connect().toCompletionStage())
                .chain(connection -> listen(connection, channel, heard)
                        .chain(() -> requests.preparedQuery("SELECT pg_notify($1, '')")
                                .execute(Tuple.of(channel)))
                        .chain(() ->
                                Uni.createFrom().completionStage(heard.future().toCompletionStage()))
                        .ifNoItem()
                        .after(HEARD_WITHIN)
                        .failWith(() -> new IllegalStateException(NOT_HEARD))
                        .eventually(() -> Uni.createFrom()
                                .completionStage(connection.close().toCompletionStage())));
    }

    private static Uni<Void> listen(PgConnection connection, String channel, Promise<Void> heard) {
        connection.notificationHandler(told -> heard.tryComplete());
        return Uni.createFrom()
                .completionStage(
                        () -> connection.query("LISTEN " + channel).execute().toCompletionStage())
                .replaceWithVoid();
    }

    private static final String NOT_HEARD =
            "what requests announce with NOTIFY is not heard: a transaction pooler is in"
                    + " between, or another server; set " + URL + " to the address of the server itself";

    @Override
    public String name() {
        return "notifications";
    }

    @Override
    public boolean up() {
        return proved;
    }

    @Override
    public String detail() {
        return proved ? "heard" : "not heard yet; behind a transaction pooler set " + URL;
    }

    @Override
    public boolean partOfStart() {
        return true;
    }

    /** Host and port of the database, for a message to an operator. */
    public String address() {
        return hosts.addresses();
    }

    /** A sentence for the operator about a failure, without class names and credentials. */
    public String sentence(Throwable failure) {
        if (failure instanceof DatabaseException told) {
            return "the database at " + address() + " refuses: " + DatabaseFaults.inPlainWords(told);
        }
        if (DatabaseFaults.certificateRefused(failure)) {
            return DatabaseFaults.inPlainWords(failure);
        }
        return DatabaseFaults.unavailable(failure)
                ? "cannot reach the database at " + address()
                : "not started yet: " + failure.getMessage();
    }

    /** Checks that the database can be reached. Fails after this time. */
    public Uni<Void> ping(Duration within) {
        // Not pool.query: when its connection fails, its timer fires later all the same and logs an
        // unhandled exception.
        return pool.withConnection(connection -> connection.query("SELECT 1").execute())
                .replaceWithVoid()
                .ifNoItem()
                .after(within)
                .fail();
    }

    /**
     * Whether a request would get a working connection. If there is no answer in time, or the queue is full, the
     * server decides: if it can be reached, the pool is busy, and that is no failure.
     *
     * @param within how long the check takes at most
     */
    public Uni<Void> pingAsRequest(Duration within) {
        // Both checks run at the same time, so that both end within the limit.
        Uni<Void> reachable = ping(within).memoize().indefinitely();
        var begun = reachable.subscribe().with(answered -> {}, failed -> {});
        return askAsRequest()
                .ifNoItem()
                .after(within)
                .fail()
                .onFailure(failure -> failure instanceof TimeoutException || DatabaseFaults.busy(failure))
                .recoverWithUni(reachable);
    }

    /** One check at a time: while the pool is busy, every check would otherwise take a place in its queue. */
    private Uni<Void> askAsRequest() {
        Uni<Void> pending = asked.get();
        if (pending != null) {
            return pending;
        }
        Uni<Void> question = requests.query("SELECT 1")
                .execute()
                .replaceWithVoid()
                .onTermination()
                .invoke(() -> asked.set(null))
                .memoize()
                .indefinitely();
        return asked.compareAndSet(null, question) ? question : askAsRequest();
    }

    @PreDestroy
    void close() {
        pool.closeAndForget();
    }
}
