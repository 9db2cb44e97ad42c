package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import dev.larder.model.LogLine;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Builds the template database of a version, once for each set of values of its parameters, from its files in the order of
 * their paths. It grows under another name and is renamed when it is complete, so that what bears the template's name is
 * whole; builders of one template exclude each other by an advisory lock that ends with the session that holds it.
 *
 * <p>The files come from template admins, not from the server's operator. They are run by a role that owns the database
 * it builds, can connect to nothing else, and is no superuser: the server's files, its programs and Larder's own database
 * are out of their reach. Afterwards the database is the superuser's and takes no connections: as its owner a member of
 * the builder role, which each workspace made from it is, could open it again. The role is a new one for each build, since
 * a member of an older one could connect to the database while it is built.
 *
 * <p>The base is {@code template1}: what an operator puts there, extensions for instance, every workspace has.
 */
final class Templates {

    private final Server server;
    private final PostgresSettings settings;
    private final InstantSource clock;
    private final int most;

    /** @param most how many template databases one version may have; where it has more the oldest are dropped */
    Templates(Server server, PostgresSettings settings, InstantSource clock, int most) {
        this.server = server;
        this.settings = settings;
        this.clock = clock;
        this.most = most;
    }

    /**
     * A finished template database.
     *
     * @param id of the database: one that is built anew under the same name has another
     * @param builder the role that owns what the files made
     * @param large whether it is copied faster as files
     */
    record Template(long id, String builder, boolean large) {}

    /**
     * The template, built by this call or by another.
     *
     * @throws Refused {@code sql_failed}, with the file and what the server said; {@code template_timed_out}, where the job's
     *     time is up; nothing of the template is left then
     */
    Uni<Template> ensure(Admin admin, Assignment assignment, Names names, Consumer<LogLine> log) {
        return find(admin, assignment, names)
                .chain(found -> found.map(Uni.createFrom()::item)
                        .orElseGet(() -> locked(admin, assignment, names, () -> build(admin, assignment, names, log))));
    }

    /** The same for one that could not be copied: unless another job has replaced it meanwhile, it is built anew. */
    Uni<Template> replace(Admin admin, Assignment assignment, Names names, Template spoiled, Consumer<LogLine> log) {
        return locked(
                admin,
                assignment,
                names,
                () -> find(admin, assignment, names)
                        .chain(found -> found.isPresent() && found.get().id() == spoiled.id()
                                ? Demolition.dropTemplate(admin, names.template())
                                : Uni.createFrom().voidItem())
                        .chain(() -> build(admin, assignment, names, log)));
    }

    private static final String FIND = """
            SELECT d.oid::bigint AS id, shobj_description(d.oid, 'pg_database') AS builder,
                   current_setting('fsync') = 'off' OR d.datconnlimit <> -2 AND pg_database_size(d.oid) > %2$d AS large
              FROM pg_database d
             WHERE d.datname = '%1$s'""";

