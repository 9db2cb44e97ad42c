package dev.larder.access;

import dev.larder.database.Rows;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
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
     * Limits and what there is of them. A claim that waits counts as held.
     *
     * @param workspaces of the organization at once; null: no limit
     * @param workspacesPerUser of each user in it; null: no limit
     */
    public record QuotaView(
            @Nullable Integer workspaces, @Nullable Integer workspacesPerUser, long held) {}

    private static final String FIND = """
            SELECT o.claims_max, o.claims_max_per_user,
                   (SELECT count(*) FROM claims c WHERE c.organization_id = o.id AND c.ended_at IS NULL) AS held
              FROM organizations o WHERE o.id = $1""";

    /** The caller has found the organization before. */
    public Uni<QuotaView> find(UUID organization) {
        return pool.preparedQuery(FIND)
                .execute(Tuple.of(organization))
                .map(rows -> view(rows.iterator().next()));
    }

    private static QuotaView view(Row row) {
        return new QuotaView(row.getInteger("claims_max"), row.getInteger("claims_max_per_user"), row.getLong("held"));
    }

    private static final String SET = """
            WITH changed AS (
                UPDATE organizations SET claims_max = $2::integer, claims_max_per_user = $3::integer WHERE id = $1 RETURNING id)
            INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
            SELECT $4::uuid, $5::timestamptz, id, $6::uuid, 'organization.quota', id,
                   jsonb_build_object('workspaces', $2::integer, 'workspacesPerUser', $3::integer)
              FROM changed""";

    /** From its commit on; what is held beyond it stays. */
    public Uni<Void> set(
            UUID organization,
            @Nullable Integer workspaces,
            @Nullable Integer workspacesPerUser,
            UUID actor,
            Instant at) {
        return pool.preparedQuery(SET)
                .execute(Tuple.of(organization, workspaces, workspacesPerUser, ids.next(), Rows.utc(at), actor))
                .replaceWithVoid();
    }
}
