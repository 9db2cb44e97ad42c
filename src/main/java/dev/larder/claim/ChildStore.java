package dev.larder.claim;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/**
 * Workspaces that stand on others (decision 0037). A link lapses by itself when one of its workspaces is released,
 * claimed, reset or deleted: it has the versions that both had, and each of these changes a version.
 */
@ApplicationScoped
public class ChildStore {

    /** Workspaces that stand on one, on each other, up to here. */
    static final int DEPTH_MAX = 8;

    /** Children of one workspace. */
    static final int CHILDREN_MAX = 100;

    private final Pool pool;

    public ChildStore(Pool pool) {
        this.pool = pool;
    }

    /**
     * What a child needs; for its users. Larder keeps it and acts on nothing of it.
     *
     * @param resources addresses in the parent's state
     * @param children names of other children of the parent
     */
    public record Dependencies(List<String> resources, List<String> children) {

        JsonObject json() {
            return new JsonObject().put("resources", new JsonArray(resources)).put("children", new JsonArray(children));
        }

        static Dependencies of(JsonObject json) {
            return new Dependencies(texts(json, "resources"), texts(json, "children"));
        }

        private static List<String> texts(JsonObject json, String name) {
            JsonArray texts = json.getJsonArray(name, new JsonArray());
            return texts.stream().map(String::valueOf).toList();
        }
    }

    /**
     * A workspace that stands on another one.
     *
     * @param name by which its parent knows it
     */
    public record Child(UUID workspace, UUID parent, String name, Dependencies dependencies, Instant attachedAt) {}

    // A relation: the links that have not lapsed.
    private static final String LIVE = """
            (SELECT k.*
               FROM workspace_children k
               JOIN workspaces kid ON kid.id = k.child_id AND kid.version = k.child_version AND kid.deleted_at IS NULL
               JOIN workspaces top ON top.id = k.parent_id AND top.version = k.parent_version AND top.deleted_at IS NULL)
            """;

    private static final Sql CHILDREN = Sql.of(
            "SELECT k.* FROM " + LIVE + " k WHERE k.parent_id = :parent ORDER BY k.name, k.child_id LIMIT :most",
            "parent",
            "most");

    /** The children of a workspace, by name. The caller has found the workspace in its scope before. */
    Uni<List<Child>> children(UUID parent) {
        return CHILDREN.on(pool, parent, CHILDREN_MAX).map(rows -> Rows.list(rows, ChildStore::child));
    }

    private static Child child(Row row) {
        return new Child(
                row.getUUID("child_id"),
                row.getUUID("parent_id"),
                row.getString("name"),
                Dependencies.of(row.getJsonObject("dependencies")),
                Rows.instant(row, "attached_at"));
    }

    /** What became of a wish to attach. */
    enum Attachment {
        ATTACHED,
        /** The caller sees no such parent or no such child. */
        NOT_FOUND,
        /** One of them is a prebuild, or is going to be deleted. */
        NOT_CLAIMED,
        /** Different users have them. */
        OTHER_OWNER,
        /** The parent is the child, or stands on it. */
        CIRCLE,
        /** The child stands on another workspace already. */
        OTHER_PARENT,
        /** The parent has another child of this name. */
        NAME_TAKEN,
        /** More than {@link #DEPTH_MAX} would stand on each other. */
        TOO_DEEP,
        /** The parent has {@link #CHILDREN_MAX} children. */
        TOO_MANY
    }

    // Attachments of one organization take turns, so that each sees the links before it: two of them cannot close a
    // circle together.
    private static final Sql LOCK = Sql.of("""
            SELECT o.id FROM organizations o
             WHERE o.id = (SELECT w.organization_id FROM workspaces w WHERE w.id = :parent)
               FOR NO KEY UPDATE""", "parent");

    private static final String AROUND = """
            WITH RECURSIVE above AS (
                SELECT :parent::uuid AS id, 1 AS depth
                 UNION ALL
                SELECT k.parent_id, a.depth + 1 FROM above a JOIN {live} k ON k.child_id = a.id WHERE a.depth <= :depth_max::integer),
            below AS (
                SELECT :child::uuid AS id, 1 AS depth
                 UNION ALL
                SELECT k.child_id, b.depth + 1 FROM below b JOIN {live} k ON k.parent_id = b.id WHERE b.depth <= :depth_max),
            siblings AS (
                SELECT k.* FROM {live} k WHERE k.parent_id = :parent AND k.child_id <> :child),
            """.replace("{live}", LIVE);

    private static final String JUDGED =
            """
            judged AS (
                SELECT p.id AS parent_id, p.version AS parent_version, c.id AS child_id, c.version AS child_version,
                       CASE WHEN p.prebuild OR c.prebuild OR p.deletion_wanted_at IS NOT NULL OR p.deleted_at IS NOT NULL
                                 OR c.deletion_wanted_at IS NOT NULL OR c.deleted_at IS NOT NULL THEN 'NOT_CLAIMED'
                            WHEN p.owner_id <> c.owner_id THEN 'OTHER_OWNER'
                            WHEN EXISTS (SELECT FROM above a WHERE a.id = c.id) THEN 'CIRCLE'
                            WHEN EXISTS (SELECT FROM {live} k WHERE k.child_id = c.id AND k.parent_id <> p.id) THEN 'OTHER_PARENT'
                            WHEN EXISTS (SELECT FROM siblings s WHERE s.name = :name::text) THEN 'NAME_TAKEN'
                            WHEN (SELECT max(a.depth) FROM above a) + (SELECT max(b.depth) FROM below b) > :depth_max
                                 THEN 'TOO_DEEP'
                            WHEN (SELECT count(*) FROM siblings) >= :children_max::integer THEN 'TOO_MANY'
                            ELSE 'ATTACHED' END AS answer
                  FROM (SELECT * FROM workspaces w WHERE w.id = :parent AND {visible}
                                AND (:owner::uuid IS NULL OR w.owner_id = :owner)) p
                  JOIN (SELECT * FROM workspaces w WHERE w.id = :child AND {visible}
                                AND (:owner IS NULL OR w.owner_id = :owner)) c ON c.organization_id = p.organization_id),
            """.replace("{live}", LIVE).replace("{visible}", Rules.visibleTo("w.organization_id"));

