package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import dev.larder.model.LogLine;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Builds the template databases of versions, one for each set of parameter values. It runs the version's files in
 * the order of their paths. A template is built under another name and renamed when it is complete, so a database
 * with the name of a template is always complete. An advisory lock, held by the session, lets one job build a
 * template at a time.
 *
 * <p>The files come from template admins, not from the operator of the server. A builder role runs them. It owns
 * the database, can connect to no other, and is no superuser: it reaches neither the server's files and programs
 * nor Larder's database. Afterwards the superuser owns the database and it accepts no connections: otherwise a
 * member of the builder role, which every workspace copied from the template is, could open it. Each build has a
 * new builder role, because a member of an older one could connect to the database during the build.
 *
 * <p>The base is {@code template1}: an extension that an operator installs there is in every workspace.
 */
final class Templates {

    private final PostgresServer server;
    private final PostgresSettings settings;
    private final InstantSource clock;
    private final int templatesMax;

    /** @param templatesMax template databases of one version; the oldest beyond this number are dropped */
    Templates(PostgresServer server, PostgresSettings settings, InstantSource clock, int templatesMax) {
        this.server = server;
        this.settings = settings;
        this.clock = clock;
        this.templatesMax = templatesMax;
    }

    /**
     * A finished template database.
     *
     * @param id of the database; a rebuilt database of the same name has another
     * @param builder the role that owns the objects that the files created
     * @param large whether a file copy is faster
     * @param settings what the files set on the database
     */
    record Template(long id, String builder, boolean large, TemplateSettings settings) {}

    /**
     * Finds the template, or builds it.
     *
     * @throws BackendFailure {@code sql_failed}, with the file and the server's message; {@code template_timed_out}
     *     if the job's time is up. The unfinished template is dropped then
     */
    Uni<Template> ensure(AdminSession admin, Assignment assignment, Names names, Consumer<LogLine> log) {
        return find(admin, assignment, names)
                .chain(found -> found.map(Uni.createFrom()::item)
                        .orElseGet(() -> locked(admin, assignment, names, () -> build(admin, assignment, names, log))));
    }

    /** Rebuilds a template that could not be copied, unless another job has replaced it in the meantime. */
    Uni<Template> replace(
            AdminSession admin, Assignment assignment, Names names, Template unusable, Consumer<LogLine> log) {
        return locked(
                admin,
                assignment,
                names,
                () -> find(admin, assignment, names)
                        .chain(found -> found.isPresent() && found.get().id() == unusable.id()
                                ? DatabaseRemoval.dropTemplate(admin, names.template())
                                : Uni.createFrom().voidItem())
                        .chain(() -> build(admin, assignment, names, log)));
    }

    private static final String FIND = """
            SELECT d.oid::bigint AS id, shobj_description(d.oid, 'pg_database') AS builder,
                   current_setting('fsync') = 'off' OR d.datconnlimit <> -2 AND pg_database_size(d.oid) > %2$d AS large,
                   (SELECT s.setconfig FROM pg_db_role_setting s WHERE s.setdatabase = d.oid AND s.setrole = 0) AS settings,
                   (SELECT s.setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
                     WHERE s.setdatabase = d.oid AND r.rolname = shobj_description(d.oid, 'pg_database')) AS role_settings
              FROM pg_database d
             WHERE d.datname = '%1$s'""";

    private static Uni<Optional<Template>> find(AdminSession admin, Assignment assignment, Names names) {
        return admin.query(FIND.formatted(names.template(), PostgresBackend.FILE_COPY_BYTES))
                .map(rows -> rows.size() == 0
                        ? Optional.empty()
                        : Optional.of(template(
                                rows.iterator().next(), assignment.version().id())));
    }

    private static Template template(Row row, UUID version) {
        String builder = row.getString("builder");
        return new Template(
                row.getLong("id"),
                builder != null && builder.matches(Names.BUILDER) ? builder : Names.oldBuilder(version),
                Boolean.TRUE.equals(row.getBoolean("large")),
                new TemplateSettings(texts(row, "settings"), texts(row, "role_settings")));
    }

    private static List<String> texts(Row row, String column) {
        String[] texts = row.getArrayOfStrings(column);
        return texts == null ? List.of() : List.of(texts);
    }

