package dev.larder.catalog;

import dev.larder.database.Bulkhead;
import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.model.Caller;
import dev.larder.model.Declaration;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What is declared: templates, versions, presets. Each change marks the presets it concerns as dirty and writes its audit
 * row in the same transaction; the caller rings the bell afterwards. Whoever is not of an organization does not find what
 * is in it.
 *
 * <p>Changes of one template wait for each other at its row. The lock is the weaker one (NO KEY), so that they do not wait
 * for the prebuilds that refer to it.
 */
@ApplicationScoped
public class CatalogStore {

    /**
     * Id of the organization that {@code $1} names: by its name, or by its id; no name reads as an id.
     */
    static final String ORGANIZATION_ID = """
            coalesce((SELECT id FROM organizations WHERE name = $1 AND deleted_at IS NULL),
                     CASE WHEN $1 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $1::text::uuid END)
            """;

    // A template that is deleted between looking and locking is looked for again.
    private static final int LOOKS_MAX = 10;

    /** So many changes of one template hold a connection at once; they take turns at its row anyway. */
    private static final int CHANGES_AT_ONCE = 2;

    private static final int CHANGES_WAITING_MAX = 100;
    private static final Duration CHANGE_WITHIN = Duration.ofSeconds(10);

    private final Pool pool;
    private final InstantSource clock;
    private final Ids ids;
    private final Encryption seal;
    private final Bulkhead<List<String>> templates =
            new Bulkhead<>(CHANGES_AT_ONCE, CHANGES_WAITING_MAX, CHANGE_WITHIN);
    private final CatalogReads reads;
    private final VersionStore inserts;

    public CatalogStore(Pool pool, InstantSource clock, Ids ids, Encryption seal) {
        this.pool = pool;
        this.clock = clock;
        this.ids = ids;
        this.seal = seal;
        this.reads = new CatalogReads();
        this.inserts = new VersionStore(ids, seal);
    }

    /**
     * Who wants what to stand under which name.
     *
     * @param canonical the same bytes for everything that declares the same; only their fingerprint is kept
     * @param promote whether the version becomes the active one at once
     * @param ifMatch what the template's {@link TemplateView#tag} must be; {@code *} for any that exists
     */
    public record Application(
            Caller caller,
            String organization,
            String template,
            Declaration declaration,
            byte[] canonical,
            boolean promote,
            Optional<String> ifMatch) {}

    /** A template as a caller names it. */
    public record TemplateName(Caller caller, String organization, String template) {}

    private record Locked(TemplateView template, boolean created) {}

    private record Same(UUID id, int number) {}

    /**
     * Makes the template stand as declared: creates it where there is none of that name, and a version where neither the
     * active nor the newest one declares the same. Applying the same again writes nothing.
     */
    public Uni<Applied> apply(Application wanted) {
        return reads.organization(pool, wanted.caller(), wanted.organization())
                .chain(organization -> organization.isEmpty()
                        ? Uni.createFrom().item(new Applied.NoOrganization())
                        : changing(
                                wanted.organization(),
                                wanted.template(),
                                connection -> apply(connection, wanted, organization.get())));
    }

    private <T> Uni<T> changing(String organization, String template, Function<SqlConnection, Uni<T>> change) {
        return templates.in(List.of(organization, template), () -> pool.withTransaction(change));
    }

    private Uni<Applied> apply(SqlConnection connection, Application wanted, UUID organization) {
        return lockOrCreate(connection, wanted, organization, LOOKS_MAX)
                .chain(locked -> locked.isEmpty()
                        ? Uni.createFrom().item(new Applied.Stale())
                        : apply(connection, wanted, locked.get()));
    }

    // An organization that is being deleted is waited for, and is then found to be gone.
    private static final String CREATE_TEMPLATE = """
            INSERT INTO templates (id, organization_id, name, created_at)
            SELECT $1, $2, $3, $4
             WHERE EXISTS (SELECT FROM organizations WHERE id = $2 AND deleted_at IS NULL FOR KEY SHARE)
            ON CONFLICT (organization_id, name) WHERE deleted_at IS NULL DO NOTHING
            RETURNING id""";

