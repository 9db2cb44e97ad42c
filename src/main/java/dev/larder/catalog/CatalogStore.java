package dev.larder.catalog;

import dev.larder.catalog.PromotionStore.Version;
import dev.larder.database.Bulkhead;
import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.PromotionOutlook;
import dev.larder.model.Caller;
import dev.larder.model.Declaration;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;

/**
 * Makes the catalog say what a declaration says: creates the template, adds a version, makes a version the
 * active one. Each change marks the presets it concerns as dirty and writes its audit entry in the same
 * transaction; the caller wakes the reconciler afterwards. A caller finds nothing of another organization.
 *
 * <p>Changes of one template wait for each other at its row. The lock is the weaker one (NO KEY), so that
 * they do not wait for the prebuilds that refer to it.
 */
@ApplicationScoped
public class CatalogStore {

    // A template that is deleted between the read and the lock is looked for again.
    private static final int ATTEMPTS_MAX = 10;

    /** How many changes of one template may hold a connection at once; they take turns at its row anyway. */
    private static final int CHANGES_AT_ONCE = 2;

    private static final int CHANGES_WAITING_MAX = 100;
    private static final Duration CHANGE_WITHIN = Duration.ofSeconds(10);

    private final Pool pool;
    private final InstantSource clock;
    private final Ids ids;
    private final Encryption encryption;
    private final Bulkhead<List<String>> templates =
            new Bulkhead<>(CHANGES_AT_ONCE, CHANGES_WAITING_MAX, CHANGE_WITHIN);
    private final VersionStore versions;
    private final PreviewReads flats;
    private final PromotionStore promotions;

    public CatalogStore(Pool pool, InstantSource clock, Ids ids, Encryption encryption) {
        this.pool = pool;
        this.clock = clock;
        this.ids = ids;
        this.encryption = encryption;
        this.versions = new VersionStore(ids, encryption);
        this.flats = new PreviewReads(encryption);
        this.promotions = new PromotionStore(ids, clock);
    }

    /**
     * A declaration to be applied to the template of this name.
     *
     * @param canonical the same bytes for every text that declares the same; only their fingerprint is stored
     * @param byDigests the same, in which every file counts by its digest
     * @param promote whether the version becomes the active one
     * @param ifMatch what the template's {@link TemplateView#tag} must be; {@code *} for any template that exists
     */
    public record Application(
            Caller caller,
            String organization,
            String template,
            Declaration declaration,
            byte[] canonical,
            byte[] byDigests,
            boolean promote,
            Optional<String> ifMatch) {

        /** A declaration that refers to no uploaded file. */
        public Application(
                Caller caller,
                String organization,
                String template,
                Declaration declaration,
                byte[] canonical,
                boolean promote,
                Optional<String> ifMatch) {
            this(caller, organization, template, declaration, canonical, canonical, promote, ifMatch);
        }

        TemplateName name() {
            return new TemplateName(caller, organization, template);
        }
    }

    /** @param created whether this transaction has created it */
    private record LockedTemplate(TemplateView template, boolean created) {}

    /**
     * Creates the template where there is none of that name, and a version where neither the active nor the
     * newest one declares the same. Idempotent: the same declaration again writes nothing.
     */
    public Uni<Applied> apply(Application wanted) {
        return CatalogReads.organization(pool, wanted.caller(), wanted.organization())
                .chain(organization -> organization.isEmpty()
                        ? Uni.createFrom().item(new Applied.NoOrganization())
                        : changing(
                                wanted.organization(),
                                wanted.template(),
                                connection -> apply(connection, wanted, organization.get())))
                .onFailure(FilesMissingException.class)
                .recoverWithItem(CatalogStore::missing);
    }

    private static Applied missing(Throwable failure) {
        return new Applied.FilesMissing(((FilesMissingException) failure).digests);
    }

    /**
     * What {@link #apply} would answer, and what it would change. The application is performed and rolled back, so the
     * ids of what would be new exist nowhere.
     *
     * @return the preview is empty where nothing would be applied
     */
    public Uni<Previewed> preview(Application wanted) {
        return CatalogReads.organization(pool, wanted.caller(), wanted.organization())
                .chain(organization -> organization.isEmpty()
                        ? Uni.createFrom().item(new Previewed(new Applied.NoOrganization(), Optional.empty()))
                        : undone(
                                wanted.organization(),
                                wanted.template(),
                                connection -> previewed(connection, wanted, organization.get())))
                .onFailure(FilesMissingException.class)
                .recoverWithItem(failure -> new Previewed(missing(failure), Optional.empty()));
    }

    /** The answer of an application that was rolled back. */
    public record Previewed(Applied applied, Optional<Preview> preview) {}

    /** Ends the transaction of a preview. */
    private static final class RolledBack extends RuntimeException {

        private static final long serialVersionUID = 1;

        private final transient Object result;

        RolledBack(Object result) {
            super("a preview is rolled back", null, false, false);
            this.result = result;
        }
    }

