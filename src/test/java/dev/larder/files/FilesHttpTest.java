package dev.larder.files;

import static dev.larder.files.FileRoom.bytes;
import static dev.larder.files.FileRoom.digest;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.Assignment;
import dev.larder.model.UploadedFile;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.worker.remote.HttpJobSource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.mutiny.core.Vertx;
import jakarta.inject.Inject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Uploaded files as a client meets them: from the upload to the workspace that is built with them. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class FilesHttpTest {

    private static final int MEGABYTE = 1024 * 1024;

    @Inject
    Vertx vertx;

    private final Api owner = Api.owner();
    private String organization = "";
    private String files = "";

    @BeforeEach
    void make_an_organization() {
        organization = "files-" + UUID.randomUUID().toString().substring(0, 8);
        files = "/api/v1/organizations/" + organization + "/files/";
        assertThat(owner.post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}")
                        .status())
                .isEqualTo(201);
    }

    private Answer put(byte[] bytes) {
        return owner.send("PUT", files + digest(bytes), BodyPublishers.ofByteArray(bytes));
    }

    private Answer put(byte[] bytes, int start, int end) {
        return owner.with("Content-Range", "bytes " + start + "-" + (end - 1) + "/" + bytes.length)
                .send("PUT", files + digest(bytes), BodyPublishers.ofByteArray(Arrays.copyOfRange(bytes, start, end)));
    }

    private static URI base() {
        return URI.create(ConfigProvider.getConfig().getValue("test.url", String.class));
    }

    private static byte[] download(String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(base().resolve(path))
                .header("Authorization", "Bearer " + LarderTestResource.OWNER_TOKEN)
                .build();
        HttpResponse<byte[]> response = HttpClient.newHttpClient().send(request, BodyHandlers.ofByteArray());
        assertThat(response.statusCode()).isEqualTo(200);
        return response.body();
    }

    @Test
    void a_workspace_is_built_with_an_uploaded_file_that_is_larger_than_any_other_body()
            throws IOException, InterruptedException {
        byte[] data = bytes(12 * MEGABYTE, 21);
        String declaration = """
                {"backend": "exec",
                 "files": {"start.sh": "printf '{\\"is\\":\\"%%s\\"}' $(sha256sum < data.bin | cut -c1-64) > $LARDER_OUTPUTS",
                           "data.bin": {"digest": "%s"}},
                 "presets": [{"name": "small"}]}""".formatted(digest(data));
        String template = "/api/v1/organizations/" + organization + "/templates/db";

        assertThat(owner.put(template, declaration).code()).isEqualTo("file_not_uploaded");
        assertThat(put(data).status()).isEqualTo(201);
        assertThat(put(data).status()).isEqualTo(200);
        assertThat(download(files + digest(data))).isEqualTo(data);
        Answer applied = owner.put(template, declaration);
        assertThat(applied.status()).as(applied.toString()).isEqualTo(201);

        Answer listed = owner.get(template + "/versions/1/files");
        assertThat(listed.body().at("/items/0/digest").asText()).isEqualTo(digest(data));
        assertThat(listed.body().at("/items/0/bytes").asInt()).isEqualTo(data.length);
        assertThat(download(template + "/versions/1/files/" + digest(data))).isEqualTo(data);
        String start = listed.body().at("/items/1/digest").asText();
        assertThat(new String(download(template + "/versions/1/files/" + start), StandardCharsets.UTF_8))
                .contains("sha256sum");

        Answer claim = owner.post(
                "/api/v1/claims",
                "{\"organization\":\"%s\",\"template\":\"db\",\"preset\":\"small\",\"policy\":\"cold\"}"
                        .formatted(organization));
        assertThat(claim.status()).as(claim.toString()).isEqualTo(201);
        String id = claim.body().path("id").asText();
        Answer ready = Eventually.see(
                () -> owner.get("/api/v1/claims/" + id),
                answer -> List.of("ready", "failed")
                        .contains(answer.body().at("/workspace/status").asText()));
        assertThat(ready.body().at("/workspace/outputs/is").asText())
                .as(ready.toString())
                .isEqualTo(digest(data).substring("sha256:".length()));
        assertThat(owner.get(files.substring(0, files.length() - 1) + "?used=true")
                        .body()
                        .at("/items/0/versions")
                        .asInt())
                .isEqualTo(1);
    }

    @Test
    void a_remote_worker_fetches_the_files_of_a_job_that_it_leases_and_no_others() throws IOException {
        byte[] data = bytes(3 * MEGABYTE + 7, 25);
        byte[] other = bytes(10, 26);
        assertThat(put(data).status()).isEqualTo(201);
        assertThat(put(other).status()).isEqualTo(201);
        HttpJobSource source = remoteWorker();
        UUID worker = await(source.register(new WorkerEntry(
                        "far", Map.of("site", organization), List.of("exec", WorkerEntry.FETCHES_FILES), 1)))
                .worker();
        Answer applied = owner.put(
                "/api/v1/organizations/" + organization + "/templates/db", """
                {"backend": "exec", "tags": {"site": "%s"},
                 "files": {"start.sh": "true", "a": {"digest": "%2$s"}, "b": {"digest": "%2$s"}},
                 "presets": [{"name": "one", "prebuilds": {"instances": 1}}]}""".formatted(organization, digest(data)));
        assertThat(applied.status()).as(applied.toString()).isEqualTo(201);
        Assignment job = Eventually.see(
                        () -> await(source.lease(worker, 1, Set.of())).jobs(), jobs -> !jobs.isEmpty())
                .getFirst();
        UploadedFile file = new UploadedFile(digest(data), data.length);

        assertThat(job.version().uploads()).isEqualTo(Map.of("a", file, "b", file));
        ByteArrayOutputStream fetched = new ByteArrayOutputStream();
        await(source.file(job.lease(), digest(data)).collect().asList()).forEach(fetched::writeBytes);
        assertThat(fetched.toByteArray()).isEqualTo(data);
        assertThatThrownBy(() ->
                        await(source.file(job.lease(), digest(other)).collect().asList()))
                .hasMessageContaining("file_not_found");
        assertThat(await(source.requeue(job.lease()))).isTrue();
        assertThatThrownBy(() ->
                        await(source.file(job.lease(), digest(data)).collect().asList()))
                .hasMessageContaining("lease_lost");
        await(source.stop(worker));
    }

    private HttpJobSource remoteWorker() {
        Answer user = owner.post(
                "/api/v1/organizations/" + organization + "/users", "{\"name\":\"far\",\"role\":\"worker\"}");
        String token = owner.post(
                        "/api/v1/tokens",
                        "{\"name\":\"far\",\"user\":\"%s\"}"
                                .formatted(user.body().path("id").asText()))
                .body()
                .path("token")
                .asText();
        return new HttpJobSource(new dev.larder.worker.remote.Api(vertx, base(), token), InstantSource.system());
    }

    @Test
    void an_upload_that_was_cut_goes_on_from_its_offset() throws IOException {
        byte[] data = bytes(4 * MEGABYTE, 22);
        try (Socket socket = new Socket(base().getHost(), base().getPort())) {
            OutputStream out = socket.getOutputStream();
            out.write(head(digest(data), "Content-Length: " + data.length));
            out.write(data, 0, MEGABYTE / 2 * 3);
            out.flush();
            assertThat(Eventually.see(() -> offset(data), offset -> offset > 0)).isPositive();
        }

        long offset = offset(data);
        assertThat(offset).isBetween((long) MEGABYTE, MEGABYTE / 2 * 3L);
        Answer wrong = put(data, 2 * MEGABYTE, data.length);
        assertThat(wrong.status()).as(wrong.toString()).isEqualTo(409);
        Answer rest =
                Eventually.see(() -> put(data, (int) offset(data), data.length), answer -> answer.status() != 409);
        assertThat(rest.status()).as(rest + " from " + offset).isEqualTo(201);
        Answer there = owner.send("HEAD", files + digest(data), BodyPublishers.noBody());
        assertThat(there.status()).isEqualTo(200);
        assertThat(there.header("Upload-Offset")).isEqualTo("" + data.length);
    }

    private long offset(byte[] data) {
        Answer there = owner.send("HEAD", files + digest(data), BodyPublishers.noBody());
        assertThat(there.status()).isEqualTo(404);
        return Long.parseLong(there.header("Upload-Offset"));
    }

    private byte[] head(String digest, String length) {
        return ("PUT " + files + digest + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                        + LarderTestResource.OWNER_TOKEN + "\r\n" + length + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII);
    }

    private String raw(byte[] request) throws IOException {
        try (Socket socket = new Socket(base().getHost(), base().getPort())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write(request);
            socket.getOutputStream().flush();
            InputStream in = socket.getInputStream();
            byte[] answer = new byte[4_096];
            int read = in.read(answer);
            return new String(answer, 0, Math.max(0, read), StandardCharsets.UTF_8);
        }
    }

    @Test
    void what_cannot_be_taken_is_refused_by_its_code() throws IOException {
        byte[] data = bytes(MEGABYTE, 23);
        byte[] other = bytes(MEGABYTE, 24);

        assertThat(raw(head(digest(data), "Content-Length: 1000")))
                .startsWith("HTTP/1.1 408")
                .contains("body_too_slow");
        assertThat(raw(head(digest(data), "Content-Length: 17000000")))
                .startsWith("HTTP/1.1 413")
                .contains("file_too_large");
        assertThat(raw(head(digest(data), "Transfer-Encoding: chunked")))
                .startsWith("HTTP/1.1 411")
                .contains("length_required");
        assertThat(owner.send("PUT", files + digest(data), BodyPublishers.ofByteArray(other))
                        .code())
                .isEqualTo("digest_mismatch");
        assertThat(owner.send("PUT", files + "sha256:abc", BodyPublishers.ofByteArray(other))
                        .code())
                .isEqualTo("invalid_digest");
        assertThat(owner.with("Content-Range", "bytes 0-1/x")
                        .send("PUT", files + digest(data), BodyPublishers.ofByteArray(other))
                        .code())
                .isEqualTo("invalid_content_range");
        assertThat(owner.get(files + digest(data)).code()).isEqualTo("file_not_found");
        assertThat(owner.send(
                                "PUT",
                                "/api/v1/organizations/none/files/" + digest(data),
                                BodyPublishers.ofByteArray(data))
                        .code())
                .isEqualTo("organization_not_found");
    }

    @Test
    void every_missing_file_of_a_declaration_is_named() {
        String declaration = """
                {"backend": "exec", "files": {"start.sh": "true", "a": {"digest": "%s"}, "b": {"digest": "%s"}, "c": {"digest": "x"}}}""";

        Answer invalid = owner.put(
                "/api/v1/organizations/" + organization + "/templates/db",
                declaration.formatted(digest(bytes(1, 1)), digest(bytes(2, 2))));
        Answer missing = owner.put(
                "/api/v1/organizations/" + organization + "/templates/db",
                declaration
                        .replace(", \"c\": {\"digest\": \"x\"}", "")
                        .formatted(digest(bytes(1, 1)), digest(bytes(2, 2))));

        assertThat(invalid.code()).as(invalid.toString()).isEqualTo("invalid_digest");
        assertThat(missing.status()).as(missing.toString()).isEqualTo(422);
        assertThat(missing.body().path("errors").findValuesAsText("field"))
                .containsExactly("files.a.digest", "files.b.digest");
    }

    @Test
    void a_check_of_a_declaration_names_every_missing_file_as_an_import_does() {
        String declaration = """
                {"backend": "exec", "files": {"start.sh": "true", "a": {"digest": "%s"}, "b": {"digest": "%s"}}}""".formatted(digest(bytes(1, 1)), digest(bytes(2, 2)));
        String validations = "/api/v1/validations";
        String here = validations + "?organization=" + organization;
        Api admin = owner.newUser(organization, "admin-" + UUID.randomUUID(), "template_admin");
        assertThat(put(bytes(1, 1)).status()).isEqualTo(201);

        Answer missing = owner.post(here, declaration);

        assertThat(missing.status()).as(missing.toString()).isEqualTo(201);
        assertThat(missing.body().path("status").asText()).isEqualTo("failed");
        assertThat(missing.body().path("backend").isNull()).isTrue();
        assertThat(missing.body().at("/findings/0/field").asText()).isEqualTo("files.b.digest");
        assertThat(missing.body().at("/findings/0/code").asText()).isEqualTo("file_not_uploaded");
        assertThat(missing.body().at("/findings/0/message").asText()).contains(digest(bytes(2, 2)));
        assertThat(missing.body().path("findings")).hasSize(1);
        assertThat(admin.post(validations, declaration).body().path("findings")).hasSize(1);

        assertThat(put(bytes(2, 2)).status()).isEqualTo(201);
        assertThat(admin.post(validations, declaration).body().path("status").asText())
                .isEqualTo("succeeded");

        Answer whose = owner.post(validations, declaration);
        assertThat(whose.code()).as(whose.toString()).isEqualTo("missing_field");
        assertThat(whose.body().at("/errors/0/field").asText()).isEqualTo("organization");
        assertThat(admin.post(validations + "?organization=another", declaration)
                        .code())
                .isEqualTo("organization_not_found");
    }
}