    /** Empty where the caller's condition does not hold; then nothing was written. */
    private Uni<Optional<Locked>> lockOrCreate(
            SqlConnection connection, Application wanted, UUID organization, int looks) {
        if (looks == 0) {
            return Uni.createFrom().item(Optional.empty());
        }
        TemplateName name = new TemplateName(wanted.caller(), wanted.organization(), wanted.template());
        return lock(connection, name).chain(found -> {
            if (found.isPresent()) {
                return Uni.createFrom()
                        .item(found.filter(template -> matches(wanted.ifMatch(), template))
                                .map(template -> new Locked(template, false)));
            }
            return wanted.ifMatch().isPresent()
                    ? Uni.createFrom().item(Optional.empty())
                    : create(connection, wanted, organization, looks);
        });
    }

    private static boolean matches(Optional<String> ifMatch, TemplateView template) {
        return ifMatch.isEmpty() || ifMatch.get().equals("*") || ifMatch.get().equals(template.tag());
    }

    private Uni<Optional<Locked>> create(SqlConnection connection, Application wanted, UUID organization, int looks) {
        return connection
                .preparedQuery(CREATE_TEMPLATE)
                .execute(Tuple.of(ids.next(), organization, wanted.template(), Rows.utc(clock.instant())))
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")))
                .chain(created -> created.isEmpty()
                        // Somebody else has created it meanwhile.
                        ? lockOrCreate(connection, wanted, organization, looks - 1)
                        : reads.templateById(connection, created.get())
                                .map(found -> found.map(template -> new Locked(template, true))));
    }

    private static final String WHERE_NAMED = " WHERE t.organization_id = " + ORGANIZATION_ID + """
               AND t.name = $2 AND t.deleted_at IS NULL AND ($3::uuid IS NULL OR t.organization_id = $3)
            """;

    // Joined with nothing whose columns are wanted: after waiting for the lock, joined rows would be stale.
    private static final String LOCK = "SELECT t.id FROM templates t" + WHERE_NAMED + " FOR NO KEY UPDATE";

    private Uni<Optional<TemplateView>> lock(SqlConnection connection, TemplateName name) {
        return connection
                .preparedQuery(LOCK)
                .execute(Tuple.of(name.organization(), name.template(), scope(name.caller())))
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")))
                .chain(id -> id.isEmpty()
                        ? Uni.createFrom().item(Optional.empty())
                        : reads.templateById(connection, id.get()));
    }

    static @Nullable UUID scope(Caller caller) {
        return caller.organization().orElse(null);
    }

    private static final String FIND_SAME = """
            SELECT id, number FROM template_versions
             WHERE template_id = $1 AND content_hash = $2 AND (id = $3 OR number = $4)
             ORDER BY id IS NOT DISTINCT FROM $3 DESC LIMIT 1""";

    private Uni<Applied> apply(SqlConnection connection, Application wanted, Locked locked) {
        TemplateView template = locked.template();
        byte[] hash = seal.fingerprint(wanted.canonical());
        return connection
                .preparedQuery(FIND_SAME)
                .execute(Tuple.of(
                        template.id(), Buffer.buffer(hash), template.activeVersionId(), template.latestVersion()))
                .map(rows -> Rows.first(rows, row -> new Same(row.getUUID("id"), row.getInteger("number"))))
                .chain(same -> same.isEmpty()
                        ? declareNew(connection, wanted, locked, hash)
                        : keep(connection, wanted, locked, same.get()));
    }

    private Uni<Applied> keep(SqlConnection connection, Application wanted, Locked locked, Same same) {
        if (!wanted.promote() || same.id().equals(locked.template().activeVersionId())) {
            return done(connection, locked, same, false, false);
        }
        return promote(connection, locked.template(), same.id())
                .chain(() -> audit(connection, wanted.caller(), locked.template(), "template.promote", same.number()))
                .chain(() -> done(connection, locked, same, false, true));
    }

