package dev.larder.testing;

import dev.larder.access.AccessStore;
import dev.larder.catalog.Applied;
import dev.larder.catalog.CatalogControlStore;
import dev.larder.catalog.CatalogStore;
import dev.larder.catalog.CatalogStore.Application;
import dev.larder.catalog.TemplateName;
import dev.larder.claim.AvailabilityReads;
import dev.larder.claim.Claim;
import dev.larder.claim.ClaimQuotaStore;
import dev.larder.claim.ClaimReads;
import dev.larder.claim.ClaimStore;
import dev.larder.claim.Claimable.Order;
import dev.larder.claim.ColdClaimStore;
import dev.larder.claim.ExactClaimStore;
import dev.larder.claim.IdempotencyKey;
import dev.larder.claim.LineStore;
import dev.larder.claim.NewClaim;
import dev.larder.claim.NewClaims;
import dev.larder.claim.PresetReads;
import dev.larder.claim.ScanStart;
import dev.larder.claim.WaitingClaimStore;
import dev.larder.claim.WorkspaceStore;
import dev.larder.database.Encryption;
import dev.larder.inventory.InventoryReads;
import dev.larder.inventory.InventoryRequestStore;
import dev.larder.inventory.ListingStore;
import dev.larder.inventory.MissingStore;
import dev.larder.jobs.JobLimitStore;
import dev.larder.jobs.JobReads;
import dev.larder.jobs.JobStore;
import dev.larder.jobs.JobStore.Taken;
import dev.larder.jobs.WorkerStore;
import dev.larder.lifecycle.CancelStore;
import dev.larder.lifecycle.CheckStore;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.lifecycle.EndClaimStore;
import dev.larder.lifecycle.PresetNames;
import dev.larder.lifecycle.RequeueStore;
import dev.larder.lifecycle.StartBuildStore;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Declaration;
import dev.larder.model.Declaration.HandOut;
import dev.larder.model.Declaration.JobLimits;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Declaration.Renewal;
import dev.larder.model.Ids;
import dev.larder.model.JobOutcome;
import dev.larder.model.NamedPreset;
import dev.larder.model.Parameter;
import dev.larder.model.Role;
import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.Strategy;
import dev.larder.model.Schedule;
import dev.larder.model.Visibility;
import dev.larder.model.WorkerEntry;
import dev.larder.reconcile.AlertStore;
import dev.larder.reconcile.PoolStore;
import dev.larder.reconcile.SnapshotStore;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A database of its own with the real stores on it, a settable clock, and words that move prebuilds through their lives
 * one step at a time: {@code stock.declare("small", 3); stock.create("small", 3); stock.buildAll();}
 */
public final class Stock implements AutoCloseable {

    public static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");
    public static final String ORGANIZATION = "acme";
    public static final String TEMPLATE = "database";
    public static final Duration INVENTORY_GRACE = Duration.ofMinutes(5);
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    public final Database database = Databases.fresh();
    public final Pool pool = database.pool();
    public final SettableClock clock = new SettableClock(NOON);
    public final Ids ids = new Ids(clock);
    public final Encryption encryption = new Encryption(Planted.ENCRYPTION_KEY);
    public final AccessStore access = new AccessStore(pool, clock, ids);
    public final CatalogStore catalog = new CatalogStore(pool, clock, ids, encryption);
    public final CatalogControlStore controls = new CatalogControlStore(pool, clock, ids);
    public final SnapshotStore snapshots = new SnapshotStore(pool);
    public final PoolStore pools = new PoolStore(pool, ids);
    public final AlertStore alerts = new AlertStore(pool, ids);
    public final EndBuildStore ends = new EndBuildStore(pool, encryption, ids);
    public final RequeueStore requeues = new RequeueStore(pool);
    public final CancelStore cancels = new CancelStore(pool);
    public final JobStore jobs = new JobStore(pool, encryption, ends);
    public final JobLimitStore jobLimits = new JobLimitStore(pool, ids);
    public final StartBuildStore builds = new StartBuildStore(pool, ids);
    public final CheckStore checks = new CheckStore(pool, ids);
    public final WorkerStore workers = new WorkerStore(pool, ids);
    public final JobReads jobReader = new JobReads(pool);
    public final NewClaims newClaims = new NewClaims(ids, encryption);
    public final ClaimQuotaStore quotas = new ClaimQuotaStore(pool);
    public final ClaimStore claims = new ClaimStore(pool);
    public final LineStore lines = new LineStore(pool, claims, quotas);
    public final ExactClaimStore exactClaims = new ExactClaimStore(pool, quotas);
    public final ColdClaimStore coldClaims = new ColdClaimStore(pool, ids, encryption, quotas);
    public final WaitingClaimStore waitingClaims = new WaitingClaimStore(pool, quotas);
    public final PresetReads presetReads = new PresetReads(pool);
    public final AvailabilityReads availability = new AvailabilityReads(pool);
    public final ClaimReads claimReads = new ClaimReads(pool, encryption);
    public final EndClaimStore leases = new EndClaimStore(pool);
    public final ListingStore listings = new ListingStore(pool, ids);
    public final MissingStore missing = new MissingStore(pool, ids, INVENTORY_GRACE);
    public final InventoryRequestStore inventoryRequests = new InventoryRequestStore(pool, ids, INVENTORY_GRACE);
    public final InventoryReads inventoryReader = new InventoryReads(pool, INVENTORY_GRACE);
    public final WorkspaceStore workspaces = new WorkspaceStore(pool);
    public final Rollouts rollouts = new Rollouts(this);