    private static Uni<Optional<Template>> find(Admin admin, Assignment assignment, Names names) {
        return admin.ask(FIND.formatted(names.template(), PostgresBackend.FILE_COPY_BYTES))
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
                Boolean.TRUE.equals(row.getBoolean("large")));
    }

    // The lock outlives the transaction of this message; its limits do not.
    private static final String LOCK = """
            SET LOCAL lock_timeout = %1$d;
            SET LOCAL statement_timeout = %1$d;
            SELECT pg_advisory_lock(%2$d)""";

    /** Waits for another job that builds or drops the template, as long as there is time. */
    private Uni<Template> locked(Admin admin, Assignment assignment, Names names, Supplier<Uni<Template>> work) {
        long millis = Math.min(Limits.forFiles(assignment, clock).toMillis(), Integer.MAX_VALUE);
        return admin.ask(LOCK.formatted(millis, names.lock()))
                .chain(work::get)
                .onItemOrFailure()
                .call((done, failure) -> unlock(admin, names.lock()));
    }

    private static Uni<Void> unlock(Admin admin, long lock) {
        return admin.ask("SELECT pg_advisory_unlock(" + lock + ")")
                .replaceWithVoid()
                .onFailure()
                .recoverWithNull();
    }

    private Uni<Template> build(Admin admin, Assignment assignment, Names names, Consumer<LogLine> log) {
        TemplateBuild build =
                new TemplateBuild(assignment, names, Names.newBuilder(), Secret.random(), Values.of(assignment), log);
        return find(admin, assignment, names)
                .chain(found -> found.isPresent()
                        ? Uni.createFrom().voidItem()
                        : make(admin, build)
                                .chain(() ->
                                        dropSurplus(admin, assignment.version().id())))
                .chain(() -> find(admin, assignment, names))
                .map(found -> found.orElseThrow(() ->
                        new Refused("backend_busy", "The template database was dropped as soon as it was built.")));
    }

    private static final String SURPLUS = """
            SELECT datname FROM pg_database WHERE datname ~ '%s' AND datname NOT LIKE '%%\\_new'
             ORDER BY oid DESC OFFSET %d LIMIT 20""";

    /** Values may come from claims, each with others. One that is needed again is built again. */
    private Uni<Void> dropSurplus(Admin admin, UUID version) {
        return admin.ask(SURPLUS.formatted(Names.templatesOf(version), most))
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

    private Uni<Void> make(Admin admin, TemplateBuild build) {
        return prepare(admin, build)
                .chain(() -> new TemplateFiles(server, clock, build).run())
                .chain(() -> freeze(admin, build))
                .onFailure()
                .call(() -> clear(admin, build.names().building()).onFailure().recoverWithNull())
                .onCancellation()
                .call(() -> clearBehind(build.names()).onFailure().recoverWithNull());
    }

    private Uni<Void> prepare(Admin admin, TemplateBuild build) {
        String building = build.names().building();
        String create = "CREATE DATABASE " + building + " TEMPLATE template1 ALLOW_CONNECTIONS false";
        return clear(admin, build.names().building())
                .chain(() -> admin.runFor(Limits.left(build.assignment(), clock), create))
                .chain(() -> admin.run(builder(build) + opening(building)))
                .chain(() -> Isolation.ensure(admin, build.builder(), building));
    }

    // Given to the role in the transaction that makes it, so that there is no builder role without its database.
    private String builder(TemplateBuild build) {
        return """
                CREATE ROLE %1$s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS LOGIN PASSWORD '%2$s';
                ALTER ROLE %1$s SET temp_file_limit = %3$s;
                ALTER ROLE %1$s SET log_parameter_max_length = 0;
                ALTER DATABASE %4$s OWNER TO %1$s;
                """.formatted(
                        build.builder(),
                        build.secret().verifier(),
                        Limits.temporaryFiles(settings),
                        build.names().building());
    }

    /** Closes it to all but its owner before it is opened at all. */
    static String opening(String database) {
        return """
                REVOKE ALL ON DATABASE %1$s FROM PUBLIC;
                ALTER DATABASE %1$s ALLOW_CONNECTIONS true CONNECTION LIMIT -1""".formatted(database);
    }

    /** From here on no role connects to it, and only the superuser could change that. */
    private static Uni<Void> freeze(Admin admin, TemplateBuild build) {
        Names names = build.names();
        return refusePrepared(admin, names.building())
                .chain(() -> Demolition.close(admin, names.building(), build.builder()))
                .chain(() -> refusePrepared(admin, names.building()))
                .chain(() -> admin.run(frozen(names.building(), build.builder())))
                .chain(() -> admin.run("ALTER DATABASE " + names.building() + " RENAME TO " + names.template()));
    }

    private static Uni<Void> refusePrepared(Admin admin, String database) {
        return admin.ask("SELECT FROM pg_prepared_xacts WHERE database = '" + database + "'")
                .invoke(rows -> {
                    if (rows.size() > 0) {
                        throw new Refused("sql_failed", "the files leave a prepared transaction");
                    }
                })
                .replaceWithVoid();
    }

    // The comment is written last: until then the builder role could write another.
    private static String frozen(String database, String builder) {
        return """
                ALTER DATABASE %1$s ALLOW_CONNECTIONS false IS_TEMPLATE false;
                ALTER DATABASE %1$s OWNER TO CURRENT_USER;
                REVOKE ALL ON DATABASE %1$s FROM PUBLIC, %2$s CASCADE;
                COMMENT ON DATABASE %1$s IS '%2$s'""".formatted(database, builder);
    }

    private static final String OWNER = """
            SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = '%s'""";

    /** Drops what was built so far, with its builder role. */
    private static Uni<Void> clear(Admin admin, String building) {
        return admin.ask(OWNER.formatted(building))
                .chain(rows -> rows.size() == 0
                        ? Uni.createFrom().voidItem()
                        : clear(admin, building, rows.iterator().next().getString("owner")));
    }

    private static Uni<Void> clear(Admin admin, String building, String owner) {
        return owner.matches(Names.BUILDER)
                ? Demolition.drop(admin, building, owner)
                : Demolition.dropTemplate(admin, building).chain(() -> Demolition.sweep(admin));
    }

    /** After a cancel, on a session of its own; where another job has the lock by now, it has cleared it already. */
    private Uni<Void> clearBehind(Names names) {
        return server.asAdmin("larder clean-up", Admin.SHORT, admin -> dropUnlessLocked(admin, names.building()))
                .replaceWithVoid();
    }

    private static Uni<Boolean> dropUnlessLocked(Admin admin, String database) {
        long lock = Names.lock(database);
        return admin.ask("SELECT pg_try_advisory_lock(" + lock + ") AS locked")
                .map(rows -> Boolean.TRUE.equals(rows.iterator().next().getBoolean("locked")))
                .call(locked -> locked
                        ? drop(admin, database).eventually(() -> unlock(admin, lock))
                        : Uni.createFrom().voidItem());
    }

    private static Uni<Void> drop(Admin admin, String database) {
        return database.endsWith(Names.NEW) ? clear(admin, database) : Demolition.dropTemplate(admin, database);
    }

    private static final String TEMPLATES_OF = "SELECT datname FROM pg_database WHERE datname ~ '%s'";

    /**
     * Drops all template databases of a version, half-built ones too.
     *
     * @throws Refused {@code backend_busy} where a job builds one of them right now
     */
    static Uni<Void> dropAll(Admin admin, UUID version) {
        return admin.ask(TEMPLATES_OF.formatted(Names.templatesOf(version)))
                .onItem()
                .transformToMulti(Multi.createFrom()::iterable)
                .onItem()
                .transformToUniAndConcatenate(row -> dropUnlessLocked(admin, row.getString("datname")))
                .collect()
                .asList()
                .invoke(dropped -> {
                    if (dropped.contains(false)) {
                        throw new Refused("backend_busy", "A template database of the version is being built.");
                    }
                })
                .replaceWithVoid();
    }
}