    private Uni<Applied> declareNew(SqlConnection connection, Application wanted, Locked locked, byte[] hash) {
        UUID version = ids.next();
        return inserts.insert(
                        connection,
                        new VersionStore.NewVersion(
                                version,
                                locked.template().id(),
                                locked.template().organizationId(),
                                hash,
                                wanted.caller().userId(),
                                clock.instant()),
                        wanted.declaration())
                .map(number -> new Same(version, number))
                .call(fresh -> wanted.promote()
                        ? promote(connection, locked.template(), fresh.id())
                        : Uni.createFrom().voidItem())
                .call(fresh -> audit(
                        connection,
                        wanted.caller(),
                        locked.template(),
                        wanted.promote() ? "template.apply" : "template.import",
                        fresh.number()))
                .chain(fresh -> done(connection, locked, fresh, true, true));
    }

    private Uni<Applied> done(
            SqlConnection connection, Locked locked, Same version, boolean versionCreated, boolean changed) {
        return reads.templateById(connection, locked.template().id())
                .map(Optional::orElseThrow)
                .chain(template -> reads.presetsOf(connection, version.id())
                        .map(presets -> new Applied.Done(
                                template, version.number(), presets, locked.created(), versionCreated, changed)));
    }

    private static final String ACTIVATE = "UPDATE templates SET active_version_id = $2 WHERE id = $1";

    // A pause is set on a name that people know; which version carries it is no concern of theirs.
    private static final String CARRY_PAUSES = """
            UPDATE presets fresh SET pause_scope = old.pause_scope, pause_until = old.pause_until
              FROM presets old
             WHERE old.version_id = $1 AND fresh.version_id = $2 AND old.name = fresh.name
               AND (old.pause_scope, old.pause_until) IS DISTINCT FROM (fresh.pause_scope, fresh.pause_until)""";

    private static final String MARK_VERSIONS = """
            INSERT INTO dirty_presets (preset_id)
            SELECT id FROM presets WHERE version_id IN ($1, $2) AND instances IS NOT NULL""";

    private Uni<Void> promote(SqlConnection connection, TemplateView template, UUID version) {
        Tuple versions = Tuple.of(template.activeVersionId(), version);
        return connection
                .preparedQuery(ACTIVATE)
                .execute(Tuple.of(template.id(), version))
                .chain(() -> connection.preparedQuery(CARRY_PAUSES).execute(versions))
                .chain(() -> connection.preparedQuery(MARK_VERSIONS).execute(versions))
                .replaceWithVoid();
    }

    private static final String AUDIT = """
            INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
            VALUES ($1, $2, $3, $4, $5, $6, $7)""";

    private Uni<Void> audit(
            SqlConnection connection, Caller caller, TemplateView template, String action, int version) {
        return connection
                .preparedQuery(AUDIT)
                .execute(Tuple.from(Arrays.asList(
                        ids.next(),
                        Rows.utc(clock.instant()),
                        template.organizationId(),
                        caller.userId(),
                        action,
                        template.id(),
                        new JsonObject().put("version", version))))
                .replaceWithVoid();
    }

    /** What promoting a version came to. */
    public sealed interface Promoted {

        record NoTemplate() implements Promoted {}

        record NoVersion() implements Promoted {}

        /** @param changed false where it was the active version already */
        record Done(TemplateView template, boolean changed) implements Promoted {}
    }

    private static final String FIND_VERSION =
            "SELECT id, number FROM template_versions WHERE template_id = $1 AND number = $2";

    /** Makes a version the active one; also an older one. Its presets take over the pauses of those they replace. */
    public Uni<Promoted> promote(TemplateName name, int number) {
        return changing(
                name.organization(),
                name.template(),
                connection -> lock(connection, name)
                        .chain(template -> template.isEmpty()
                                ? Uni.createFrom().item(new Promoted.NoTemplate())
                                : promote(connection, name.caller(), template.get(), number)));
    }

    private Uni<Promoted> promote(SqlConnection connection, Caller caller, TemplateView template, int number) {
        return connection
                .preparedQuery(FIND_VERSION)
                .execute(Tuple.of(template.id(), number))
                .map(rows -> Rows.first(rows, row -> new Same(row.getUUID("id"), row.getInteger("number"))))
                .chain(version -> version.isEmpty()
                        ? Uni.createFrom().item(new Promoted.NoVersion())
                        : promote(connection, caller, template, version.get()));
    }

