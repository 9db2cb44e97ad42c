package dev.larder.catalog;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Caller;
import dev.larder.model.Declaration;
import dev.larder.model.Ids;
import dev.larder.model.Refusal;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** Declarations that were checked and not applied. The declaration itself is not kept: it may hold secrets. */
@ApplicationScoped
public class ValidationStore {

    private final Pool pool;
    private final Ids ids;
    private final InstantSource clock;

    public ValidationStore(Pool pool, Ids ids, InstantSource clock) {
        this.pool = pool;
        this.ids = ids;
        this.clock = clock;
    }

    /**
     * A checked declaration.
     *
     * @param status {@code succeeded}: it would be accepted; {@code failed}: it has findings
     * @param backend of an accepted declaration; null where it failed
     */
    @Schema(name = "Validation")
    record Validation(UUID id, String status, @Nullable String backend, Instant createdAt, List<Finding> findings) {}

    /** What is wrong with one field. */
    @Schema(name = "ValidationFinding")
    record Finding(String field, String code, String message) {}

    /**
     * The faults of the uploaded files to which a declaration refers. They are kept from the clean-up for another
     * while, so that the declaration can be applied after it was checked.
     */
    Uni<List<Refusal>> fileFaults(UUID organization, Declaration declaration) {
        return FileReferenceStore.lock(pool, organization, declaration, clock.instant())
                .map(found -> switch (found) {
                    case FileReferenceStore.Found.All(var sizes) -> List.of();
                    case FileReferenceStore.Found.Unreadable(var refusals) -> refusals;
                    case FileReferenceStore.Found.Missing(var digests) ->
                        FileReferences.missing(declaration.uploads(), digests);
                });
    }

    private static final String COLUMNS = "id, status, backend, created_at, findings";

    private static final Sql INSERT =
            Sql.of("""
            INSERT INTO validations (id, organization_id, requested_by, created_at, backend, status, findings)
            VALUES (:id, :organization, :user, :at, :backend, :status, :findings)
            RETURNING\s""" + COLUMNS, "id", "organization", "user", "at", "backend", "status", "findings");

    /** @param backend empty where the declaration was refused */
    Uni<Validation> save(Caller caller, Optional<String> backend, List<Refusal> refusals) {
        JsonArray findings = new JsonArray();
        refusals.forEach(refusal -> findings.add(new JsonObject()
                .put("field", Rows.storable(refusal.field()))
                .put("code", refusal.code())
                .put("message", Rows.storable(refusal.detail()))));
        return INSERT.on(
                        pool,
                        ids.next(),
                        caller.organization().orElse(null),
                        caller.userId(),
                        Rows.utc(clock.instant()),
                        backend.orElse(null),
                        refusals.isEmpty() ? "succeeded" : "failed",
                        findings)
                .map(rows -> view(rows.iterator().next()));
    }

    private static final Sql FIND = Sql.of(
            "SELECT " + COLUMNS + " FROM validations WHERE id = :id AND " + Rules.visibleTo("organization_id"),
            "id",
            "organization");

    Uni<Optional<Validation>> find(UUID id, Caller caller) {
        return FIND.on(pool, id, caller.organization().orElse(null))
                .map(rows -> Rows.first(rows, ValidationStore::view));
    }

    private static final Sql LIST = Sql.of(
            "SELECT " + COLUMNS + " FROM validations WHERE " + Rules.visibleTo("organization_id") + " AND "
                    + Rules.before("id") + " ORDER BY id DESC LIMIT :limit",
            "organization",
            "before",
            "limit");

    /** Newest first. */
    Uni<List<Validation>> list(Caller caller, Optional<UUID> before, int limit) {
        return LIST.on(pool, caller.organization().orElse(null), before.orElse(null), limit)
                .map(rows -> Rows.list(rows, ValidationStore::view));
    }

    private static Validation view(Row row) {
        List<Finding> findings = new ArrayList<>();
        JsonArray array = row.getJsonArray("findings");
        for (int index = 0; index < array.size(); index++) {
            JsonObject one = array.getJsonObject(index);
            findings.add(new Finding(one.getString("field"), one.getString("code"), one.getString("message")));
        }
        return new Validation(
                row.getUUID("id"),
                row.getString("status"),
                row.getString("backend"),
                Rows.instant(row, "created_at"),
                findings);
    }
}
