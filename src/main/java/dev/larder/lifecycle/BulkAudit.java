package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Audit entries of calls that change all that a filter matches. The entry is written before the first change, so that
 * none is made without it.
 */
@ApplicationScoped
public class BulkAudit {

    /** What is done. */
    public enum Action {
        RELEASE_CLAIMS("claims.release"),
        DELETE_WORKSPACES("workspaces.delete"),
        CANCEL_JOBS("jobs.cancel");

        private final Sql entry;

        Action(String action) {
            this.entry = Sql.of(
                    AuditEntry.withoutTarget(action, ":detail::jsonb", ":organization::uuid"),
                    "entry",
                    "at",
                    "actor",
                    "organization",
                    "detail");
        }
    }

    private final Pool pool;
    private final Ids ids;
    private final InstantSource clock;

    public BulkAudit(Pool pool, Ids ids, InstantSource clock) {
        this.pool = pool;
        this.ids = ids;
        this.clock = clock;
    }

    /**
     * @param conditions that the call gave
     * @param matching how many things this call is about to change
     */
    public Uni<Void> begin(Caller caller, Action action, Map<String, String> conditions, int matching) {
        JsonObject detail = new JsonObject()
                .put("conditions", new JsonObject(new LinkedHashMap<>(conditions)))
                .put("matching", matching);
        return action.entry
                .on(
                        pool,
                        ids.next(),
                        Rows.utc(clock.instant()),
                        caller.userId(),
                        caller.organization().orElse(null),
                        detail)
                .replaceWithVoid();
    }
}