    public final Caller owner;
    public final UUID organization;
    public final UUID worker;

    private final Map<String, PresetDeclaration> declared = new LinkedHashMap<>();
    private List<Parameter> parameters = List.of();
    private Map<String, String> tags = Map.of();
    private final Map<String, String> files = new LinkedHashMap<>();
    private String backend = "exec";
    private RolloutPolicy policy = RolloutPolicy.DEFAULT;

    public Stock() {
        UUID root = await(access.createUser(Optional.empty(), "root", Role.OWNER, ids.next()))
                .orElseThrow()
                .id();
        owner = new Caller(root, "root", Role.OWNER, Optional.empty());
        organization = await(access.createOrganization(ORGANIZATION, root))
                .orElseThrow()
                .id();
        worker = await(workers.register(
                new WorkerEntry("test", Map.of(), List.of("exec", "postgres", "terraform", "terraform_check"), 100),
                clock.instant()));
    }

    /** Waits for what the store answers; a test is the only place that may. */
    @CanIgnoreReturnValue
    public static <T> T await(Uni<T> uni) {
        return uni.await().atMost(PATIENCE);
    }

    /** A member of the organization. */
    public Caller member(String name) {
        UUID id = await(access.createUser(Optional.of(organization), name, Role.MEMBER, owner.userId()))
                .orElseThrow()
                .id();
        return new Caller(id, name, Role.MEMBER, Optional.of(organization));
    }

    /** Declares a preset beside those declared before, and promotes the version that has them all. */
    @CanIgnoreReturnValue
    public UUID declare(String preset, int instances) {
        return declare(preset, instances, null, List.of());
    }

    @CanIgnoreReturnValue
    public UUID declare(String preset, int instances, @Nullable Duration ttl, List<Schedule> schedules) {
        return declare(new PresetDeclaration(
                preset,
                Map.of(),
                Optional.of(instances),
                Optional.ofNullable(ttl),
                schedules.isEmpty() ? null : "UTC",
                schedules));
    }

    @CanIgnoreReturnValue
    public UUID declare(PresetDeclaration preset) {
        declared.put(preset.name(), withPolicy(preset));
        promoteNewVersion();
        return preset(preset.name());
    }

    /** A preset that says nothing of rollouts has the policy of the test. */
    private PresetDeclaration withPolicy(PresetDeclaration preset) {
        if (!preset.renewal().rollout().equals(RolloutPolicy.DEFAULT)) {
            return preset;
        }
        return new PresetDeclaration(
                preset.name(),
                preset.parameters(),
                preset.instances(),
                preset.ttl(),
                preset.timezone(),
                preset.schedules(),
                preset.handOut(),
                new Renewal(preset.renewal().limits(), policy));
    }

    /**
     * From now on a promotion takes the stock of the version before at once: presets have the strategy {@code
     * replace}.
     */
    @CanIgnoreReturnValue
    public Stock replacing() {
        policy = new RolloutPolicy(
                Strategy.REPLACE,
                policy.bounds(),
                policy.canary(),
                policy.onFailure(),
                policy.serveOld(),
                policy.jitterPercent(),
                policy.deadline());
        declared.replaceAll((name, preset) -> withPolicy(preset));
        return this;
    }

