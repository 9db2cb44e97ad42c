package dev.larder.catalog;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.PromotionOutlook;
import dev.larder.lifecycle.Promotions;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Objects;
import java.util.UUID;

/** Makes versions of templates the active ones, in a transaction of the caller, which has locked the template. */
final class PromotionStore {

    private final Ids ids;
    private final InstantSource clock;
    private final Promotions promotions;

    PromotionStore(Ids ids, InstantSource clock) {
        this.ids = ids;
        this.clock = clock;
        this.promotions = new Promotions(ids);
    }

    record Version(UUID id, int number) {

        static Version of(Row row) {
            return new Version(row.getUUID("id"), row.getInteger("number"));
        }
    }

    /** Makes the version the active one. */
    Uni<Void> activate(SqlConnection connection, Caller caller, TemplateView template, UUID version) {
        return promotions.promote(
                connection,
                new Promotions.Promotion(
                        template.id(),
                        template.versions().activeVersionId(),
                        version,
                        caller.userId(),
                        clock.instant()));
    }

    private static final String CHANGED =
            "(SELECT :template::uuid AS id, :organization::uuid AS organization_id) changed";

    static final Sql AUDIT_APPLY = audit("template.apply");
    static final Sql AUDIT_IMPORT = audit("template.import");
    static final Sql AUDIT_PROMOTE = audit("template.promote");

    private static Sql audit(String action) {
        return Sql.of(
                AuditEntry.of(action, "jsonb_build_object('version', :version::integer)", CHANGED),
                "template",
                "organization",
                "version",
                "entry",
                "at",
                "actor");
    }

    Uni<Void> audit(Sql entry, SqlConnection connection, Caller caller, TemplateView template, int version) {
        return entry.on(
                        connection,
                        template.id(),
                        template.organizationId(),
                        version,
                        ids.next(),
                        Rows.utc(clock.instant()),
                        caller.userId())
                .replaceWithVoid();
    }

    private static final Sql FIND_VERSION = Sql.of(
            "SELECT id, number FROM template_versions WHERE template_id = :template AND number = :number",
            "template",
            "number");

    Uni<Promoted> promote(SqlConnection connection, Caller caller, TemplateView template, int number) {
        return FIND_VERSION
                .on(connection, template.id(), number)
                .map(rows -> Rows.first(rows, Version::of))
                .chain(version -> version.isEmpty()
                        ? Uni.createFrom().item(new Promoted.NoVersion())
                        : promote(connection, caller, template, version.get()));
    }

    private Uni<Promoted> promote(SqlConnection connection, Caller caller, TemplateView template, Version version) {
        if (version.id().equals(template.versions().activeVersionId())) {
            return Uni.createFrom().item(new Promoted.Done(template, false));
        }
        return activate(connection, caller, template, version.id())
                .chain(() -> audit(AUDIT_PROMOTE, connection, caller, template, version.number()))
                .chain(() -> CatalogReads.templateById(connection, template.id()))
                .map(after -> new Promoted.Done(after.orElseThrow(), true));
    }

    /** Promotes, and reads what would come after it. */
    Uni<PromotionPreview> preview(
            SqlConnection connection, Caller caller, TemplateView before, int number, PromotionOutlook outlook) {
        Instant at = clock.instant();
        return promote(connection, caller, before, number)
                .chain(promoted -> promoted instanceof Promoted.Done(TemplateView after, boolean changed)
                        ? outlook.read(connection, performed(before, after, at))
                                .map(forecasts -> new PromotionPreview(promoted, forecasts))
                        : Uni.createFrom().item(PromotionPreview.refused(promoted)));
    }

    private static PromotionOutlook.Performed performed(TemplateView before, TemplateView after, Instant at) {
        UUID active = Objects.requireNonNull(after.versions().activeVersionId());
        return new PromotionOutlook.Performed(after.id(), before.versions().activeVersionId(), active, at);
    }
}
