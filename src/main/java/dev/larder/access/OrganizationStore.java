package dev.larder.access;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;

/**
 * Deletes organizations. A deleted one keeps its row, which the history refers to, under a name that no new
 * organization can have.
 */
@ApplicationScoped
public class OrganizationStore {

    private final Pool pool;
    private final InstantSource clock;
    private final Ids ids;

    public OrganizationStore(Pool pool, InstantSource clock, Ids ids) {
        this.pool = pool;
        this.clock = clock;
        this.ids = ids;
    }

    /** The result of a deletion. */
    public sealed interface Removal {

        record Removed() implements Removal {}

        record NoOrganization() implements Removal {}

        /** The organization still has these, which have to go first; nothing was deleted. */
        record NotEmpty(int users, int templates, int workspaces, int claims) implements Removal {}
    }

    // Users and templates are created under a key share lock of their organization.
    private static final Sql LOCK = Sql.of(
            "SELECT id FROM organizations WHERE id = :organization AND deleted_at IS NULL FOR UPDATE", "organization");

    private static final Sql COUNT_CONTENT = Sql.of("""
            SELECT (SELECT count(*) FROM users WHERE organization_id = :organization AND deleted_at IS NULL)::integer AS users,
                   (SELECT count(*) FROM templates
                     WHERE organization_id = :organization AND deleted_at IS NULL)::integer AS templates,
                   (SELECT count(*) FROM workspaces
                     WHERE organization_id = :organization AND deleted_at IS NULL)::integer AS workspaces,
                   (SELECT count(*) FROM claims
                     WHERE organization_id = :organization AND ended_at IS NULL)::integer AS claims""", "organization");

    private static final Sql DELETE = Sql.of(
            """
            WITH deleted AS (
                UPDATE organizations SET deleted_at = :at, name = 'deleted-' || id WHERE id = :organization
                RETURNING id, id AS organization_id)
            %s""".formatted(AuditEntry.of("organization.delete", "jsonb_build_object('name', :name::text)", "deleted")),
            "organization",
            "name",
            "at",
            "entry",
            "actor");

    /** Deletes an organization that has no user, template, workspace and claim. Its name is free from then on. */
    public Uni<Removal> delete(UUID organization, String name, Caller actor) {
        return pool.withTransaction(connection -> LOCK.on(connection, organization)
                .chain(locked -> locked.size() == 0
                        ? Uni.createFrom().item(new Removal.NoOrganization())
                        : deleteIfEmpty(connection, organization, name, actor)));
    }

    private Uni<Removal> deleteIfEmpty(SqlConnection connection, UUID organization, String name, Caller actor) {
        return COUNT_CONTENT
                .on(connection, organization)
                .map(rows -> content(rows.iterator().next()))
                .chain(content -> content.isPresent()
                        ? Uni.createFrom().item(content.get())
                        : delete(connection, organization, name, actor));
    }

    private static Optional<Removal> content(Row row) {
        var content = new Removal.NotEmpty(
                row.getInteger("users"),
                row.getInteger("templates"),
                row.getInteger("workspaces"),
                row.getInteger("claims"));
        return content.users() + content.templates() + content.workspaces() + content.claims() == 0
                ? Optional.empty()
                : Optional.of(content);
    }

    private Uni<Removal> delete(SqlConnection connection, UUID organization, String name, Caller actor) {
        return DELETE.on(connection, organization, name, Rows.utc(clock.instant()), ids.next(), actor.userId())
                .replaceWith(new Removal.Removed());
    }
}