    /** The accepted upload of a state that lists so many resources, as one statement. */
    public static final String WROTE = """
            WITH mutation AS (UPDATE state_mutations SET writes = writes + 1, failed_writes = 0 WHERE id = $2),
                 head AS (UPDATE states SET current_version = current_version + 1 WHERE id = $1
                          RETURNING id, current_version)
            INSERT INTO state_versions (state_id, version, kind, serial, lineage, managed, client_encrypted, size,
                                        digest, content_type, key_id, wrapped_key, mutation_id, created_at)
            SELECT id, current_version, 'final', 1, 'l', $3, false, 2,
                   decode(repeat('00', 32), 'hex'), 'application/json', 'default', '', $2, now()
              FROM head""";

    /** A mutation uploads a state that lists so many resources. */
    public void wrote(UUID state, UUID mutation, int managed) {
        sql(WROTE, state, mutation, managed);
    }

    /** The versions declared from now on have these parameters. */
    public void withParameters(Parameter... wanted) {
        parameters = List.of(wanted);
    }

    /** The versions declared from now on ask for workers with these tags. */
    public void withTags(Map<String, String> wanted) {
        tags = Map.copyOf(wanted);
    }

    /** The versions declared from now on are built by this backend. */
    public void withBackend(String kind) {
        backend = kind;
    }

    /** The versions declared from now on have something to do once a workspace is claimed. */
    public void withClaimStep() {
        withScript("claim.sh");
    }

    /** The versions declared from now on have this script too. */
    public void withScript(String name) {
        files.put(name, "#!/bin/sh\n");
    }

    /** A preset whose workspaces so many may have in turn. */
    public UUID declareReusable(String preset, int instances, int maxUses) {
        withScript("reset.sh");
        return declare(preset, instances, maxUses, null, null);
    }

    /** A preset of whose stock so many jobs may be in flight at once, and so many deletes among them. */
    public UUID declareLimited(String preset, int instances, @Nullable Integer maxJobs, @Nullable Integer maxDeletes) {
        return declare(preset, instances, 1, maxJobs, maxDeletes);
    }

    /** A preset whose stock is replaced so. */
    @CanIgnoreReturnValue
    public UUID declare(String preset, int instances, RolloutPolicy rollout) {
        return declare(new PresetDeclaration(
                preset,
                Map.of(),
                Optional.of(instances),
                Optional.empty(),
                null,
                List.of(),
                HandOut.DEFAULT,
                new Renewal(JobLimits.NONE, rollout)));
    }

    private UUID declare(
            String preset, int instances, int maxUses, @Nullable Integer maxJobs, @Nullable Integer maxDeletes) {
        return declare(new PresetDeclaration(
                preset,
                Map.of(),
                Optional.of(instances),
                Optional.empty(),
                null,
                List.of(),
                new HandOut(HandOut.OLDEST, maxUses),
                new Renewal(
                        new JobLimits(Optional.ofNullable(maxJobs), Optional.ofNullable(maxDeletes)),
                        RolloutPolicy.DEFAULT)));
    }

    /** The same presets again as a new version, which becomes the active one. */
    public void promoteNewVersion() {
        newVersion(true);
    }

    /** The same presets again as a new version, which does not become the active one. */
    public void importNewVersion() {
        newVersion(false);
    }

    private void newVersion(boolean promote) {
        Map<String, String> scripts = new LinkedHashMap<>(files);
        scripts.put("start.sh", "#!/bin/sh\necho '{}' > \"$LARDER_OUTPUTS\" # " + ids.suffix() + "\n");
        Declaration declaration = new Declaration(
                backend, scripts, tags, Duration.ofMinutes(10), parameters, List.copyOf(declared.values()));
        var applied = await(catalog.apply(new Application(
                owner,
                ORGANIZATION,
                TEMPLATE,
                declaration,
                declaration.toString().getBytes(StandardCharsets.UTF_8),
                promote,
                Optional.empty())));
        if (!(applied instanceof Applied.Done)) {
            throw new AssertionError("not applied: " + applied);
        }
    }