    private Uni<Promoted> promote(SqlConnection connection, Caller caller, TemplateView template, Same version) {
        if (version.id().equals(template.activeVersionId())) {
            return Uni.createFrom().item(new Promoted.Done(template, false));
        }
        return promote(connection, template, version.id())
                .chain(() -> audit(connection, caller, template, "template.promote", version.number()))
                .chain(() -> reads.templateById(connection, template.id()))
                .map(after -> new Promoted.Done(after.orElseThrow(), true));
    }

    // What follows each change of a template; $1 to $8 are the same in all of them.
    private static final String MARK_AND_AUDIT = """
            , marked AS (
                INSERT INTO dirty_presets (preset_id)
                SELECT p.id FROM presets p JOIN changed c ON p.version_id = c.active_version_id
                 WHERE p.instances IS NOT NULL),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $4, $5, organization_id, $6, $7, id, $8 FROM changed)
            SELECT id FROM changed""";

    private static final String RETURNING = "RETURNING t.id, t.organization_id, t.active_version_id)";

    private static final String DEPRECATE =
            "WITH changed AS (UPDATE templates t SET deprecated_reason = $9" + WHERE_NAMED + RETURNING + MARK_AND_AUDIT;

    /**
     * From now on nothing is created of the template and its prebuilds are deleted (design, section 2.3.1).
     *
     * @return whether there is such a template
     */
    public Uni<Boolean> deprecate(TemplateName name, String reason) {
        return change(DEPRECATE, name, "template.deprecate", new JsonObject().put("reason", reason), List.of(reason));
    }

    /** Takes a deprecation back; none is no error. */
    public Uni<Boolean> undeprecate(TemplateName name) {
        return change(DEPRECATE, name, "template.undeprecate", new JsonObject(), Collections.singletonList(null));
    }

    private static final String DELETE =
            "WITH changed AS (UPDATE templates t SET deleted_at = $9" + WHERE_NAMED + RETURNING + MARK_AND_AUDIT;

    /** The template is not found any more, its prebuilds are deleted, and its name may be declared anew. */
    public Uni<Boolean> delete(TemplateName name) {
        return change(DELETE, name, "template.delete", new JsonObject(), List.of(Rows.utc(clock.instant())));
    }

    private static final String PAUSE = "WITH changed AS (UPDATE templates t SET pause_scope = $9, pause_until = $10"
            + WHERE_NAMED
            + RETURNING
            + MARK_AND_AUDIT;

    /** @param pause null lifts it */
    public Uni<Boolean> pause(TemplateName name, @Nullable PauseView pause) {
        return change(
                PAUSE,
                name,
                pause == null ? "template.resume" : "template.pause",
                PauseStore.detail(pause),
                Arrays.asList(PauseStore.scope(pause), PauseStore.until(pause)));
    }

    private static final String INVALIDATE =
            "WITH changed AS (SELECT t.id, t.organization_id, t.active_version_id FROM templates t"
                    + WHERE_NAMED
                    + """
                       FOR NO KEY UPDATE
                    ), stamped AS (
                        UPDATE presets p SET last_invalidated_at = $9 FROM changed c
                         WHERE p.version_id = c.active_version_id)"""
                    + MARK_AND_AUDIT;

    /** What was created before now of any preset of the active version is expired. */
    public Uni<Boolean> invalidate(TemplateName name) {
        return change(INVALIDATE, name, "template.invalidate", new JsonObject(), List.of(Rows.utc(clock.instant())));
    }

    private Uni<Boolean> change(
            String statement,
            TemplateName name,
            String action,
            JsonObject detail,
            List<? extends @Nullable Object> values) {
        Tuple tuple = Tuple.from(Arrays.asList(
                name.organization(),
                name.template(),
                scope(name.caller()),
                ids.next(),
                Rows.utc(clock.instant()),
                name.caller().userId(),
                action,
                detail));
        for (@Nullable Object value : values) {
            tuple.addValue(value);
        }
        return pool.preparedQuery(statement).execute(tuple).map(rows -> rows.size() > 0);
    }