    private static final Sql ATTACH = Sql.of(
            AROUND + JUDGED + """
            attached AS (
                INSERT INTO workspace_children (child_id, child_version, parent_id, parent_version, name, dependencies,
                                                attached_by, attached_at)
                SELECT j.child_id, j.child_version, j.parent_id, j.parent_version, :name, :dependencies::jsonb,
                       :user::uuid, :at::timestamptz
                  FROM judged j WHERE j.answer = 'ATTACHED'
                    ON CONFLICT (child_id) DO UPDATE
                   SET child_version = excluded.child_version, parent_id = excluded.parent_id,
                       parent_version = excluded.parent_version, name = excluded.name,
                       dependencies = excluded.dependencies, attached_by = excluded.attached_by,
                       attached_at = excluded.attached_at)
            SELECT answer FROM judged""",
            "parent",
            "child",
            "name",
            "dependencies",
            "user",
            "organization",
            "owner",
            "at",
            "depth_max",
            "children_max");

    /** Attaches a child, or replaces its name and its dependencies. */
    Uni<Attachment> attach(
            UUID parent, UUID child, String name, Dependencies dependencies, UUID user, Visibility scope, Instant at) {
        return pool.withTransaction(connection -> LOCK.on(connection, parent)
                .chain(() -> ATTACH.on(
                        connection,
                        parent,
                        child,
                        name,
                        dependencies.json(),
                        user,
                        scope.organization().orElse(null),
                        scope.owner().orElse(null),
                        Rows.utc(at),
                        DEPTH_MAX,
                        CHILDREN_MAX))
                .map(rows -> Rows.first(rows, row -> Attachment.valueOf(row.getString("answer")))
                        .orElse(Attachment.NOT_FOUND)));
    }

    private static final Sql DETACH = Sql.of(
            "DELETE FROM workspace_children WHERE parent_id = :parent AND (:child::uuid IS NULL OR child_id = :child)",
            "parent",
            "child");

    /** Detaches a child, which stays as it is. The caller has found the parent in its scope before. */
    Uni<Void> detach(UUID parent, UUID child) {
        return DETACH.on(pool, parent, child).replaceWithVoid();
    }

    /** The same for all children. */
    Uni<Void> detachAll(UUID parent) {
        return DETACH.on(pool, parent, null).replaceWithVoid();
    }

    private static final Sql BELOW = Sql.of("""
            WITH RECURSIVE below AS (
                SELECT k.child_id, k.child_version, 1 AS depth FROM {live} k WHERE k.parent_id = :parent
                 UNION ALL
                SELECT k.child_id, k.child_version, b.depth + 1
                  FROM below b JOIN {live} k ON k.parent_id = b.child_id WHERE b.depth < :depth_max::integer)
            SELECT child_id, child_version FROM below ORDER BY depth DESC, child_id LIMIT :most""".replace("{live}", LIVE), "parent", "depth_max", "most");

    /** A workspace that stands on another one, directly or not, at this version. */
    record Below(UUID workspace, int version) {}

    /** What stands on the workspace, the topmost first, at most one more than may be deleted at once. */
    Uni<List<Below>> below(UUID parent, int most) {
        return BELOW.on(pool, parent, DEPTH_MAX, most + 1)
                .map(rows ->
                        Rows.list(rows, row -> new Below(row.getUUID("child_id"), row.getInteger("child_version"))));
    }

    private static final Sql LINK = Sql.of("""
            INSERT INTO workspace_children (child_id, child_version, parent_id, parent_version, name, dependencies,
                                            attached_by, attached_at)
            SELECT c.workspace_id, c.generation, p.workspace_id, p.generation, l.name, '{}', c.user_id, :at::timestamptz
              FROM unnest(:children::uuid[], :parents::uuid[], :names::text[]) l (child, parent, name)
              JOIN claims c ON c.id = l.child
              JOIN claims p ON p.id = l.parent
                ON CONFLICT (child_id) DO UPDATE
               SET child_version = excluded.child_version, parent_id = excluded.parent_id,
                   parent_version = excluded.parent_version, name = excluded.name, dependencies = excluded.dependencies,
                   attached_by = excluded.attached_by, attached_at = excluded.attached_at""", "at", "children", "parents", "names");

    /** A claim whose workspace stands on that of another claim, under a name. */
    record Link(UUID child, UUID parent, String name) {}

    /** Attaches the workspaces of claims that were made in the same transaction. */
    static Uni<Void> link(SqlClient connection, List<Link> links, Instant at) {
        return LINK.on(
                        connection,
                        Rows.utc(at),
                        links.stream().map(Link::child).toArray(UUID[]::new),
                        links.stream().map(Link::parent).toArray(UUID[]::new),
                        links.stream().map(Link::name).toArray(String[]::new))
                .replaceWithVoid();
    }
}
