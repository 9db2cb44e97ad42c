package dev.larder.worker.postgres;

import dev.larder.database.Connections;
import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.worker.postgres.Templates.Template;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.pgclient.PgConnectOptions;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
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
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A workspace is a database with a login role of its own, copied from its version's template. Outputs: {@code url},
 * {@code host}, {@code port}, {@code database}, {@code user}, {@code password}.
 *
 * <p>The role owns its database, has its owner's rights on all that the version's files made, and can connect to nothing
 * else that Larder or an operator keeps ({@link Isolation}); that is asked of the server each time. A stop keeps the data and
 * lets no role in, a later start gives a new password, a delete drops both and succeeds where there is nothing.
 *
 * <p>A first start clears what an earlier attempt left, since no claimer was ever given it. An earlier attempt that is still
 * alive, because its worker was only thought lost, is ended first: its one session is terminated, and it opens no other.
 *
 * <p>No step waits for a tenant ({@link Admin}), whatever tenants leave open in their own databases or elsewhere.
 *
 * <p>Templates are copied through the write-ahead log: measured on PostgreSQL 18 with fsync on, one disk, a copy takes 0.2 s
 * (nearly empty) to 0.5 s (60 MB), against 0.6 to 1.5 s for a file copy, which asks the server for two checkpoints. Above
 * {@value #FILE_COPY_BYTES} bytes the double writing costs more than the checkpoints; with fsync off a checkpoint costs
 * nothing. There it is a file copy. A template that cannot be copied is built anew from its files, once in a job.
 *
 * <p>Other outcomes. The template's: {@code sql_failed}, {@code template_timed_out} (its files took longer than the job may).
 * The place's: {@code backend_unavailable} (cannot be reached, refuses the login, or went away), {@code backend_full} (disk,
 * memory or connections), {@code backend_unsuitable} (too old, no superuser), {@code not_isolated}, {@code database_refused}
 * (any other word of the server). Passing: {@code superseded} (a newer attempt has taken over), {@code backend_busy} (a lock
 * or a time limit was in the way of an administrative statement).
 */
@ApplicationScoped
public class PostgresBackend implements Backend {

    static final long FILE_COPY_BYTES = 1_073_741_824L;
    private static final int OLDEST_VERSION = 150_000;

    /** Twice as many as a version may have presets. */
    private static final int TEMPLATES_MAX = 200;

    private static final Duration REMOVE_WITHIN = Duration.ofMinutes(5);
    private static final Logger LOG = Logger.getLogger(PostgresBackend.class);

    private final @Nullable Server server;
    private final @Nullable Templates templates;
    private final PostgresSettings settings;
    private final InstantSource clock;

    @Inject
    public PostgresBackend(Vertx vertx, PostgresSettings settings, InstantSource clock) {
        this(vertx, settings, clock, TEMPLATES_MAX);
    }

    PostgresBackend(Vertx vertx, PostgresSettings settings, InstantSource clock, int templatesMax) {
        this.settings = settings;
        this.clock = clock;
        this.server = settings.url()
                .map(url -> new Server(vertx, options(url, settings)))
                .orElse(null);
        this.templates = server == null ? null : new Templates(server, settings, clock, templatesMax);
    }

    private static PgConnectOptions options(String url, PostgresSettings settings) {
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
        Job job = new Job(assignment, Secret.random(), log, server, templates);
        return server.asAdmin(job.session(), Limits.left(assignment, clock), admin -> perform(admin, job))
                .onFailure(PostgresFaults::expected)
                .recoverWithItem(PostgresFaults::outcome);
    }

    /** One lease of one job. */
    private record Job(
            Assignment assignment, Secret secret, Consumer<LogLine> log, Server server, Templates templates) {

        /** The workspace's database, and its role. */
        String name() {
            return Names.workspace(assignment.workspaceId());
        }

        String session() {
            return Names.session(assignment.workspaceId());
        }

        String mark() {
            return "larder job %s attempt %d".formatted(assignment.jobId(), assignment.attempt());
        }
    }

    private Uni<JobOutcome> perform(Admin admin, Job job) {
        return endEarlier(admin, job.session())
                .chain(() -> look(admin, job))
                .chain(databaseExists -> switch (job.assignment().transition()) {
                    case START -> start(admin, job, databaseExists);
                    case STOP -> stop(admin, job);
                    case DELETE -> delete(admin, job);
                });
    }

    // A tenant can call its session what it likes.
    private static final String END_EARLIER = """
            SELECT pg_terminate_backend(pid, 5000)
              FROM pg_stat_activity
             WHERE application_name = '%1$s' AND pid <> pg_backend_pid() AND usename !~ '^%2$s$'""";

    private static Uni<Void> endEarlier(Admin admin, String session) {
        return admin.ask(END_EARLIER.formatted(session, Names.WORKSPACE)).replaceWithVoid();
    }

