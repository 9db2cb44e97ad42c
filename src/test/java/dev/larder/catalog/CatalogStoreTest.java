package dev.larder.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.catalog.CatalogStore.Application;
import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.model.Caller;
import dev.larder.model.Declaration;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Ids;
import dev.larder.model.Parameter;
import dev.larder.model.Role;
import dev.larder.model.Schedule;
import dev.larder.model.SystemUser;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CatalogStoreTest {

    private static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");
    private static final UUID ACME = UUID.fromString("00000000-0000-7000-8000-00000000000a");
    private static final UUID GLOBEX = UUID.fromString("00000000-0000-7000-8000-00000000000b");
    private static final Caller OWNER = new Caller(SystemUser.ID, "ada", Role.OWNER, Optional.empty());
    private static final Caller ADMIN = new Caller(SystemUser.ID, "bob", Role.TEMPLATE_ADMIN, Optional.of(ACME));
    private static final Caller STRANGER = new Caller(SystemUser.ID, "eve", Role.TEMPLATE_ADMIN, Optional.of(GLOBEX));
    private static final TemplateName DB = new TemplateName(ADMIN, "acme", "db");
    private static final String SECRET = "correct horse battery";

    private final Database database = Databases.fresh();
    private Instant now = NOON;
    private final InstantSource clock = () -> now;
    private final Encryption encryption = new Encryption("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    private final Ids ids = new Ids(clock);
    private final CatalogStore store = new CatalogStore(database.pool(), clock, ids, encryption);
    private final CatalogReads reads = new CatalogReads(database.pool());
    private final CatalogControlStore controls = new CatalogControlStore(database.pool(), clock, ids);
    private final PauseStore pauses = new PauseStore(database.pool(), clock, ids);

    @BeforeEach
    void make_organizations() {
        for (var organization : Map.of("acme", ACME, "globex", GLOBEX).entrySet()) {
            run(
                    "INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)",
                    Tuple.of(organization.getValue(), organization.getKey(), Rows.utc(NOON)));
        }
    }

    @AfterEach
    void drop() {
        database.close();
    }

    private static final VersionView.Choice PLAIN =
            new VersionView.Choice(false, null, List.of(), null, null, null, null, null);

    @Test
    void applying_the_same_again_writes_nothing() {
        Applied.Done first = apply(declaring(3));
        long rows = rowsInAll();

        Applied.Done again = apply(declaring(3));

        assertThat(first.templateCreated() && first.versionCreated() && first.changed())
                .isTrue();
        assertThat(again.templateCreated() || again.versionCreated() || again.changed())
                .isFalse();
        assertThat(again.version()).isEqualTo(1);
        assertThat(again.template()).isEqualTo(first.template());
        assertThat(rowsInAll()).isEqualTo(rows);
    }

    @Test
    void another_declaration_becomes_the_active_version_and_marks_old_and_new_presets() {
        Applied.Done first = apply(declaring(3));
        clearMarks();

        Applied.Done second = apply(declaring(4));

        assertThat(second.version()).isEqualTo(2);
        assertThat(second.template().versions().activeVersion()).isEqualTo(2);
        assertThat(marked()).containsExactlyInAnyOrder(small(first), small(second));
        assertThat(second.presets()).extracting(PresetView::active).containsOnly(true);
        assertThat(reads.preset(ADMIN, small(first))
                        .await()
                        .indefinitely()
                        .orElseThrow()
                        .active())
                .isFalse();
    }

    @Test
    void everything_declared_is_shown_again() {
        Applied.Done done = apply(declaring(3));

        PresetView small = done.presets().getFirst();
        VersionView version = reads.version(DB, 1).await().indefinitely().orElseThrow();

        assertThat(small.pool().instances()).isEqualTo(3);
        assertThat(small.pool().ttlSeconds()).isEqualTo(3_600);
        assertThat(small.pool().timezone()).isEqualTo("Europe/Zurich");
        assertThat(small.pool().schedules()).containsExactly(new PresetView.ScheduleView("* 9-17 * * *", 5));
        assertThat(small.parameters())
                .containsExactly(
                        new PresetView.Value("password", null, true), new PresetView.Value("region", "eu", false));
        assertThat(version.construction().files()).isEqualTo(Map.of("start.sh", 5L));
        assertThat(version.construction().tags()).isEqualTo(Map.of("zone", "a"));
        assertThat(version.construction().startTimeoutSeconds()).isEqualTo(90);
        assertThat(version.parameters())
                .containsExactly(
                        new VersionView.ParameterView("region", "string", false, false, false, true, "us", PLAIN),
                        new VersionView.ParameterView("password", "string", true, true, true, false, null, PLAIN),
                        new VersionView.ParameterView("key", "string", false, false, true, true, null, PLAIN));
        assertThat(reads.presetsOf(version.id()).await().indefinitely()).isEqualTo(done.presets());
        assertThat(done.presets())
                .filteredOn(preset -> preset.identity().name().equals("bare"))
                .extracting(preset -> preset.pool().instances())
                .containsOnlyNulls()
                .hasSize(1);
    }

    @Test
    void the_tags_of_a_version_are_known_before_its_first_job() {
        Applied.Done done = apply(declaring(3));

        assertThat(done.version()).isEqualTo(1);
        assertThat(count("tagsets WHERE tags = '{\"zone\": \"a\"}'")).isEqualTo(1);
    }

    @Test
    void sensitive_values_lie_nowhere_in_clear_and_open_under_their_rows_id() {
        Applied.Done done = apply(declaring(3));

        for (String needle : List.of(SECRET, HexFormat.of().formatHex(SECRET.getBytes(StandardCharsets.UTF_8)))) {
            for (String table : tables()) {
                assertThat(count(table + " AS r WHERE r::text LIKE '%" + needle + "%'"))
                        .as(table)
                        .isZero();
            }
        }
        assertThat(encryption.decrypt(
                        small(done),
                        bytes("SELECT sealed FROM preset_parameters WHERE name = 'password' AND preset_id = '"
                                + small(done) + "'")))
                .isEqualTo(SECRET);
        UUID version = done.presets().getFirst().identity().versionId();
        assertThat(encryption.decrypt(
                        version, bytes("SELECT default_sealed FROM version_parameters WHERE name = 'key'")))
                .isEqualTo(SECRET + " default");
        assertThat(done.toString()).doesNotContain(SECRET);
    }

    @Test
    void the_same_put_from_many_at_once_makes_one_template_with_one_version() {
        List<Applied> all = together(IntStream.range(0, 16)
                .mapToObj(unused -> application(declaring(3), true, Optional.empty()))
                .toList());

        assertThat(all).hasSize(16).allSatisfy(one -> assertThat(version(one)).isEqualTo(1));
        assertThat(all.stream().filter(one -> ((Applied.Done) one).templateCreated()))
                .hasSize(1);
        assertThat(count("templates")).isEqualTo(1);
        assertThat(count("template_versions")).isEqualTo(1);
    }

    @Test
    void different_puts_at_once_each_get_a_version_and_one_is_active() {
        List<Applied> all = together(IntStream.range(0, 16)
                .mapToObj(instances -> application(declaring(instances), true, Optional.empty()))
                .toList());

        assertThat(all)
                .extracting(CatalogStoreTest::version)
                .containsExactlyInAnyOrder(IntStream.rangeClosed(1, 16).boxed().toArray(Integer[]::new));
        assertThat(count("templates t JOIN template_versions v ON v.id = t.active_version_id WHERE v.number = 16"))
                .isEqualTo(1);
    }

    @Test
    void puts_and_deletes_at_once_never_fail() {
        List<Uni<Boolean>> all = new ArrayList<>();
        for (int index = 0; index < 24; index++) {
            all.add(
                    index % 3 == 0
                            ? controls.delete(DB)
                            : store.apply(application(declaring(index), true, Optional.empty()))
                                    .map(applied -> applied instanceof Applied.Done));
        }

        List<Boolean> done = Uni.join().all(all).andCollectFailures().await().indefinitely();

        assertThat(done).hasSize(24);
        assertThat(count("templates WHERE deleted_at IS NULL")).isLessThanOrEqualTo(1);
    }

    @Test
    void a_deleted_name_is_declared_anew() {
        Applied.Done first = apply(declaring(3));
        clearMarks();

        assertThat(controls.delete(DB).await().indefinitely()).isTrue();
        assertThat(marked()).containsExactly(small(first));
        Applied.Done second = apply(declaring(3));

        assertThat(second.templateCreated()).isTrue();
        assertThat(second.version()).isEqualTo(1);
        assertThat(second.template().id()).isNotEqualTo(first.template().id());
        assertThat(reads.preset(ADMIN, small(first)).await().indefinitely()).isEmpty();
        assertThat(controls.resetPreset(ADMIN, small(first)).await().indefinitely())
                .isFalse();
    }

    @Test
    void an_import_changes_nothing_in_stock_until_it_is_promoted() {
        Applied.Done first = apply(declaring(3));
        clearMarks();

        Applied.Done imported = done(application(declaring(4), false, Optional.empty()));
        Applied.Done again = done(application(declaring(4), false, Optional.empty()));
        assertThat(marked()).isEmpty();
        Applied.Done promoted = apply(declaring(4));

        assertThat(imported.template().versions().activeVersion()).isEqualTo(1);
        assertThat(imported.template().tag()).isEqualTo(first.template().tag());
        assertThat(again.changed()).isFalse();
        assertThat(promoted.version()).isEqualTo(2);
        assertThat(promoted.versionCreated()).isFalse();
        assertThat(promoted.template().versions().activeVersion()).isEqualTo(2);
        assertThat(marked()).containsExactlyInAnyOrder(small(first), small(imported));
    }

    @Test
    void an_older_version_is_promoted_again() {
        Applied.Done first = apply(declaring(3));
        Applied.Done second = apply(declaring(4));
        clearMarks();

        Promoted back = store.promote(DB, 1).await().indefinitely();
        Promoted again = store.promote(DB, 1).await().indefinitely();

        assertThat(back)
                .isInstanceOfSatisfying(
                        Promoted.Done.class, done -> assertThat(done.changed()).isTrue());
        assertThat(again)
                .isInstanceOfSatisfying(
                        Promoted.Done.class, done -> assertThat(done.changed()).isFalse());
        assertThat(marked()).containsExactlyInAnyOrder(small(first), small(second));
        assertThat(store.promote(DB, 3).await().indefinitely()).isEqualTo(new Promoted.NoVersion());
        assertThat(store.promote(new TemplateName(ADMIN, "acme", "none"), 1)
                        .await()
                        .indefinitely())
                .isEqualTo(new Promoted.NoTemplate());
    }

    @Test
    void a_condition_that_does_not_hold_writes_nothing() {
        assertThat(applied(application(declaring(3), true, Optional.of("*")))).isEqualTo(new Applied.Stale());
        assertThat(count("templates")).isZero();
        String tag = apply(declaring(3)).template().tag();
        assertThat(controls.deprecate(DB, "old").await().indefinitely()).isTrue();

        assertThat(applied(application(declaring(4), true, Optional.of(tag)))).isEqualTo(new Applied.Stale());
        assertThat(applied(application(declaring(4), true, Optional.of("*")))).isInstanceOf(Applied.Done.class);
    }

    @Test
    void a_fault_in_the_middle_leaves_nothing_half_written() {
        Declaration good = declaring(3);
        PresetDeclaration tooShort = new PresetDeclaration(
                "x", Map.of(), Optional.of(1), Optional.of(Duration.ofSeconds(1)), null, List.of());
        Declaration bad = new Declaration(
                good.backend(), good.files(), good.tags(), good.startTimeout(), good.parameters(), List.of(tooShort));
        long rows = rowsInAll();

        assertThatThrownBy(() -> applied(application(bad, true, Optional.empty())))
                .hasMessageContaining("ttl_seconds");

        assertThat(rowsInAll()).isEqualTo(rows);
    }

    @Test
    void invalidation_of_a_preset_stamps_and_marks_it_alone() {
        Applied.Done done = apply(declaring(3));
        clearMarks();

        assertThat(controls.invalidatePreset(ADMIN, small(done), true).await().indefinitely())
                .isTrue();

        assertThat(preset(small(done)).invalidated().lastInvalidatedAt()).isEqualTo(NOON);
        assertThat(preset(done.presets().getLast().identity().id())
                        .invalidated()
                        .lastInvalidatedAt())
                .isNull();
        assertThat(marked()).containsExactly(small(done));
    }

    @Test
    void deprecation_is_taken_back_and_marks_both_times() {
        Applied.Done done = apply(declaring(3));
        clearMarks();

        assertThat(controls.deprecate(DB, "old").await().indefinitely()).isTrue();
        assertThat(preset(small(done)).active()).isFalse();
        assertThat(controls.undeprecate(DB).await().indefinitely()).isTrue();

        assertThat(preset(small(done)).active()).isTrue();
        assertThat(marked()).containsExactly(small(done), small(done));
        assertThat(audited()).containsExactlyInAnyOrder("template.apply", "template.deprecate", "template.undeprecate");
    }

    @Test
    void pauses_stand_at_each_level_with_their_end_until_they_are_lifted() {
        Applied.Done done = apply(declaring(3));
        Instant until = NOON.plus(Duration.ofHours(1));
        PauseView pause = new PauseView("create", until);
        clearMarks();

        assertThat(controls.pause(DB, pause).await().indefinitely()).isTrue();
        assertThat(controls.pausePreset(ADMIN, small(done), new PauseView("all", null))
                        .await()
                        .indefinitely())
                .isTrue();
        assertThat(pauses.pauseOrganization(ADMIN, "acme", pause).await().indefinitely())
                .isTrue();
        pauses.pauseDeployment(OWNER, pause).await().indefinitely();

        assertThat(template().pause()).isEqualTo(pause);
        assertThat(preset(small(done)).pause()).isEqualTo(new PauseView("all", null));
        assertThat(count("organizations WHERE pause_scope = 'create' AND pause_until = '2026-11-20T13:00:00Z'"))
                .isEqualTo(1);
        assertThat(pauses.reconciliation().await().indefinitely().pause()).contains(pause);
        assertThat(marked()).hasSize(4).containsOnly(small(done));

        assertThat(controls.pause(DB, null).await().indefinitely()).isTrue();
        assertThat(controls.pausePreset(ADMIN, small(done), null).await().indefinitely())
                .isTrue();
        assertThat(pauses.pauseOrganization(ADMIN, "acme", null).await().indefinitely())
                .isTrue();
        pauses.pauseDeployment(OWNER, null).await().indefinitely();

        assertThat(template().pause()).isNull();
        assertThat(preset(small(done)).pause()).isNull();
        assertThat(count("organizations WHERE pause_scope IS NOT NULL")).isZero();
        assertThat(pauses.reconciliation().await().indefinitely().pause()).isEmpty();
        assertThat(marked()).hasSize(8);
    }

    @Test
    void a_pause_follows_the_presets_name_to_the_next_version_and_so_does_its_end() {
        Applied.Done first = apply(declaring(3));
        assertThat(controls.pausePreset(ADMIN, small(first), new PauseView("create", null))
                        .await()
                        .indefinitely())
                .isTrue();

        Applied.Done second = apply(declaring(4));
        assertThat(second.presets().getFirst().pause()).isEqualTo(new PauseView("create", null));
        assertThat(second.presets().getLast().pause()).isNull();
        assertThat(controls.pausePreset(ADMIN, small(second), null).await().indefinitely())
                .isTrue();
        assertThat(store.promote(DB, 1).await().indefinitely()).isInstanceOf(Promoted.Done.class);

        assertThat(preset(small(first)).pause()).isNull();
    }

    @Test
    void a_reset_lifts_the_hard_limit_and_forgets_failures_until_now() {
        Applied.Done done = apply(declaring(3));
        run(
                "UPDATE presets SET status = 'hard_limited', status_reason = 'three in a row' WHERE id = $1",
                Tuple.of(small(done)));
        clearMarks();

        assertThat(controls.resetPreset(ADMIN, small(done)).await().indefinitely())
                .isTrue();

        assertThat(preset(small(done)).status()).isEqualTo("healthy");
        assertThat(count("presets WHERE failures_from = '2026-11-20T12:00:00Z' AND status_reason IS NULL"))
                .isEqualTo(1);
        assertThat(marked()).containsExactly(small(done));
    }

    @Test
    void nothing_of_an_organization_is_found_by_a_stranger() {
        Applied.Done done = apply(declaring(3));
        TemplateName theirs = new TemplateName(STRANGER, "acme", "db");
        long rows = rowsInAll();

        assertThat(applied(
                        new Application(STRANGER, "acme", "db", declaring(4), new byte[] {4}, true, Optional.empty())))
                .isEqualTo(new Applied.NoOrganization());
        assertThat(reads.template(theirs).await().indefinitely()).isEmpty();
        assertThat(reads.organization(STRANGER, "acme").await().indefinitely()).isEmpty();
        assertThat(reads.version(theirs, 1).await().indefinitely()).isEmpty();
        assertThat(reads.versions(theirs, Optional.empty(), 10).await().indefinitely())
                .isEmpty();
        assertThat(reads.preset(STRANGER, small(done)).await().indefinitely()).isEmpty();
        assertThat(store.promote(theirs, 1).await().indefinitely()).isEqualTo(new Promoted.NoTemplate());
        assertThat(controls.deprecate(theirs, "x").await().indefinitely()).isFalse();
        assertThat(controls.invalidate(theirs, true).await().indefinitely()).isFalse();
        assertThat(controls.pause(theirs, null).await().indefinitely()).isFalse();
        assertThat(controls.delete(theirs).await().indefinitely()).isFalse();
        assertThat(controls.pausePreset(STRANGER, small(done), null).await().indefinitely())
                .isFalse();
        assertThat(pauses.pauseOrganization(STRANGER, "acme", null).await().indefinitely())
                .isFalse();
        assertThat(rowsInAll()).isEqualTo(rows);
    }

    @Test
    void templates_are_listed_page_by_page_the_newest_first() {
        for (String name : List.of("one", "two", "three")) {
            now = now.plusMillis(1);
            assertThat(applied(
                            new Application(ADMIN, "acme", name, declaring(1), new byte[] {1}, true, Optional.empty())))
                    .isInstanceOf(Applied.Done.class);
        }

        List<TemplateView> first = page(Optional.empty());
        List<TemplateView> second = page(Optional.of(first.getLast().id()));

        assertThat(first).extracting(TemplateView::name).containsExactly("three", "two");
        assertThat(second).extracting(TemplateView::name).containsExactly("one");
    }

    private List<TemplateView> page(Optional<UUID> after) {
        return reads.templates(CatalogReads.templatesOf(ACME, Optional.empty(), Optional.empty()), after, 2)
                .await()
                .indefinitely()
                .rows();
    }

    /** Presets {@code small}, with prebuilds, and {@code bare}, without. */
    private static Declaration declaring(int instances) {
        return new Declaration(
                "exec",
                Map.of("start.sh", "true\n"),
                Map.of("zone", "a"),
                Duration.ofSeconds(90),
                List.of(
                        new Parameter("region", "string", false, false, false, "us"),
                        new Parameter("password", "string", true, true, true, null),
                        new Parameter("key", "string", false, false, true, SECRET + " default")),
                List.of(
                        new PresetDeclaration(
                                "small",
                                Map.of("region", "eu", "password", SECRET),
                                Optional.of(instances),
                                Optional.of(Duration.ofHours(1)),
                                "Europe/Zurich",
                                List.of(new Schedule("* 9-17 * * *", 5))),
                        new PresetDeclaration(
                                "bare",
                                Map.of("password", SECRET),
                                Optional.empty(),
                                Optional.empty(),
                                null,
                                List.of())));
    }

    private static Application application(Declaration declaration, boolean promote, Optional<String> ifMatch) {
        byte[] canonical = declaration.toString().getBytes(StandardCharsets.UTF_8);
        return new Application(ADMIN, "acme", "db", declaration, canonical, promote, ifMatch);
    }

    private Applied.Done apply(Declaration declaration) {
        return done(application(declaration, true, Optional.empty()));
    }

    private Applied.Done done(Application application) {
        Applied applied = applied(application);
        assertThat(applied).isInstanceOf(Applied.Done.class);
        return (Applied.Done) applied;
    }

    private Applied applied(Application application) {
        return store.apply(application).await().indefinitely();
    }

    private List<Applied> together(List<Application> applications) {
        return Uni.join()
                .all(applications.stream().map(store::apply).toList())
                .andCollectFailures()
                .await()
                .indefinitely();
    }

    private static int version(Applied applied) {
        return ((Applied.Done) applied).version();
    }

    private static UUID small(Applied.Done done) {
        return done.presets().getFirst().identity().id();
    }

    private TemplateView template() {
        return reads.template(DB).await().indefinitely().orElseThrow();
    }

    private PresetView preset(UUID id) {
        return reads.preset(OWNER, id).await().indefinitely().orElseThrow();
    }

    private List<UUID> marked() {
        return Rows.list(
                database.pool()
                        .query("SELECT preset_id FROM dirty_presets ORDER BY seq")
                        .executeAndAwait(),
                row -> row.getUUID("preset_id"));
    }

    private List<String> audited() {
        return Rows.list(
                database.pool().query("SELECT action FROM audit").executeAndAwait(), row -> row.getString("action"));
    }

    private void clearMarks() {
        run("DELETE FROM dirty_presets", Tuple.tuple());
    }

    private void run(String statement, Tuple values) {
        assertThat(database.pool().preparedQuery(statement).executeAndAwait(values))
                .isNotNull();
    }

    private List<String> tables() {
        return Rows.list(
                database.pool()
                        .query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
                        .executeAndAwait(),
                row -> row.getString("tablename"));
    }

    private long rowsInAll() {
        return tables().stream().mapToLong(this::count).sum();
    }

    private long count(String from) {
        return one("SELECT count(*) AS count FROM " + from).getLong("count");
    }

    private byte[] bytes(String statement) {
        return one(statement).getBuffer(0).getBytes();
    }

    private Row one(String statement) {
        return database.pool().query(statement).executeAndAwait().iterator().next();
    }
}