    // What follows each change of one preset; $1 to $7 are the same in all of them.
    private static final String PRESET_TAIL = """
              FROM templates t
             WHERE p.id = $1 AND t.id = p.template_id AND t.deleted_at IS NULL
               AND ($2::uuid IS NULL OR p.organization_id = $2)
            RETURNING p.id, p.organization_id),
            marked AS (INSERT INTO dirty_presets (preset_id) SELECT id FROM changed),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $3, $4, organization_id, $5, $6, id, $7 FROM changed)
            SELECT id FROM changed""";

    private static final String INVALIDATE_PRESET =
            "WITH changed AS (UPDATE presets p SET last_invalidated_at = $8\n" + PRESET_TAIL;

    /** What was created before now of this preset is expired. */
    public Uni<Boolean> invalidatePreset(Caller caller, UUID preset) {
        return changePreset(
                INVALIDATE_PRESET,
                caller,
                preset,
                "preset.invalidate",
                new JsonObject(),
                List.of(Rows.utc(clock.instant())));
    }

    private static final String RESET_PRESET =
            "WITH changed AS (UPDATE presets p SET status = 'healthy', status_reason = NULL, failures_from = $8\n"
                    + PRESET_TAIL;

    /** Lifts a hard limit or a failed validation: failures until now are forgotten (design, section 2.3.4). */
    public Uni<Boolean> resetPreset(Caller caller, UUID preset) {
        return changePreset(
                RESET_PRESET, caller, preset, "preset.reset", new JsonObject(), List.of(Rows.utc(clock.instant())));
    }

    private static final String PAUSE_PRESET =
            "WITH changed AS (UPDATE presets p SET pause_scope = $8, pause_until = $9\n" + PRESET_TAIL;

    /** @param pause null lifts it */
    public Uni<Boolean> pausePreset(Caller caller, UUID preset, @Nullable PauseView pause) {
        return changePreset(
                PAUSE_PRESET,
                caller,
                preset,
                pause == null ? "preset.resume" : "preset.pause",
                PauseStore.detail(pause),
                Arrays.asList(PauseStore.scope(pause), PauseStore.until(pause)));
    }

    private Uni<Boolean> changePreset(
            String statement,
            Caller caller,
            UUID preset,
            String action,
            JsonObject detail,
            List<? extends @Nullable Object> values) {
        Tuple tuple = Tuple.from(Arrays.asList(
                preset, scope(caller), ids.next(), Rows.utc(clock.instant()), caller.userId(), action, detail));
        for (@Nullable Object value : values) {
            tuple.addValue(value);
        }
        return pool.preparedQuery(statement).execute(tuple).map(rows -> rows.size() > 0);
    }

    public Uni<Optional<TemplateView>> template(TemplateName name) {
        return reads.template(pool, name);
    }

    /**
     * In the order they were created.
     *
     * @param limit most rows returned
     * @return empty where there is no such organization for this caller
     */
    public Uni<Optional<List<TemplateView>>> templates(
            Caller caller, String organization, Optional<UUID> after, int limit) {
        return reads.organization(pool, caller, organization)
                .chain(id -> id.isEmpty()
                        ? Uni.createFrom().item(Optional.empty())
                        : reads.templates(pool, id.get(), after, limit).map(Optional::of));
    }

    /** Newest first; empty also where there is no such template. */
    public Uni<List<VersionView>> versions(TemplateName name, Optional<UUID> before, int limit) {
        return reads.versions(pool, name, before, limit);
    }

    public Uni<Optional<VersionView>> version(TemplateName name, int number) {
        return reads.version(pool, name, number);
    }

    /** In declared order. */
    public Uni<List<PresetView>> presetsOf(UUID version) {
        return reads.presetsOf(pool, version);
    }

    /** Also one of an inactive version; none of a deleted template. */
    public Uni<Optional<PresetView>> preset(Caller caller, UUID preset) {
        return reads.preset(pool, caller, preset);
    }

    /** The preset of that name in the active version. */
    public Uni<Optional<PresetView>> preset(TemplateName name, String preset) {
        return reads.preset(pool, name, preset);
    }
}
