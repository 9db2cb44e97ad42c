package dev.larder.claim;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.database.RowList;
import dev.larder.database.Rows;
import dev.larder.database.Slice;
import dev.larder.database.Sql;
import dev.larder.database.Total;
import dev.larder.lifecycle.BuildProgress;
import dev.larder.lifecycle.LabelStore;
import dev.larder.lifecycle.ListRules;
import dev.larder.lifecycle.Rules;
import dev.larder.model.JobStatus;
import dev.larder.model.LabelSelector;
import dev.larder.model.PresetFilter;
import dev.larder.model.StateSummary;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** Workspaces and their builds as the API shows them. */
@ApplicationScoped
public class WorkspaceStore {

    private final Pool client;

    public WorkspaceStore(Pool client) {
        this.client = client;
    }

    /**
     * A workspace as the API shows it.
     *
     * @param state how far what is known of its infrastructure can be trusted; null where no build has ended yet
     * @param labels of the claim that holds it
     */
    @Schema(name = "Workspace")
    public record Seen(
            UUID id,
            @JsonUnwrapped Origin origin,
            String name,
            @JsonUnwrapped Owned owned,
            @JsonUnwrapped LatestBuild build,
            @JsonUnwrapped Times times,
            @Nullable StateSummary state,
            Map<String, String> labels) {}

    /** What the workspace is built from, by names. */
    public record Origin(
            String organization,
            String template,
            int templateVersion,
            @Nullable String preset) {}

    /** @param version grows with every owner */
    public record Owned(UUID ownerId, String owner, boolean prebuild, int version) {}

    /**
     * @param status of the workspace, as everywhere: {@link BuildProgress#word}
     * @param buildStatus of the latest build, as of its job
     */
    public record LatestBuild(
            int buildNumber,
            String transition,
            @Schema(implementation = JobStatus.class) String buildStatus,
            String status) {}

    /**
     * @param missingSince since when what was built is known not to exist any more; null where it does as
     *     far as is known
     */
    public record Times(
            Instant createdAt,
            @Nullable Instant readyAt,
            @Nullable Instant claimedAt,
            @Nullable Instant deletionWantedAt,
            @Nullable Instant deletedAt,
            @Nullable Instant missingSince,
            @Nullable Instant quarantinedAt) {}

    private static final String SELECT = """
            SELECT w.id, o.name AS organization, t.name AS template, v.number AS template_version, p.name AS preset, w.name,
                   w.owner_id, u.name AS owner, w.prebuild, w.version, w.build_number, w.transition, %s AS build_status, %s AS word,
                   w.created_at, w.ready_at, w.claimed_at, w.deletion_wanted_at, w.deleted_at,
                   w.missing_since, w.quarantined_at, {state}, {labels}
              FROM workspaces w
              JOIN organizations o ON o.id = w.organization_id
              JOIN templates t ON t.id = w.template_id
              JOIN template_versions v ON v.id = w.version_id
              JOIN users u ON u.id = w.owner_id
              LEFT JOIN presets p ON p.id = w.preset_id
            """.formatted(BuildProgress.status("w"), BuildProgress.word("w"))
            .replace("{state}", BuildProgress.state("w"))
            .replace("{labels}", LabelStore.ofHolder("w.id"));

    private static final String SEEN =
            Rules.visibleTo("w.organization_id") + " AND (:owner::uuid IS NULL OR w.owner_id = :owner)";

    static final RowList LIST = new RowList("workspaces x", "x.id");

    // The index of those that exist begins with the organization.
    private static final String ORGANIZATIONS = "SELECT o.id AS key FROM organizations o";

