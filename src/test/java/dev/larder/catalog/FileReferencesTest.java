package dev.larder.catalog;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.Rows;
import dev.larder.model.Declaration;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Refusal;
import dev.larder.model.UploadedFile;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.CleanupTypes;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.vertx.core.buffer.Buffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Versions that refer to uploaded files. */
class FileReferencesTest {

    private static final String TEXT = "SELECT 1";
    private static final String DIGEST = FileDigest.of(TEXT);
    private static final String OTHER = FileDigest.of("SELECT 2");

    private final Stock stock = new Stock();

    @AfterEach
    void close() {
        stock.close();
    }

    private void uploaded(String digest) {
        stock.sql(
                "INSERT INTO files (id, organization_id, digest, bytes, received, stored_at, created_by, created_at, touched_at)"
                        + " VALUES ($1, $2, $3, 8, 8, $5, $4, $5, $5)",
                stock.ids.next(),
                stock.organization,
                digest,
                stock.owner.userId(),
                Rows.utc(stock.clock.instant()));
    }

    private Applied apply(String template, Map<String, String> texts, Map<String, String> uploads) {
        return apply("exec", template, texts, uploads);
    }

    private Applied apply(String backend, String template, Map<String, String> texts, Map<String, String> uploads) {
        PresetDeclaration preset =
                new PresetDeclaration("small", Map.of(), Optional.of(1), Optional.empty(), null, List.of());
        Declaration declaration =
                new Declaration(backend, texts, uploads, Map.of(), Duration.ofMinutes(10), List.of(), List.of(preset));
        Canonical.Forms forms = Canonical.of(declaration);
        return await(stock.catalog.apply(new CatalogStore.Application(
                stock.owner,
                Stock.ORGANIZATION,
                template,
                declaration,
                forms.whole(),
                forms.byDigests(),
                true,
                Optional.empty())));
    }

    private static final Map<String, String> START = Map.of("start.sh", "true");

    @Test
    void every_missing_file_is_named_and_nothing_is_written() {
        uploaded(DIGEST);

        Applied applied = apply("db", START, Map.of("a.sql", DIGEST, "b.sql", OTHER));

        assertThat(applied).isEqualTo(new Applied.FilesMissing(Set.of(OTHER)));
        assertThat(stock.count("templates WHERE name = 'db'")).isZero();
    }

    @Test
    void a_dump_of_a_format_that_is_not_read_is_refused_by_name_and_nothing_is_written() {
        uploaded(DIGEST);
        uploaded(OTHER);
        begins(DIGEST, Buffer.buffer(new byte[] {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0}));
        begins(OTHER, Buffer.buffer("SELECT 2"));

        Applied applied = apply("postgres", "db", Map.of(), Map.of("a.sql", DIGEST, "b.sql", OTHER));

        assertThat(applied)
                .isEqualTo(new Applied.FilesUnreadable(List.of(new Refusal(
                        "unsupported_sql", "files[\"a.sql\"]", "compressed by zstd: use gzip, or no compression."))));
        assertThat(stock.count("version_files")).isZero();
        assertThat(apply("db", START, Map.of("a.sql", DIGEST)))
                .as("another backend may use it")
                .isInstanceOf(Applied.Done.class);
    }

    private void begins(String digest, Buffer body) {
        stock.sql(
                "INSERT INTO file_chunks (file_id, start, bytes, body) SELECT id, 0, 8, $2 FROM files WHERE digest = $1",
                digest,
                body);
    }

    @Test
    void a_part_of_a_file_is_missing() {
        uploaded(DIGEST);
        stock.sql("UPDATE files SET stored_at = NULL, received = 3");

        assertThat(apply("db", START, Map.of("a.sql", DIGEST))).isInstanceOf(Applied.FilesMissing.class);
    }

    @Test
    void the_same_content_as_text_and_by_reference_is_one_version() {
        uploaded(DIGEST);
        Map<String, String> texts = Map.of("start.sh", "true", "a.sql", TEXT);

        Applied referred = apply("one", START, Map.of("a.sql", DIGEST));
        Applied asText = apply("one", texts, Map.of());
        Applied textFirst = apply("two", texts, Map.of());
        Applied referredLater = apply("two", START, Map.of("a.sql", DIGEST));
        Applied other = apply("two", Map.of("start.sh", "true", "a.sql", "SELECT 3"), Map.of());

        assertThat(List.of(referred, textFirst, other))
                .allSatisfy(applied ->
                        assertThat(((Applied.Done) applied).versionCreated()).isTrue());
        assertThat(List.of(asText, referredLater))
                .allSatisfy(applied ->
                        assertThat(((Applied.Done) applied).versionCreated()).isFalse());
    }