    private Uni<Previewed> previewed(SqlConnection connection, Application wanted, UUID organization) {
        return CatalogReads.template(connection, wanted.name())
                .chain(template -> template.map(found -> flats.flat(
                                connection, found.id(), found.versions().activeVersion()))
                        .orElseGet(() -> Uni.createFrom().item(Preview.Flat.NOTHING)))
                .chain(before -> apply(connection, wanted, organization)
                        .chain(applied -> previewed(connection, before, applied)));
    }

    private Uni<Previewed> previewed(SqlConnection connection, Preview.Flat before, Applied applied) {
        return applied instanceof Applied.Done done
                ? flats.flat(connection, done.template().id(), done.version())
                        .map(after -> new Previewed(done, Optional.of(Preview.of(done, before, after))))
                : Uni.createFrom().item(new Previewed(applied, Optional.empty()));
    }

    /** Performs the change, and rolls it back. */
    @SuppressWarnings("unchecked")
    private <T> Uni<T> undone(String organization, String template, Function<SqlConnection, Uni<T>> change) {
        return changing(
                        organization,
                        template,
                        connection -> change.apply(connection)
                                .chain(result -> Uni.createFrom().<T>failure(new RolledBack(result))))
                .onFailure(RolledBack.class)
                .recoverWithItem(back -> (T) ((RolledBack) back).result);
    }

    private <T> Uni<T> changing(String organization, String template, Function<SqlConnection, Uni<T>> change) {
        return templates.in(List.of(organization, template), () -> pool.withTransaction(change));
    }

    private Uni<Applied> apply(SqlConnection connection, Application wanted, UUID organization) {
        return lockOrCreate(connection, wanted, organization, ATTEMPTS_MAX)
                .chain(locked -> locked.isEmpty()
                        ? Uni.createFrom().item(new Applied.Stale())
                        : apply(connection, wanted, locked.get()));
    }

    // Waits for a deletion of the organization that is under way, and then creates no template in it.
    private static final Sql CREATE_TEMPLATE = Sql.of("""
            INSERT INTO templates (id, organization_id, name, created_at)
            SELECT :id, :organization, :name, :at
             WHERE EXISTS (SELECT FROM organizations WHERE id = :organization AND deleted_at IS NULL FOR KEY SHARE)
            ON CONFLICT (organization_id, name) WHERE deleted_at IS NULL DO NOTHING
            RETURNING id""", "id", "organization", "name", "at");

    /** Empty where the caller's condition does not hold; then nothing was written. */
    private Uni<Optional<LockedTemplate>> lockOrCreate(
            SqlConnection connection, Application wanted, UUID organization, int attemptsLeft) {
        if (attemptsLeft == 0) {
            return Uni.createFrom().item(Optional.empty());
        }
        return lock(connection, wanted.name()).chain(found -> {
            if (found.isPresent()) {
                return Uni.createFrom()
                        .item(found.filter(template -> matches(wanted.ifMatch(), template))
                                .map(template -> new LockedTemplate(template, false)));
            }
            return wanted.ifMatch().isPresent()
                    ? Uni.createFrom().item(Optional.empty())
                    : create(connection, wanted, organization, attemptsLeft);
        });
    }

    private static boolean matches(Optional<String> ifMatch, TemplateView template) {
        return ifMatch.isEmpty() || ifMatch.get().equals("*") || ifMatch.get().equals(template.tag());
    }

    private Uni<Optional<LockedTemplate>> create(
            SqlConnection connection, Application wanted, UUID organization, int attemptsLeft) {
        return CREATE_TEMPLATE
                .on(connection, ids.next(), organization, wanted.template(), Rows.utc(clock.instant()))
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")))
                .chain(created -> created.isEmpty()
                        // Another transaction has created it meanwhile.
                        ? lockOrCreate(connection, wanted, organization, attemptsLeft - 1)
                        : CatalogReads.templateById(connection, created.get())
                                .map(found -> found.map(template -> new LockedTemplate(template, true))));
    }

    // No other table is joined: after waiting for the lock, joined rows would be stale.
    private static final Sql LOCK = Sql.of(
            "SELECT t.id FROM templates t WHERE " + CatalogReads.NAMED + " FOR NO KEY UPDATE",
            "organization_name",
            "template",
            "organization");

    private Uni<Optional<TemplateView>> lock(SqlConnection connection, TemplateName name) {
        return LOCK.on(connection, name.organization(), name.template(), name.callersOrganization())
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")))
                .chain(id -> id.isEmpty()
                        ? Uni.createFrom().item(Optional.empty())
                        : CatalogReads.templateById(connection, id.get()));
    }

    private static final Sql FIND_SAME = Sql.of("""
            SELECT id, number FROM template_versions
             WHERE template_id = :template AND (content_hash = :hash OR digest_hash = :digests)
               AND (id = :active OR number = :latest)
             ORDER BY id IS NOT DISTINCT FROM :active DESC LIMIT 1""", "template", "hash", "digests", "active", "latest");