    /**
     * What a list of workspaces shows.
     *
     * @param status a word of {@link BuildProgress#WORDS}
     * @param owner the name or the id of a user
     * @param labels of their claims
     */
    public record WorkspaceFilter(
            PresetFilter presets,
            Optional<String> status,
            Optional<String> owner,
            Optional<LabelSelector> labels,
            Optional<Instant> since) {

        /** All that exist. */
        public static final WorkspaceFilter ALL = new WorkspaceFilter(
                PresetFilter.ALL, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
    }

    static RowList.Query query(Visibility scope, WorkspaceFilter filter) {
        RowList.Query query = ListRules.seenBy(LIST.all().where("x.deleted_at IS NULL"), scope.organization());
        query.where("x.owner_id = :viewer", "viewer", scope.owner());
        ListRules.ownedBy(query, "x.owner_id", filter.owner());
        if (scope.organization().isEmpty() && filter.presets().organization().isEmpty()) {
            query.among("x.organization_id", ORGANIZATIONS);
        }
        ListRules.ofPresets(query, filter.presets(), false);
        query.filter(BuildProgress.word("x") + " = :status", "status", filter.status());
        ListRules.labelled(query, LabelStore.held("x.id"), filter.labels());
        // A client may have chosen the id, so it says nothing about the time.
        return query.filter(
                "x.created_at >= :since::timestamptz", "since", filter.since().map(Rows::utc));
    }

    /** Those that exist, newest first by their ids. */
    public Uni<Slice<Seen>> list(Visibility scope, WorkspaceFilter filter, Optional<UUID> after, int limit) {
        return query(scope, filter).page(client, SELECT, "w.id", after, limit, WorkspaceStore::seen);
    }

    /** How many workspaces the list has. */
    public Uni<Total> total(Visibility scope, WorkspaceFilter filter) {
        return query(scope, filter).total(client);
    }

    private static final Sql FIND_ALL = Sql.of(
            SELECT + " WHERE w.id = ANY (:workspaces::uuid[]) AND " + SEEN, "workspaces", "organization", "owner");

    /** Those of these that are in the scope, deleted ones too, in any order. */
    public Uni<List<Seen>> findAll(Collection<UUID> workspaces, Visibility scope) {
        return FIND_ALL.on(
                        client,
                        workspaces.toArray(UUID[]::new),
                        scope.organization().orElse(null),
                        scope.owner().orElse(null))
                .map(rows -> Rows.list(rows, WorkspaceStore::seen));
    }

    /** Deleted ones too. */
    public Uni<Optional<Seen>> find(UUID workspace, Visibility scope) {
        return findAll(List.of(workspace), scope).map(found -> found.stream().findFirst());
    }

    private static final Sql NAMED =
            Sql.of(SELECT + " WHERE w.owner_id = :owner AND w.name = :name AND w.deleted_at IS NULL", "owner", "name");

    /** The one that the owner has under this name. */
    public Uni<List<Seen>> named(UUID owner, String name) {
        return NAMED.on(client, owner, name).map(rows -> Rows.list(rows, WorkspaceStore::seen));
    }

    private static Seen seen(Row row) {
        return new Seen(
                row.getUUID("id"),
                new Origin(
                        row.getString("organization"),
                        row.getString("template"),
                        row.getInteger("template_version"),
                        row.getString("preset")),
                row.getString("name"),
                new Owned(
                        row.getUUID("owner_id"),
                        row.getString("owner"),
                        Boolean.TRUE.equals(row.getBoolean("prebuild")),
                        row.getInteger("version")),
                new LatestBuild(
                        row.getInteger("build_number"),
                        row.getString("transition"),
                        row.getString("build_status"),
                        row.getString("word")),
                new Times(
                        Rows.instant(row, "created_at"),
                        Rows.instantOrNull(row, "ready_at"),
                        Rows.instantOrNull(row, "claimed_at"),
                        Rows.instantOrNull(row, "deletion_wanted_at"),
                        Rows.instantOrNull(row, "deleted_at"),
                        Rows.instantOrNull(row, "missing_since"),
                        Rows.instantOrNull(row, "quarantined_at")),
                ClaimReads.state(row),
                LabelStore.in(row));
    }

    private static final Sql BUILDS = Sql.of("""
            SELECT b.id, b.number, b.transition, b.reason, u.name AS initiator, v.number AS template_version, b.created_at,
                   j.id AS job_id, j.status, j.started_at, j.completed_at, j.error_code, j.error
              FROM builds b
              JOIN jobs j ON j.build_id = b.id
              JOIN users u ON u.id = b.initiator_id
              JOIN template_versions v ON v.id = b.version_id
             WHERE b.workspace_id = :workspace
               AND (:owner::uuid IS NULL OR b.initiator_id = :owner OR (u.is_system AND b.reason <> 'recycle'))
               AND (:status::text IS NULL OR j.status = :status) AND b.created_at >= coalesce(:since::timestamptz, '-infinity')
             ORDER BY b.number DESC LIMIT :limit""", "workspace", "owner", "status", "since", "limit");

    /**
     * The builds of a workspace, the newest first. The caller has found the workspace in its scope before. A user
     * who sees only own workspaces does not see builds for an earlier owner.
     *
     * @param status a word of {@link JobStatus}; empty for all
     */
    public Uni<List<Build>> builds(
            UUID workspace, Visibility scope, Optional<String> status, Optional<Instant> since, int limit) {
        return BUILDS.on(
                        client,
                        workspace,
                        scope.owner().orElse(null),
                        status.orElse(null),
                        since.map(Rows::utc).orElse(null),
                        limit)
                .map(rows -> Rows.list(rows, WorkspaceStore::build));
    }

    /** One numbered step of a workspace. */
    public record Build(
            UUID id,
            int number,
            String transition,
            String reason,
            String initiator,
            int templateVersion,
            @JsonUnwrapped BuildJob job) {}

    /** The job of a build. */
    public record BuildJob(
            UUID jobId,
            @Schema(implementation = JobStatus.class) String status,
            Instant createdAt,
            @Nullable Instant startedAt,
            @Nullable Instant completedAt,
            @Nullable String errorCode,
            @Nullable String error) {}

    private static Build build(Row row) {
        return new Build(
                row.getUUID("id"),
                row.getInteger("number"),
                row.getString("transition"),
                row.getString("reason"),
                row.getString("initiator"),
                row.getInteger("template_version"),
                new BuildJob(
                        row.getUUID("job_id"),
                        row.getString("status"),
                        Rows.instant(row, "created_at"),
                        Rows.instantOrNull(row, "started_at"),
                        Rows.instantOrNull(row, "completed_at"),
                        row.getString("error_code"),
                        row.getString("error")));
    }
}