    // The lock is kept after the transaction of this message; the time limits are not.
    private static final String LOCK = """
            SET LOCAL lock_timeout = %1$d;
            SET LOCAL statement_timeout = %1$d;
            SELECT pg_advisory_lock(%2$d)""";

    /** Waits for another job that builds or drops the template, until this job's time is up. */
    private Uni<Template> locked(AdminSession admin, Assignment assignment, Names names, Supplier<Uni<Template>> work) {
        long millis = Math.min(JobLimits.forFiles(assignment, clock).toMillis(), Integer.MAX_VALUE);
        return admin.query(LOCK.formatted(millis, names.lock()))
                .chain(work::get)
                .onItemOrFailure()
                .call((done, failure) -> unlock(admin, names.lock()));
    }

    private static Uni<Void> unlock(AdminSession admin, long lock) {
        return admin.query("SELECT pg_advisory_unlock(" + lock + ")")
                .replaceWithVoid()
                .onFailure()
                .recoverWithNull();
    }

    private Uni<Template> build(AdminSession admin, Assignment assignment, Names names, Consumer<LogLine> log) {
        TemplateBuild build = new TemplateBuild(
                assignment, names, Names.newBuilder(), RolePassword.random(), ParameterValues.ofFiles(assignment), log);
        return find(admin, assignment, names)
                .chain(found -> found.isPresent()
                        ? Uni.createFrom().voidItem()
                        : make(admin, build)
                                .chain(() ->
                                        dropSurplus(admin, assignment.version().id())))
                .chain(() -> find(admin, assignment, names))
                .map(found -> found.orElseThrow(() -> new BackendFailure(
                        "backend_busy", "The template database was dropped as soon as it was built.")));
    }

    private static final String SURPLUS = """
            SELECT datname FROM pg_database WHERE datname ~ '%s' AND datname NOT LIKE '%%\\_new'
             ORDER BY oid DESC OFFSET %d LIMIT 20""";

    /** Claims may bring ever new parameter values. A dropped template that is needed again is rebuilt. */
    private Uni<Void> dropSurplus(AdminSession admin, UUID version) {
        return admin.query(SURPLUS.formatted(Names.templatesOf(version), templatesMax))
                .onItem()
                .transformToMulti(Multi.createFrom()::iterable)
                .onItem()
                .transformToUniAndConcatenate(row -> dropUnlessLocked(admin, row.getString("datname"))
                        .onFailure()
                        .recoverWithItem(false))
                .collect()
                .last()
                .replaceWithVoid();
    }

    private Uni<Void> make(AdminSession admin, TemplateBuild build) {
        return prepare(admin, build)
                .chain(() -> new TemplateFiles(server, clock, build).run())
                .chain(() -> freeze(admin, build))
                .onFailure()
                .call(() -> clear(admin, build.names().building()).onFailure().recoverWithNull())
                .onCancellation()
                .call(() -> clearAfterCancel(build.names()).onFailure().recoverWithNull());
    }

    // Where only another role can close template1, tenants can connect to it, and it could not be copied.
    private static final String END_SESSIONS_IN_BASE = """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = 'template1' AND usename ~ '^%s$' AND pg_has_role(usesysid, 'USAGE')""".formatted(Names.TENANT);

    private Uni<Void> prepare(AdminSession admin, TemplateBuild build) {
        String building = build.names().building();
        String create = "CREATE DATABASE " + building + " TEMPLATE template1 ALLOW_CONNECTIONS false";
        return clear(admin, build.names().building())
                .chain(() -> admin.query(END_SESSIONS_IN_BASE))
                .chain(() -> admin.executeWithin(JobLimits.left(build.assignment(), clock), create))
                .chain(() -> admin.execute(builder(build) + opening(building)))
                .chain(() -> Isolation.ensure(admin, build.builder(), building));
    }

    // One transaction creates the role and gives it the database, so no builder role exists without its database.
    private String builder(TemplateBuild build) {
        return """
                CREATE ROLE %1$s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS LOGIN PASSWORD '%2$s';
                %3$s
                ALTER DATABASE %4$s OWNER TO %1$s;
                """.formatted(
                        build.builder(),
                        build.secret().verifier(),
                        BaseRole.join(build.builder())
                                + BaseRole.limit(build.builder(), "temp_file_limit", JobLimits.temporaryFiles(settings))
                                + BaseRole.limit(build.builder(), "log_parameter_max_length", 0),
                        build.names().building());
    }

