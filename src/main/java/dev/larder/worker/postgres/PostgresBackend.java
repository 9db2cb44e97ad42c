package dev.larder.worker.postgres;

import dev.larder.database.Connections;
import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.model.Target;
import dev.larder.model.Transition;
import dev.larder.worker.postgres.Templates.Template;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.pgclient.PgConnectOptions;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Builds workspaces that are databases, each with a login role of its own, copied from the template of its version.
 * Outputs: {@code url}, {@code host}, {@code port}, {@code database}, {@code user}, {@code password}.
 *
 * <p>The role owns its database, has the rights of an owner on the objects that the version's files created, and
 * can connect to no other database that Larder or an operator keeps ({@link Isolation}); each job checks that. A
 * stop keeps the data and refuses logins. A later start sets a new password. A delete drops database and role, and
 * succeeds if they do not exist.
 *
 * <p>A first start drops what an earlier attempt left, because no client has received it. If the worker of an earlier
 * attempt is still alive, its session is terminated first. It opens no other.
 *
 * <p>A claim build sets what the client gave late, and leaves the rest as it is.
 *
 * <p>No step waits for a tenant ({@link AdminSession}), whatever transactions and sessions tenants leave open.
 *
 * <p>Templates are copied through the write-ahead log. Measured on PostgreSQL 18 with fsync on, one disk: a copy takes
 * 0.2 s (nearly empty) to 0.5 s (60 MB). A file copy takes 0.6 to 1.5 s, because it needs two checkpoints. Above
 * {@value #FILE_COPY_BYTES} bytes a file copy is cheaper, because it writes the data once; with fsync off a checkpoint
 * costs nothing. A file copy is used in these two cases. A template that cannot be copied is rebuilt, once per job.
 *
 * <p>Outcomes. Faults of the template: {@code sql_failed}, {@code template_timed_out} (its files took longer than the
 * job may). Faults of the place: {@code backend_unavailable} (the server cannot be reached, refuses the login, or ended
 * the connection), {@code backend_full} (disk, memory or connections), {@code backend_unsuitable} (too old, or
 * the configured role may not make databases and roles), {@code not_isolated}, {@code database_refused} (any other
 * error). Transient: {@code superseded} (a newer attempt has taken over), {@code backend_busy} (a lock or a time limit
 * stopped an administrative statement).
 */
@ApplicationScoped
public class PostgresBackend implements Backend {

    static final long FILE_COPY_BYTES = 1_073_741_824L;
    private static final int OLDEST_VERSION = 150_000;

    /** Template databases of one version: twice the number of its presets. */
    private static final int TEMPLATES_MAX = 200;

    private static final Duration REMOVE_WITHIN = Duration.ofMinutes(5);
    private static final Logger LOG = Logger.getLogger(PostgresBackend.class);

    private final @Nullable PostgresServer server;
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
                .map(url -> new PostgresServer(vertx, options(url, settings)))
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

    /** Only the template database is built of files. */
    @Override
    public boolean readsFiles(Assignment assignment) {
        return assignment.transition() == Transition.START && !assignment.isLaterStart();
    }

    @Override
    public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
        if (server == null || templates == null) {
            return Uni.createFrom().item(new JobOutcome.Failed("backend_unavailable", "No server is configured."));
        }
        Job job = new Job(assignment, RolePassword.random(), log, server, templates);
        return AdminSession.open(server, job.session(), JobLimits.left(assignment, clock), admin -> perform(admin, job))
                .onFailure(PostgresFaults::expected)
                .recoverWithItem(PostgresFaults::outcome);
    }

    /** One attempt of one job. */
    private record Job(
            Assignment assignment,
            RolePassword secret,
            Consumer<LogLine> log,
            PostgresServer server,
            Templates templates) {

        /** The workspace's database, and its role. */
        String name() {
            return Names.workspace(assignment.workspaceId());
        }

        String session() {
            return Names.session(assignment.workspaceId());
        }

        String roleComment() {
            return "larder job %s attempt %d".formatted(assignment.jobId(), assignment.attempt());
        }
    }

    private Uni<JobOutcome> perform(AdminSession admin, Job job) {
        return endEarlier(admin, job.session())
                .chain(() -> look(admin, job))
                .chain(databaseExists -> switch (job.assignment().transition()) {
                    case START -> start(admin, job, databaseExists);
                    case STOP -> stop(admin, job);
                    case DELETE -> delete(admin, job);
                });
    }

    // A tenant can give its session any application name, so the sessions of workspace roles are left out.
    private static final String END_EARLIER = """
            SELECT pg_terminate_backend(pid, 5000)
              FROM pg_stat_activity
             WHERE application_name = '%1$s' AND pid <> pg_backend_pid() AND usename !~ '^%2$s$'
               AND pg_has_role(usesysid, 'USAGE')""";

    private static Uni<Void> endEarlier(AdminSession admin, String session) {
        return admin.query(END_EARLIER.formatted(session, Names.WORKSPACE)).replaceWithVoid();
    }

    private static final String LOOK = """
            SELECT current_setting('server_version_num')::int AS version,
                   (SELECT rolsuper OR rolcreatedb AND rolcreaterole AND rolinherit
                      FROM pg_roles WHERE rolname = current_user) AS fit,
                   EXISTS (SELECT FROM pg_database WHERE datname = '%1$s') AS database,
                   (SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '%1$s') AS role_comment""";

    private static Uni<Boolean> look(AdminSession admin, Job job) {
        return admin.query(LOOK.formatted(job.name()))
                .map(rows -> databaseExists(rows.iterator().next(), job));
    }

    private static boolean databaseExists(Row row, Job job) {
        if (row.getInteger("version") < OLDEST_VERSION) {
            throw new BackendFailure("backend_unsuitable", "The server must be PostgreSQL 15 or newer.");
        }
        if (!Boolean.TRUE.equals(row.getBoolean("fit"))) {
            throw new BackendFailure(
                    "backend_unsuitable",
                    "The configured user must be a superuser of the server, or have CREATEDB, CREATEROLE and INHERIT.");
        }
        if (isNewer(row.getString("role_comment"), job.assignment())) {
            throw new BackendFailure("superseded", "A newer attempt of this job has taken over.");
        }
        return Boolean.TRUE.equals(row.getBoolean("database"));
    }

    private static final Pattern ROLE_COMMENT = Pattern.compile("larder job ([0-9a-f-]{36}) attempt ([0-9]{1,9})");

    private static boolean isNewer(@Nullable String comment, Assignment assignment) {
        if (comment == null) {
            return false;
        }
        Matcher matcher = ROLE_COMMENT.matcher(comment);
        return matcher.matches()
                && UUID.fromString(matcher.group(1)).equals(assignment.jobId())
                && Integer.parseInt(matcher.group(2)) > assignment.attempt();
    }

    /** Only a first start drops an existing database. A later start may find its owner's data. */
    private Uni<JobOutcome> start(AdminSession admin, Job job, boolean databaseExists) {
        if (job.assignment().reason().equals(Assignment.CLAIM)) {
            return setParameters(admin, job)
                    .replaceWith(() -> new JobOutcome.Succeeded(
                            job.assignment().workspace().outputs()));
        }
        boolean keep = databaseExists && job.assignment().buildNumber() > 1;
        return (keep ? reopen(admin, job) : create(admin, job)).replaceWith(() -> succeeded(job));
    }

    private static Uni<Void> setParameters(AdminSession admin, Job job) {
        return ParameterValues.ofWorkspace(job.assignment()).setIn(admin, job.name());
    }

    /** The files have read the values of a preset; that the workspace does not show them again is told in the log. */
    private Uni<Void> setParametersOrSay(AdminSession admin, Job job) {
        Target.Parameters parameters = job.assignment().parameters();
        boolean read = parameters.early().equals(parameters.values());
        return setParameters(admin, job)
                .onFailure(failure -> read && failure instanceof BackendFailure)
                .recoverWithUni(failure -> {
                    job.log().accept(new LogLine(clock.instant(), "larder", String.valueOf(failure.getMessage())));
                    return Uni.createFrom().voidItem();
                });
    }

    private Uni<Void> create(AdminSession admin, Job job) {
        return DatabaseRemoval.drop(admin, job.name(), job.name())
                .chain(() -> ParameterValues.ofFiles(job.assignment()).digest(admin))
                .chain(values -> create(admin, job, Names.of(job.assignment(), values)))
                .onFailure()
                .call(() -> DatabaseRemoval.drop(admin, job.name(), job.name())
                        .onFailure()
                        .recoverWithNull());
    }

    private Uni<Void> create(AdminSession admin, Job job, Names names) {
        return job.templates()
                .ensure(admin, job.assignment(), names, job.log())
                .chain(template -> copy(admin, job, names, template)
                        .onFailure(PostgresFaults::isTemplateUnusable)
                        .recoverWithUni(failure -> rebuildAndCopy(admin, job, names, template, failure)))
                .chain(() -> setParametersOrSay(admin, job))
                .chain(() -> Isolation.ensure(admin, job.name(), job.name()));
    }

    private static final String CREATE_ROLE = """
            CREATE ROLE %1$s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT LOGIN
                        CONNECTION LIMIT %5$d PASSWORD '%2$s';
            %6$s
            GRANT %3$s TO %1$s;
            COMMENT ON ROLE %1$s IS '%4$s'""";

    private static final String CREATE_DATABASE =
            "CREATE DATABASE %1$s TEMPLATE %2$s STRATEGY %3$s OWNER %1$s ALLOW_CONNECTIONS false";

    private Uni<Void> copy(AdminSession admin, Job job, Names names, Template template) {
        String role = CREATE_ROLE.formatted(
                job.name(),
                job.secret().verifier(),
                template.builder(),
                job.roleComment(),
                settings.connectionLimit(),
                BaseRole.join(job.name())
                        + BaseRole.limit(job.name(), "temp_file_limit", JobLimits.temporaryFiles(settings)));
        String database =
                CREATE_DATABASE.formatted(job.name(), names.template(), template.large() ? "FILE_COPY" : "WAL_LOG");
        return admin.execute(role)
                .chain(() -> admin.executeWithin(JobLimits.left(job.assignment(), clock), database))
                .chain(() -> admin.execute(template.settings().on(job.name()) + Templates.opening(job.name())))
                .chain(() -> job.server().asSuperuserIn(job.name(), PostgresBackend::checkReadable));
    }

    /** Opens a session in the copy. It fails if files of the template are missing, which the copy does not report. */
    private static Uni<Void> checkReadable(PgConnection inside) {
        return PostgresServer.run(inside, "SELECT count(*) FROM pg_class").replaceWithVoid();
    }

    private Uni<Void> rebuildAndCopy(AdminSession admin, Job job, Names names, Template unusable, Throwable failure) {
        LOG.warnf("template is rebuilt template=%s cause=%s", names.template(), failure.getMessage());
        job.log().accept(new LogLine(clock.instant(), "larder", "the template cannot be copied and is built anew"));
        return DatabaseRemoval.drop(admin, job.name(), job.name())
                .chain(() -> job.templates().replace(admin, job.assignment(), names, unusable, job.log()))
                .chain(fresh -> copy(admin, job, names, fresh));
    }

    private static final String REOPEN = """
            ALTER ROLE %1$s LOGIN PASSWORD '%2$s';
            %4$s
            COMMENT ON ROLE %1$s IS '%3$s';
            """;

    private Uni<Void> reopen(AdminSession admin, Job job) {
        String opened = REOPEN.formatted(
                        job.name(),
                        job.secret().verifier(),
                        job.roleComment(),
                        BaseRole.limit(job.name(), "temp_file_limit", JobLimits.temporaryFiles(settings)))
                + Templates.opening(job.name());
        return admin.execute(opened).chain(() -> Isolation.ensure(admin, job.name(), job.name()));
    }

    private JobOutcome succeeded(Job job) {
        String host = settings.publicHost().orElseGet(job.server()::host);
        int port = settings.publicPort().orElseGet(job.server()::port);
        String name = job.name();
        String password = job.secret().password();
        String url = "postgresql://%s:%s@%s:%d/%s"
                .formatted(name, password, host.contains(":") ? "[" + host + "]" : host, port, name);
        // The order in which clients show them.
        Map<String, String> outputs = new LinkedHashMap<>();
        outputs.put("url", url);
        outputs.put("host", host);
        outputs.put("port", Integer.toString(port));
        outputs.put("database", name);
        outputs.put("user", name);
        outputs.put("password", password);
        return new JobOutcome.Succeeded(outputs);
    }

    /** Also refuses logins of the role: as the owner it could open the database again, but not its own login. */
    private static Uni<JobOutcome> stop(AdminSession admin, Job job) {
        return DatabaseRemoval.close(admin, job.name(), job.name()).replaceWith(new JobOutcome.Succeeded(Map.of()));
    }

    private static Uni<JobOutcome> delete(AdminSession admin, Job job) {
        return DatabaseRemoval.drop(admin, job.name(), job.name())
                .chain(() -> DatabaseRemoval.dropUnusedRoles(admin))
                .replaceWith(new JobOutcome.Succeeded(Map.of()));
    }

    /**
     * The place is the system identifier of the server, whatever its address. A standby has the same identifier and
     * may lag behind, so it is not listed. Two writable copies of one server cannot be told apart.
     */
    @Override
    public Uni<Optional<Inventory>> inventory() {
        return server == null
                ? Uni.createFrom().item(Optional.empty())
                : AdminSession.open(server, "larder inventory", PostgresServer.STATEMENT_LIMIT, this::list)
                        .map(Optional::of);
    }

    private Uni<Inventory> list(AdminSession admin) {
        return new DatabaseInventory(admin, settings).list();
    }

    /**
     * Terminates a job of the workspace first, wherever it runs. Drops a version's templates unless one is being
     * built.
     */
    @Override
    public Uni<Void> remove(UUID item) {
        return server == null
                ? Uni.createFrom().voidItem()
                : AdminSession.open(server, "larder inventory", REMOVE_WITHIN, admin -> remove(admin, item));
    }

    /** The id belongs to a workspace or to a version, never to both. */
    private static Uni<Void> remove(AdminSession admin, UUID item) {
        return endEarlier(admin, Names.session(item))
                .chain(() -> DatabaseRemoval.drop(admin, Names.workspace(item), Names.workspace(item)))
                .chain(() -> Templates.dropAll(admin, item))
                .chain(() -> DatabaseRemoval.dropUnusedRoles(admin));
    }
}