    /** As a promotion would: both presets are served until {@code after} has replaced {@code before}. */
    @CanIgnoreReturnValue
    public UUID rollout(UUID before, UUID after) {
        return rollouts.begin(before, after);
    }

    public TemplateName template() {
        return new TemplateName(owner, ORGANIZATION, TEMPLATE);
    }

    /** The id of this preset in the active version. */
    public UUID preset(String name) {
        return ((NamedPreset.Known) await(new PresetNames(pool).find(Optional.empty(), ORGANIZATION, TEMPLATE, name)))
                .id();
    }

    /** As a cycle would: that many prebuilds as the preset's next attempt. */
    @CanIgnoreReturnValue
    public int create(UUID preset, int count) {
        int attempts = integer("SELECT attempts AS n FROM presets WHERE id = $1", Tuple.of(preset));
        return await(pools.create(preset, attempts, count, clock.instant()));
    }

    /** Leases what waits, the most urgent first. */
    @CanIgnoreReturnValue
    public List<Assignment> take(int slots) {
        return await(jobs.take(worker, slots, clock.instant())).jobs().stream()
                .map(Taken::assignment)
                .toList();
    }

    public void succeed(Assignment assignment) {
        end(assignment, new JobOutcome.Succeeded(Map.of("url", "test://" + assignment.workspaceId())));
    }

    public void fail(Assignment assignment) {
        end(assignment, new JobOutcome.Failed("script_failed", "start.sh ended with exit code 1."));
    }

    public void end(Assignment assignment, JobOutcome outcome) {
        if (await(ends.complete(assignment.lease(), outcome, clock.instant())).isEmpty()) {
            throw new AssertionError("lease lost: " + assignment);
        }
    }

    /** Every waiting job is done and succeeds. */
    @CanIgnoreReturnValue
    public List<Assignment> buildAll() {
        List<Assignment> taken = take(1_000);
        taken.forEach(this::succeed);
        return taken;
    }

    /** So many ready prebuilds, each created a millisecond after the one before; oldest first. */
    @CanIgnoreReturnValue
    public List<UUID> ready(UUID preset, int count) {
        List<UUID> ready = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            create(preset, 1);
            ready.add(buildAll().getFirst().workspaceId());
            clock.forward(Duration.ofMillis(1));
        }
        return ready;
    }

    /** The oldest ready one for the caller, if there is one. */
    public Optional<UUID> claim(UUID preset, Caller caller) {
        return await(claiming(preset, caller, Optional.empty()));
    }

    public Uni<Optional<UUID>> claiming(UUID preset, Caller caller, Optional<IdempotencyKey> key) {
        NewClaim ask = newClaims.one(caller, key, Optional.empty());
        return claims.take(preset, Order.OLDEST, List.of(ask), 0, ScanStart.OLDEST, clock.instant())
                .map(given -> given.claims().stream()
                        .map(Claim::id)
                        .filter(ask.id()::equals)
                        .findFirst());
    }

    /** A store that claims in this transaction, or on this pool. */
    public ClaimStore claimStore(Pool client) {
        return new ClaimStore(client);
    }

    /** The same for cold builds. */
    public ColdClaimStore coldClaimStore(Pool client) {
        return new ColdClaimStore(client, ids, encryption, new ClaimQuotaStore(client));
    }

    /** A build of its own for the caller. */
    public UUID claimCold(UUID preset, Caller caller) {
        NewClaim ask = newClaims.one(caller, Optional.empty(), Optional.empty());
        return await(coldClaims.takeCold(preset, ask, clock.instant())).orElseThrow();
    }

    public Claim look(UUID claim) {
        return await(claimReads.find(claim, Visibility.ALL)).orElseThrow();
    }

    public boolean release(UUID claim) {
        return await(leases.release(claim, OptionalInt.empty(), clock.instant())) != EndClaimStore.Return.NONE;
    }

    public int integer(String sql, Tuple values) {
        return row(sql, values).getInteger("n");
    }

    public int count(String from) {
        return integer("SELECT count(*)::integer AS n FROM " + from, Tuple.tuple());
    }

    public Row row(String sql, Tuple values) {
        return await(pool.preparedQuery(sql).execute(values)).iterator().next();
    }

    public void sql(String sql, Object... values) {
        var done = await(pool.preparedQuery(sql).execute(Tuple.from(List.of(values))));
    }

    @Override
    public void close() {
        database.close();
    }
}