    /** Revokes all rights of other roles before the database accepts connections. */
    static String opening(String database) {
        return """
                REVOKE ALL ON DATABASE %1$s FROM PUBLIC;
                ALTER DATABASE %1$s ALLOW_CONNECTIONS true CONNECTION LIMIT -1""".formatted(database);
    }

    /** Closes the finished database. From now on only the superuser can open it. */
    private static Uni<Void> freeze(AdminSession admin, TemplateBuild build) {
        Names names = build.names();
        return refusePrepared(admin, names.building())
                .chain(() -> DatabaseRemoval.close(admin, names.building(), build.builder()))
                .chain(() -> refusePrepared(admin, names.building()))
                .chain(() -> admin.execute(freezeStatements(names.building(), build.builder())))
                .chain(() -> admin.execute("ALTER DATABASE " + names.building() + " RENAME TO " + names.template()));
    }

    private static Uni<Void> refusePrepared(AdminSession admin, String database) {
        return admin.query("SELECT FROM pg_prepared_xacts WHERE database = '" + database + "'")
                .invoke(rows -> {
                    if (rows.size() > 0) {
                        throw new BackendFailure("sql_failed", "the files leave a prepared transaction");
                    }
                })
                .replaceWithVoid();
    }

    // The comment comes last: before that the builder role could replace it.
    private static String freezeStatements(String database, String builder) {
        return """
                ALTER DATABASE %1$s ALLOW_CONNECTIONS false IS_TEMPLATE false;
                ALTER DATABASE %1$s OWNER TO CURRENT_USER;
                REVOKE ALL ON DATABASE %1$s FROM PUBLIC, %2$s CASCADE;
                COMMENT ON DATABASE %1$s IS '%2$s'""".formatted(database, builder);
    }

    private static final String OWNER = """
            SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = '%s'""";

    /** Drops an unfinished database with its builder role. */
    private static Uni<Void> clear(AdminSession admin, String building) {
        return admin.query(OWNER.formatted(building))
                .chain(rows -> rows.size() == 0
                        ? Uni.createFrom().voidItem()
                        : clear(admin, building, rows.iterator().next().getString("owner")));
    }

    private static Uni<Void> clear(AdminSession admin, String building, String owner) {
        return owner.matches(Names.BUILDER)
                ? DatabaseRemoval.drop(admin, building, owner)
                : DatabaseRemoval.dropTemplate(admin, building).chain(() -> DatabaseRemoval.dropUnusedRoles(admin));
    }

    /** After a cancel, in a session of its own. Another job that has the lock by now has dropped the database. */
    private Uni<Void> clearAfterCancel(Names names) {
        return AdminSession.open(
                        server,
                        "larder clean-up",
                        PostgresServer.STATEMENT_LIMIT,
                        admin -> dropUnlessLocked(admin, names.building()))
                .replaceWithVoid();
    }

    private static Uni<Boolean> dropUnlessLocked(AdminSession admin, String database) {
        long lock = Names.lock(database);
        return admin.query("SELECT pg_try_advisory_lock(" + lock + ") AS locked")
                .map(rows -> Boolean.TRUE.equals(rows.iterator().next().getBoolean("locked")))
                .call(locked -> locked
                        ? drop(admin, database).eventually(() -> unlock(admin, lock))
                        : Uni.createFrom().voidItem());
    }

    private static Uni<Void> drop(AdminSession admin, String database) {
        return database.endsWith(Names.NEW) ? clear(admin, database) : DatabaseRemoval.dropTemplate(admin, database);
    }

    private static final String TEMPLATES_OF = "SELECT datname FROM pg_database WHERE datname ~ '%s'";

    /**
     * Drops all template databases of a version, including unfinished ones.
     *
     * @throws BackendFailure {@code backend_busy} if a job is building one of them
     */
    static Uni<Void> dropAll(AdminSession admin, UUID version) {
        return admin.query(TEMPLATES_OF.formatted(Names.templatesOf(version)))
                .onItem()
                .transformToMulti(Multi.createFrom()::iterable)
                .onItem()
                .transformToUniAndConcatenate(row -> dropUnlessLocked(admin, row.getString("datname")))
                .collect()
                .asList()
                .invoke(dropped -> {
                    if (dropped.contains(false)) {
                        throw new BackendFailure("backend_busy", "A template database of the version is being built.");
                    }
                })
                .replaceWithVoid();
    }
}
