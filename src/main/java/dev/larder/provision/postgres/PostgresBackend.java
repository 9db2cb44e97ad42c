package dev.larder.provision.postgres;

import dev.larder.pool.Assignment;
import dev.larder.pool.Inventory;
import dev.larder.pool.JobOutcome;
import dev.larder.pool.LogLine;
import dev.larder.provision.Backend;
import dev.larder.store.Connections;
import dev.larder.store.DatabaseFaults;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A workspace is a database with a login role of its own, copied from its version's template. Outputs: {@code url},
 * {@code host}, {@code port}, {@code database}, {@code user}, {@code password}.
 *
 * <p>The role owns its database, has its owner's rights on all that the version's files made, and can connect to nothing
 * else; that is asked of the server each time (outcome {@code not_isolated}). A stop keeps the data and lets nobody in, a
 * later start gives a new password, a delete drops both and succeeds where there is nothing.
 *
 * <p>A first start clears what an earlier attempt left, since nobody was ever given it. An earlier attempt that is still
 * alive, because its worker was only thought lost, is ended first: its one session is terminated, and it opens no other.
 *
 * <p>Templates are copied through the write-ahead log: measured on PostgreSQL 18 with fsync on, one disk, a copy takes 0.2 s
 * (nearly empty) to 0.5 s (60 MB), against 0.6 to 1.5 s for a file copy, which asks the server for two checkpoints. Above
 * {@value #FILE_COPY_BYTES} bytes the double writing costs more than the checkpoints; with fsync off a checkpoint costs
 * nothing. There it is a file copy.
 *
 * <p>Other outcomes: {@code sql_failed}, {@code backend_unavailable} (cannot be reached or gave in), {@code
 * backend_unsuitable} (too old, no superuser), {@code database_refused} (any other word of the server), {@code
 * superseded} (a newer attempt has taken over).
 */
@ApplicationScoped
public class PostgresBackend implements Backend {

    static final long FILE_COPY_BYTES = 1_073_741_824L;
    private static final int OLDEST_VERSION = 150_000;

    private final @Nullable Server server;
    private final @Nullable Templates templates;
    private final Settings settings;

    public PostgresBackend(Vertx vertx, Settings settings, InstantSource clock) {
        this.settings = settings;
        this.server = settings.url()
                .map(url -> new Server(vertx, options(url, settings)))
                .orElse(null);
        this.templates = server == null ? null : new Templates(server, clock);
    }

    private static PgConnectOptions options(String url, Settings settings) {
        PgConnectOptions options = Connections.of("larder.backend.postgres.url", url);
        settings.username().ifPresent(options::setUser);
        settings.password().ifPresent(options::setPassword);
        return options;
    }

    @Override
    public String kind() {
        return "postgres";
    }

    @Override
    public boolean offered() {
        return server != null;
    }

    @Override
    public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
        if (server == null || templates == null) {
            return Uni.createFrom().item(new JobOutcome.Failed("backend_unavailable", "No server is configured."));
        }
        Job job = new Job(
                assignment, Names.of(assignment), Secret.random(), log, server, templates, settings.connectionLimit());
        return server.asAdmin(job.names().session(), admin -> perform(admin, job))
                .onFailure(PostgresBackend::expected)
                .recoverWithItem(PostgresBackend::outcome);
    }

    /** One lease of one job. */
    private record Job(
            Assignment assignment,
            Names names,
            Secret secret,
            Consumer<LogLine> log,
            Server server,
            Templates templates,
            int connectionLimit) {

        String mark() {
            return "larder job %s attempt %d".formatted(assignment.jobId(), assignment.attempt());
        }
    }

    private Uni<JobOutcome> perform(PgConnection admin, Job job) {
        return endEarlier(admin, job.names().session())
                .chain(() -> look(admin, job))
                .chain(found -> switch (job.assignment().transition()) {
                    case START -> start(admin, job, found);
                    case STOP -> stop(admin, job, found);
                    case DELETE -> delete(admin, job);
                });
    }

    private static final String END_EARLIER = """
            SELECT pg_terminate_backend(pid, 5000)
              FROM pg_stat_activity
             WHERE application_name = '%s' AND pid <> pg_backend_pid()""";

    private static Uni<Void> endEarlier(PgConnection admin, String session) {
        return Server.run(admin, END_EARLIER.formatted(session)).replaceWithVoid();
    }

    /** What is there when the job begins. */
    private record Found(boolean template, boolean database, String copy) {}

    private static final String LOOK = """
            SELECT current_setting('server_version_num')::int AS version,
                   (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
                   current_setting('fsync') = 'off' OR coalesce(
                       (SELECT pg_database_size(oid) FROM pg_database WHERE datname = '%1$s'), 0) > %3$d AS file_copy,
                   EXISTS (SELECT FROM pg_database WHERE datname = '%1$s') AS template,
                   EXISTS (SELECT FROM pg_database WHERE datname = '%2$s') AS database,
                   (SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '%2$s') AS mark""";

    private static Uni<Found> look(PgConnection admin, Job job) {
        String statement = LOOK.formatted(job.names().template(), job.names().workspace(), FILE_COPY_BYTES);
        return Server.run(admin, statement).map(rows -> found(rows.iterator().next(), job));
    }

    private static Found found(Row row, Job job) {
        if (row.getInteger("version") < OLDEST_VERSION) {
            throw new Refused("backend_unsuitable", "The server must be PostgreSQL 15 or newer.");
        }
        if (!Boolean.TRUE.equals(row.getBoolean("superuser"))) {
            throw new Refused("backend_unsuitable", "The configured user must be a superuser of the server.");
        }
        if (newer(row.getString("mark"), job.assignment())) {
            throw new Refused("superseded", "A newer attempt of this job has taken over.");
        }
        return new Found(
                Boolean.TRUE.equals(row.getBoolean("template")),
                Boolean.TRUE.equals(row.getBoolean("database")),
                Boolean.TRUE.equals(row.getBoolean("file_copy")) ? "FILE_COPY" : "WAL_LOG");
    }

    private static final Pattern MARK = Pattern.compile("larder job ([0-9a-f-]{36}) attempt ([0-9]{1,9})");

    private static boolean newer(@Nullable String mark, Assignment assignment) {
        if (mark == null) {
            return false;
        }
        Matcher matcher = MARK.matcher(mark);
        return matcher.matches()
                && UUID.fromString(matcher.group(1)).equals(assignment.jobId())
                && Integer.parseInt(matcher.group(2)) > assignment.attempt();
    }

    /** Only a first start may throw away what it finds: whatever a later one finds may be its owner's data. */
    private Uni<JobOutcome> start(PgConnection admin, Job job, Found found) {
        boolean keep = found.database() && job.assignment().buildNumber() > 1;
        return (keep ? reopen(admin, job) : create(admin, job, found)).replaceWith(() -> succeeded(job));
    }

    private Uni<Void> create(PgConnection admin, Job job, Found found) {
        Uni<Void> template = found.template()
                ? Uni.createFrom().voidItem()
                : job.templates().ensure(admin, job.assignment(), job.names(), job.log());
        return clear(admin, job)
                .chain(() -> template)
                .chain(() -> copy(admin, job, found))
                .onFailure()
                .call(() -> clear(admin, job).onFailure().recoverWithNull());
    }

    private static Uni<Void> clear(PgConnection admin, Job job) {
        return clear(admin, job.names().workspace());
    }

    private static Uni<Void> clear(PgConnection admin, String name) {
        return Server.lockOut(admin, name)
                .chain(() -> Server.dropDatabase(admin, name))
                .chain(() -> Server.dropRole(admin, name));
    }

    private static final String CREATE_ROLE = """
            CREATE ROLE %1$s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT LOGIN
                        CONNECTION LIMIT %5$d PASSWORD '%2$s';
            GRANT %3$s TO %1$s;
            COMMENT ON ROLE %1$s IS '%4$s'""";

    private static final String CREATE_DATABASE =
            "CREATE DATABASE %1$s TEMPLATE %2$s STRATEGY %3$s OWNER %1$s ALLOW_CONNECTIONS false";

    private static Uni<Void> copy(PgConnection admin, Job job, Found found) {
        Names names = job.names();
        return Server.run(
                        admin,
                        CREATE_ROLE.formatted(
                                names.workspace(),
                                job.secret().verifier(),
                                names.builder(),
                                job.mark(),
                                job.connectionLimit()))
                .chain(() ->
                        Server.run(admin, CREATE_DATABASE.formatted(names.workspace(), names.template(), found.copy())))
                .chain(() -> Server.run(admin, Templates.opening(names.workspace())))
                .chain(() -> Isolation.ensure(admin, names.workspace(), names.builder(), names.workspace()));
    }

    private static final String REOPEN = """
            ALTER ROLE %1$s LOGIN PASSWORD '%2$s';
            COMMENT ON ROLE %1$s IS '%3$s';
            """;

    private static Uni<Void> reopen(PgConnection admin, Job job) {
        Names names = job.names();
        String opened = REOPEN.formatted(names.workspace(), job.secret().verifier(), job.mark())
                + Templates.opening(names.workspace());
        return Server.run(admin, opened)
                .chain(() -> Isolation.ensure(admin, names.workspace(), names.builder(), names.workspace()));
    }

    private JobOutcome succeeded(Job job) {
        String host = settings.publicHost().orElseGet(job.server()::host);
        int port = settings.publicPort().orElseGet(job.server()::port);
        String name = job.names().workspace();
        String password = job.secret().password();
        String url = "postgresql://%s:%s@%s:%d/%s"
                .formatted(name, password, host.contains(":") ? "[" + host + "]" : host, port, name);
        // In the order a reader looks for them.
        Map<String, String> outputs = new LinkedHashMap<>();
        outputs.put("url", url);
        outputs.put("host", host);
        outputs.put("port", Integer.toString(port));
        outputs.put("database", name);
        outputs.put("user", name);
        outputs.put("password", password);
        return new JobOutcome.Succeeded(outputs);
    }

    /** The role may not log in any more: as the database's owner it could open that again, but not itself. */
    private static Uni<JobOutcome> stop(PgConnection admin, Job job, Found found) {
        String name = job.names().workspace();
        Uni<Void> closed = found.database()
                ? Server.run(admin, "ALTER DATABASE " + name + " ALLOW_CONNECTIONS false")
                        .chain(() -> Server.endSessions(admin, name))
                : Uni.createFrom().voidItem();
        return Server.lockOut(admin, name).chain(() -> closed).replaceWith(new JobOutcome.Succeeded(Map.of()));
    }

    private static Uni<JobOutcome> delete(PgConnection admin, Job job) {
        return clear(admin, job).replaceWith(new JobOutcome.Succeeded(Map.of()));
    }

    // The file that says which version a database is of is never written again, so it tells when the database was made.
    // A drop that was interrupted leaves a database that nobody can open.
    private static final String INVENTORY = """
            SELECT c.system_identifier::text AS location, pg_is_in_recovery() AS standby, f.name, coalesce(f.whole, false) AS whole, f.made_at
              FROM pg_control_system() c
              LEFT JOIN (
                   SELECT coalesce(d.datname, r.rolname) AS name, d.datconnlimit <> -2 AS whole,
                          (pg_stat_file('base/' || d.oid || '/PG_VERSION', true)).modification AS made_at
                     FROM (SELECT oid, datname, datconnlimit FROM pg_database WHERE datname ~ '^%1$s$') d
                     FULL JOIN (SELECT rolname FROM pg_roles WHERE rolname ~ '^%1$s$') r ON r.rolname = d.datname) f ON true
             ORDER BY f.name""".formatted(Names.WORKSPACE);

    /**
     * The place is the server by its system identifier, whatever its address. A standby has the same and may lag behind, so none
     * is listed; of two writable copies of a server each is the other's equal, which is for the server to bear in mind.
     */
    @Override
    public Uni<Optional<Inventory>> inventory() {
        return server == null
                ? Uni.createFrom().item(Optional.empty())
                : server.asAdmin("larder inventory", this::inventory).map(Optional::of);
    }

    private static final String CONNECTIONS = """
            SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                   - coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0) AS connections""";

    private Uni<Inventory> inventory(PgConnection admin) {
        return Server.run(admin, CONNECTIONS)
                .map(rows -> rows.iterator().next().getInteger("connections"))
                .map(all -> new Inventory.Connections(Math.max(1, all), Math.max(1, settings.connectionLimit())))
                .chain(connections -> Server.run(admin, INVENTORY).map(rows -> inventory(rows, connections)));
    }

    private static Inventory inventory(RowSet<Row> rows, Inventory.Connections connections) {
        List<Inventory.Thing> things = new ArrayList<>(rows.size());
        String location = "";
        for (Row row : rows) {
            if (Boolean.TRUE.equals(row.getBoolean("standby"))) {
                throw new IllegalStateException("the server is a standby, which may lag behind");
            }
            location = row.getString("location");
            String name = row.getString("name");
            if (name != null) {
                things.add(new Inventory.Thing(
                        Names.workspaceOf(name), name, Boolean.TRUE.equals(row.getBoolean("whole")), madeAt(row)));
            }
        }
        return new Inventory(location, things, Optional.of(connections));
    }

    private static @Nullable Instant madeAt(Row row) {
        OffsetDateTime at = row.getOffsetDateTime("made_at");
        return at == null ? null : at.toInstant();
    }

    /** A job that nobody waits for any more, here or elsewhere, is ended first. */
    @Override
    public Uni<Void> remove(UUID workspace) {
        return server == null
                ? Uni.createFrom().voidItem()
                : server.asAdmin(
                        "larder inventory",
                        admin -> endEarlier(admin, Names.session(workspace))
                                .chain(() -> clear(admin, Names.workspace(workspace))));
    }

    private static boolean expected(Throwable failure) {
        return failure instanceof Refused || failure instanceof PgException || DatabaseFaults.unavailable(failure);
    }

    private static JobOutcome outcome(Throwable failure) {
        return switch (failure) {
            case Refused refused -> refused.outcome();
            case PgException told
            when !unreachable(told) ->
                new JobOutcome.Failed("database_refused", told.getSqlState() + " " + told.getErrorMessage());
            default -> new JobOutcome.Failed("backend_unavailable", reason(failure));
        };
    }

    /** Also a refused login and a missing maintenance database: the configuration, not the job, is at fault. */
    private static boolean unreachable(PgException told) {
        String state = Optional.ofNullable(told.getSqlState()).orElse("");
        return DatabaseFaults.unavailable(told) || state.startsWith("28") || state.equals("3D000");
    }

    private static String reason(Throwable failure) {
        return failure instanceof PgException told
                ? "The server says: " + told.getSqlState() + " " + told.getErrorMessage()
                : "The server cannot be reached: "
                        + Optional.ofNullable(failure.getMessage())
                                .orElse(failure.getClass().getSimpleName());
    }
}