    private Uni<Applied> apply(SqlConnection connection, Application wanted, LockedTemplate locked) {
        TemplateView template = locked.template();
        VersionStore.Hashes hashes = new VersionStore.Hashes(
                encryption.fingerprint(wanted.canonical()), encryption.fingerprint(wanted.byDigests()));
        return FIND_SAME
                .on(
                        connection,
                        template.id(),
                        Buffer.buffer(hashes.content()),
                        Buffer.buffer(hashes.byDigests()),
                        template.versions().activeVersionId(),
                        template.versions().latestVersion())
                .map(rows -> Rows.first(rows, Version::of))
                .chain(same -> same.isEmpty()
                        ? declareNew(connection, wanted, locked, hashes)
                        : keep(connection, wanted, locked, same.get()));
    }

    private Uni<Applied> keep(SqlConnection connection, Application wanted, LockedTemplate locked, Version same) {
        if (!wanted.promote() || same.id().equals(locked.template().versions().activeVersionId())) {
            return done(connection, locked, same, false, false);
        }
        return promotions
                .activate(connection, wanted.caller(), locked.template(), same.id())
                .chain(() -> promotions.audit(
                        PromotionStore.AUDIT_PROMOTE, connection, wanted.caller(), locked.template(), same.number()))
                .chain(() -> done(connection, locked, same, false, true));
    }

    /** Rolls the transaction back, which may have created the template. */
    private static final class FilesMissingException extends RuntimeException {

        private static final long serialVersionUID = 1;

        private final transient Set<String> digests;

        FilesMissingException(Set<String> digests) {
            super("files are missing", null, false, false);
            this.digests = digests;
        }
    }

    /** The files are locked until the version is committed: no clean-up removes one meanwhile. */
    private Uni<Applied> declareNew(
            SqlConnection connection, Application wanted, LockedTemplate locked, VersionStore.Hashes hashes) {
        UUID organization = locked.template().organizationId();
        return FileReferenceStore.lock(connection, organization, wanted.declaration(), clock.instant())
                .chain(found -> switch (found) {
                    case FileReferenceStore.Found.Missing(var digests) ->
                        Uni.createFrom().failure(new FilesMissingException(digests));
                    case FileReferenceStore.Found.Unreadable(var refusals) ->
                        Uni.createFrom().item(new Applied.FilesUnreadable(refusals));
                    case FileReferenceStore.Found.All(var sizes) ->
                        declareNew(connection, wanted, locked, hashes, sizes);
                });
    }

    private Uni<Applied> declareNew(
            SqlConnection connection,
            Application wanted,
            LockedTemplate locked,
            VersionStore.Hashes hashes,
            Map<String, Long> sizes) {
        UUID version = ids.next();
        return versions.insert(
                        connection,
                        new VersionStore.NewVersion(
                                version,
                                locked.template().id(),
                                locked.template().organizationId(),
                                hashes,
                                wanted.caller().userId(),
                                clock.instant(),
                                sizes),
                        wanted.declaration())
                .map(number -> new Version(version, number))
                .call(fresh -> wanted.promote()
                        ? promotions.activate(connection, wanted.caller(), locked.template(), fresh.id())
                        : Uni.createFrom().voidItem())
                .call(fresh -> promotions.audit(
                        wanted.promote() ? PromotionStore.AUDIT_APPLY : PromotionStore.AUDIT_IMPORT,
                        connection,
                        wanted.caller(),
                        locked.template(),
                        fresh.number()))
                .chain(fresh -> done(connection, locked, fresh, true, true));
    }

    private Uni<Applied> done(
            SqlConnection connection, LockedTemplate locked, Version version, boolean versionCreated, boolean changed) {
        return CatalogReads.templateById(connection, locked.template().id())
                .map(Optional::orElseThrow)
                .chain(template -> CatalogReads.presetsOf(connection, version.id())
                        .map(presets -> new Applied.Done(
                                template, version.number(), presets, locked.created(), versionCreated, changed)));
    }

    /**
     * Makes a version the active one, also an older one. Its presets take over the pauses of the presets they
     * replace.
     */
    public Uni<Promoted> promote(TemplateName name, int number) {
        return changing(
                name.organization(),
                name.template(),
                connection -> lock(connection, name)
                        .chain(template -> template.isEmpty()
                                ? Uni.createFrom().item(new Promoted.NoTemplate())
                                : promotions.promote(connection, name.caller(), template.get(), number)));
    }

    /**
     * What {@link #promote} would answer, and what would come after it. The promotion is performed and rolled back: it
     * waits for the same locks.
     */
    public Uni<PromotionPreview> preview(TemplateName name, int number, PromotionOutlook outlook) {
        return undone(
                name.organization(),
                name.template(),
                connection -> lock(connection, name)
                        .chain(template -> template.isEmpty()
                                ? Uni.createFrom().item(PromotionPreview.refused(new Promoted.NoTemplate()))
                                : promotions.preview(connection, name.caller(), template.get(), number, outlook)));
    }
}