    @Test
    void the_files_of_a_version_are_told_by_digest_and_read_back() {
        uploaded(DIGEST);
        Applied applied = apply("db", START, Map.of("a.sql", DIGEST));
        assertThat(applied).isInstanceOf(Applied.Done.class);
        VersionFileReads reads = new VersionFileReads(stock.pool);
        TemplateName name = new TemplateName(stock.owner, Stock.ORGANIZATION, "db");

        assertThat(await(reads.list(name, 1)))
                .containsExactly(
                        new VersionFileReads.VersionFile("a.sql", DIGEST, 8, true),
                        new VersionFileReads.VersionFile("start.sh", FileDigest.of("true"), 4, false));
        assertThat(await(reads.find(name, 1, FileDigest.of("true")))
                        .orElseThrow()
                        .text())
                .isEqualTo("true");
        assertThat(await(reads.find(name, 1, DIGEST)).orElseThrow().text()).isNull();
        assertThat(await(new CatalogReads(stock.pool).version(name, 1))
                        .orElseThrow()
                        .construction())
                .satisfies(shown -> assertThat(shown.files()).containsEntry("a.sql", 8L))
                .satisfies(shown -> assertThat(shown.tags()).isEmpty());
    }

    @Test
    void only_a_worker_that_fetches_files_leases_a_job_of_such_a_version() {
        uploaded(DIGEST);
        Applied.Done applied = (Applied.Done) apply("db", START, Map.of("a.sql", DIGEST));
        int created = stock.create(applied.presets().getFirst().identity().id(), 1);
        assertThat(created).isEqualTo(1);
        UUID before = worker(List.of("exec"), Map.of());
        UUID tagged = worker(List.of("exec", WorkerEntry.FETCHES_FILES), Map.of("site", "here"));
        UUID able = worker(List.of("exec", WorkerEntry.FETCHES_FILES), Map.of());

        assertThat(await(stock.jobs.take(before, 1, stock.clock.instant())).jobs())
                .isEmpty();
        assertThat(await(stock.jobs.take(tagged, 1, stock.clock.instant())).jobs())
                .isEmpty();
        assertThat(await(stock.jobs.take(able, 1, stock.clock.instant())).jobs())
                .singleElement()
                .satisfies(taken -> assertThat(taken.assignment().version().uploads())
                        .isEqualTo(Map.of("a.sql", new UploadedFile(DIGEST, 8))))
                .satisfies(taken ->
                        assertThat(taken.assignment().version().files()).isEqualTo(START));
    }

    private UUID worker(List<String> backends, Map<String, String> tags) {
        return await(stock.workers.register(new WorkerEntry("w", tags, backends, 2), stock.clock.instant()));
    }

    @Test
    void a_file_that_a_version_refers_to_stays_and_the_clean_up_waits_for_no_declaration() {
        uploaded(DIGEST);
        uploaded(OTHER);
        assertThat(apply("db", START, Map.of("a.sql", DIGEST))).isInstanceOf(Applied.Done.class);
        stock.clock.forward(Duration.ofDays(2));

        assertThat(CleanupTypes.run(stock, "files", 100).deleted()).isEqualTo(1);
        assertThat(apply("two", START, Map.of("a.sql", DIGEST))).isInstanceOf(Applied.Done.class);
        assertThat(apply("two", START, Map.of("a.sql", OTHER))).isInstanceOf(Applied.FilesMissing.class);
    }

    @Test
    void the_file_of_a_deleted_template_goes_once_its_workspaces_are_deleted() {
        uploaded(DIGEST);
        Applied.Done applied = (Applied.Done) apply("db", START, Map.of("a.sql", DIGEST));
        assertThat(stock.create(applied.presets().getFirst().identity().id(), 1))
                .isEqualTo(1);
        TemplateName name = new TemplateName(stock.owner, Stock.ORGANIZATION, "db");
        assertThat(await(stock.controls.delete(name))).isTrue();
        stock.clock.forward(Duration.ofDays(2));

        assertThat(CleanupTypes.run(stock, "files", 100).deleted())
                .as("a workspace is there")
                .isZero();
        stock.sql("UPDATE workspaces SET deleted_at = now(), transition = 'delete', build_status = 'succeeded',"
                + " build_finished_at = now()");

        assertThat(CleanupTypes.run(stock, "files", 100).deleted()).isEqualTo(1);
        assertThat(stock.count("version_files")).isZero();
    }

    @Test
    void a_declaration_under_way_keeps_its_file_from_the_clean_up() {
        uploaded(DIGEST);
        stock.clock.forward(Duration.ofDays(2));
        try (OpenTransaction declaring = new OpenTransaction(stock)) {
            var found = await(FileReferenceStore.lock(
                    declaring.pool(), stock.organization, Map.of("a.sql", DIGEST), stock.clock.instant()));
            assertThat(found).isInstanceOf(FileReferenceStore.Found.All.class);

            assertThat(CleanupTypes.run(stock, "files", 100).deleted()).isZero();
            declaring.commits();
        }
        assertThat(CleanupTypes.run(stock, "files", 100).deleted())
                .as("touched")
                .isZero();
    }
}
