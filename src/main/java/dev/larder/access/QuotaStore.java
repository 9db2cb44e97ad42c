package dev.larder.access;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** How many workspaces an organization and each of its users may hold (design, section 3.7). */
@ApplicationScoped
public class QuotaStore {

    private final Pool pool;
    private final Ids ids;

    public QuotaStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    /**
     * Limits, and how many claims count towards them. A waiting claim counts too.
     *
     * @param workspaces of the organization at once; null: no limit
     * @param workspacesPerUser of each user in it; null: no limit
     */
    public record QuotaView(
            @Nullable Integer workspaces, @Nullable Integer workspacesPerUser, long held) {}

    private static final Sql FIND = Sql.of("""
            SELECT o.claims_max, o.claims_max_per_user,
                   (SELECT count(*) FROM claims c WHERE c.organization_id = o.id AND c.ended_at IS NULL AND %s) AS held
              FROM organizations o WHERE o.id = :organization""".formatted(Rules.ofClient("c")), "organization");

    /** The organization must exist; the caller has looked it up. */
    public Uni<QuotaView> find(UUID organization) {
        return FIND.on(pool, organization).map(rows -> view(rows.iterator().next()));
    }

    private static QuotaView view(Row row) {
        return new QuotaView(row.getInteger("claims_max"), row.getInteger("claims_max_per_user"), row.getLong("held"));
    }

    private static final Sql SET = Sql.of(
            """
            WITH changed AS (
                UPDATE organizations SET claims_max = :all::integer, claims_max_per_user = :per_user::integer
                 WHERE id = :organization RETURNING id, id AS organization_id)
            %s""".formatted(AuditEntry.of(
                    "organization.quota",
                    "jsonb_build_object('workspaces', :all::integer, 'workspacesPerUser', :per_user::integer)",
                    "changed")),
            "organization",
            "all",
            "per_user",
            "entry",
            "at",
            "actor");

    /** Holds from the commit on. Workspaces held beyond the new limit stay with their users. */
    public Uni<Void> set(
            UUID organization,
            @Nullable Integer workspaces,
            @Nullable Integer workspacesPerUser,
            UUID actor,
            Instant at) {
        return SET.on(pool, organization, workspaces, workspacesPerUser, ids.next(), Rows.utc(at), actor)
                .replaceWithVoid();
    }
}