    private static final String LOOK = """
            SELECT current_setting('server_version_num')::int AS version,
                   (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
                   EXISTS (SELECT FROM pg_database WHERE datname = '%1$s') AS database,
                   (SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '%1$s') AS mark""";

    private static Uni<Boolean> look(Admin admin, Job job) {
        return admin.ask(LOOK.formatted(job.name()))
                .map(rows -> databaseExists(rows.iterator().next(), job));
    }

    private static boolean databaseExists(Row row, Job job) {
        if (row.getInteger("version") < OLDEST_VERSION) {
            throw new Refused("backend_unsuitable", "The server must be PostgreSQL 15 or newer.");
        }
        if (!Boolean.TRUE.equals(row.getBoolean("superuser"))) {
            throw new Refused("backend_unsuitable", "The configured user must be a superuser of the server.");
        }
        if (newer(row.getString("mark"), job.assignment())) {
            throw new Refused("superseded", "A newer attempt of this job has taken over.");
        }
        return Boolean.TRUE.equals(row.getBoolean("database"));
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

    /** Only a first start may throw away what it finds: what a later one finds may be its owner's data. */
    private Uni<JobOutcome> start(Admin admin, Job job, boolean databaseExists) {
        boolean keep = databaseExists && job.assignment().buildNumber() > 1;
        return (keep ? reopen(admin, job) : create(admin, job)).replaceWith(() -> succeeded(job));
    }

    private Uni<Void> create(Admin admin, Job job) {
        return Demolition.drop(admin, job.name(), job.name())
                .chain(() -> Values.of(job.assignment()).digest(admin))
                .chain(values -> create(admin, job, Names.of(job.assignment(), values)))
                .onFailure()
                .call(() -> Demolition.drop(admin, job.name(), job.name())
                        .onFailure()
                        .recoverWithNull());
    }

    private Uni<Void> create(Admin admin, Job job, Names names) {
        return job.templates()
                .ensure(admin, job.assignment(), names, job.log())
                .chain(template -> copy(admin, job, names, template)
                        .onFailure(PostgresFaults::spoiled)
                        .recoverWithUni(failure -> copyAnew(admin, job, names, template, failure)))
                .chain(() -> Isolation.ensure(admin, job.name(), job.name()));
    }

    private static final String CREATE_ROLE = """
            CREATE ROLE %1$s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT LOGIN
                        CONNECTION LIMIT %5$d PASSWORD '%2$s';
            ALTER ROLE %1$s SET temp_file_limit = %6$d;
            GRANT %3$s TO %1$s;
            COMMENT ON ROLE %1$s IS '%4$s'""";

    private static final String CREATE_DATABASE =
            "CREATE DATABASE %1$s TEMPLATE %2$s STRATEGY %3$s OWNER %1$s ALLOW_CONNECTIONS false";

    private Uni<Void> copy(Admin admin, Job job, Names names, Template template) {
        String role = CREATE_ROLE.formatted(
                job.name(),
                job.secret().verifier(),
                template.builder(),
                job.mark(),
                settings.connectionLimit(),
                Limits.temporaryFiles(settings));
        String database =
                CREATE_DATABASE.formatted(job.name(), names.template(), template.large() ? "FILE_COPY" : "WAL_LOG");
        return admin.run(role)
                .chain(() -> admin.runFor(Limits.left(job.assignment(), clock), database))
                .chain(() -> admin.run(Templates.opening(job.name())))
                .chain(() -> job.server().inside(job.name(), PostgresBackend::lookAround));
    }

    /** Files that are missing are copied without a word; a session then does not begin. */
    private static Uni<Void> lookAround(PgConnection inside) {
        return Server.run(inside, "SELECT count(*) FROM pg_class").replaceWithVoid();
    }

    private Uni<Void> copyAnew(Admin admin, Job job, Names names, Template spoiled, Throwable failure) {
        LOG.warnf("template is built anew template=%s cause=%s", names.template(), failure.getMessage());
        job.log().accept(new LogLine(clock.instant(), "larder", "the template cannot be copied and is built anew"));
        return Demolition.drop(admin, job.name(), job.name())
                .chain(() -> job.templates().replace(admin, job.assignment(), names, spoiled, job.log()))
                .chain(fresh -> copy(admin, job, names, fresh));
    }

    private static final String REOPEN = """
            ALTER ROLE %1$s LOGIN PASSWORD '%2$s';
            ALTER ROLE %1$s SET temp_file_limit = %4$d;
            COMMENT ON ROLE %1$s IS '%3$s';
            """;

    private Uni<Void> reopen(Admin admin, Job job) {
        String opened =
                REOPEN.formatted(job.name(), job.secret().verifier(), job.mark(), Limits.temporaryFiles(settings))
                        + Templates.opening(job.name());
        return admin.run(opened).chain(() -> Isolation.ensure(admin, job.name(), job.name()));
    }

    private JobOutcome succeeded(Job job) {
        String host = settings.publicHost().orElseGet(job.server()::host);
        int port = settings.publicPort().orElseGet(job.server()::port);
        String name = job.name();
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
    private static Uni<JobOutcome> stop(Admin admin, Job job) {
        return Demolition.close(admin, job.name(), job.name()).replaceWith(new JobOutcome.Succeeded(Map.of()));
    }

    private static Uni<JobOutcome> delete(Admin admin, Job job) {
        return Demolition.drop(admin, job.name(), job.name())
                .chain(() -> Demolition.sweep(admin))
                .replaceWith(new JobOutcome.Succeeded(Map.of()));
    }

    // The file that says which version a database is of is never written again, so it tells when the
    // database was made. A drop that was interrupted leaves a database that no role can open. A version's
    // template databases are one thing.
    private static final String INVENTORY = """
            SELECT c.system_identifier::text AS location, pg_is_in_recovery() AS standby, f.name, coalesce(f.whole, false) AS whole,
                   (pg_stat_file('base/' || f.oid || '/PG_VERSION', true)).modification AS made_at
              FROM pg_control_system() c
              LEFT JOIN (
                   SELECT coalesce(d.datname, r.rolname) AS name, d.datconnlimit <> -2 AS whole, d.oid
                     FROM (SELECT oid, datname, datconnlimit FROM pg_database WHERE datname ~ '^%1$s$') d
                     FULL JOIN (SELECT rolname FROM pg_roles WHERE rolname ~ '^%1$s$') r ON r.rolname = d.datname
                    UNION ALL
                   (SELECT DISTINCT ON (substr(d.datname, 1, 41))
                           d.datname, d.datconnlimit <> -2 AND d.datname NOT LIKE '%%\\_new', d.oid
                      FROM pg_database d WHERE d.datname ~ '^%2$s$'
                     ORDER BY substr(d.datname, 1, 41), d.datname LIKE '%%\\_new', d.oid)) f ON true
             ORDER BY f.name""".formatted(Names.WORKSPACE, Names.TEMPLATE);

    /**
     * The place is the server by its system identifier, whatever its address. A standby has the same and may lag behind, so none
     * is listed; of two writable copies of a server each is the other's equal, which is for the server to bear in mind.
     */
    @Override
    public Uni<Optional<Inventory>> inventory() {
        return server == null
                ? Uni.createFrom().item(Optional.empty())
                : server.asAdmin("larder inventory", Admin.SHORT, this::inventory)
                        .map(Optional::of);
    }

    private static final String CONNECTIONS = """
            SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                   - coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0) AS connections""";

    private Uni<Inventory> inventory(Admin admin) {
        return admin.ask(CONNECTIONS)
                .map(rows -> rows.iterator().next().getInteger("connections"))
                .map(all -> new Inventory.Connections(Math.max(1, all), Math.max(1, settings.connectionLimit())))
                .chain(connections -> admin.ask(INVENTORY).map(rows -> inventory(rows, connections)));
    }

    private static Inventory inventory(RowSet<Row> rows, Inventory.Connections connections) {
        List<Inventory.Item> things = new ArrayList<>(rows.size());
        String location = "";
        for (Row row : rows) {
            if (Boolean.TRUE.equals(row.getBoolean("standby"))) {
                throw new IllegalStateException("the server is a standby, which may lag behind");
            }
            location = row.getString("location");
            String name = row.getString("name");
            if (name != null) {
                things.add(new Inventory.Item(
                        Names.idOf(name), name, Boolean.TRUE.equals(row.getBoolean("whole")), madeAt(row)));
            }
        }
        return new Inventory(location, things, Optional.of(connections));
    }

    private static @Nullable Instant madeAt(Row row) {
        OffsetDateTime at = row.getOffsetDateTime("made_at");
        return at == null ? null : at.toInstant();
    }

    /** An abandoned job of a workspace is ended first, wherever it runs; a version's templates go unless one is being built. */
    @Override
    public Uni<Void> remove(UUID thing) {
        return server == null
                ? Uni.createFrom().voidItem()
                : server.asAdmin("larder inventory", REMOVE_WITHIN, admin -> remove(admin, thing));
    }

    /** The id is a workspace's or a version's, and no two of them are the same. */
    private static Uni<Void> remove(Admin admin, UUID thing) {
        return endEarlier(admin, Names.session(thing))
                .chain(() -> Demolition.drop(admin, Names.workspace(thing), Names.workspace(thing)))
                .chain(() -> Templates.dropAll(admin, thing))
                .chain(() -> Demolition.sweep(admin));
    }
}
