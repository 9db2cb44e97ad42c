package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Logged;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong with a request as such is answered with a problem, whatever operation it calls. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class EdgeHttpTest {

    private static final List<String> METHODS = List.of("get", "put", "post", "delete", "patch");

    private record Call(String method, String path) {}

    private final Api worker = Api.owner().newUser(null, "worker-" + UUID.randomUUID(), "worker");

    /** Every operation of the API, with ids that name nothing. */
    private static List<Call> operations() {
        JsonNode paths = Api.anonymous().get("/q/openapi?format=json").body().path("paths");
        List<Call> calls = new ArrayList<>();
        paths.properties()
                .forEach(path -> path.getValue().fieldNames().forEachRemaining(method -> {
                    if (path.getKey().startsWith("/api/") && METHODS.contains(method)) {
                        calls.add(new Call(
                                method.toUpperCase(Locale.ROOT),
                                path.getKey()
                                        .replaceAll(
                                                "\\{[^}]*}", UUID.randomUUID().toString())));
                    }
                }));
        assertThat(calls).hasSizeGreaterThan(60);
        return calls;
    }

    /** A caller whose role the operation lets in: some are for workers only. */
    private Api admitted(Call call) {
        return send(Api.owner(), call, "").status() == 403 ? worker : Api.owner();
    }

    private static Answer send(Api api, Call call, String query) {
        boolean body = call.method().equals("PUT") || call.method().equals("POST");
        return api.send(
                call.method(), call.path() + query, body ? BodyPublishers.ofString("{}") : BodyPublishers.noBody());
    }

    @Test
    void every_operation_refuses_a_query_parameter_that_it_does_not_know_by_its_name() {
        for (Call call : operations()) {
            assertField(send(admitted(call), call, "?nonsense=1"), "unknown_parameter", "nonsense");
        }
    }

    @Test
    void a_filter_that_a_list_does_not_have_is_refused_instead_of_listing_everything() {
        assertField(Api.owner().get("/api/v1/workspaces?flavour=x"), "unknown_parameter", "flavour");
        assertField(Api.owner().get("/api/v1/jobs?Status=failed"), "unknown_parameter", "Status");
        assertField(Api.owner().get("/api/v1/jobs/?Status=failed"), "unknown_parameter", "Status");
        assertField(Api.owner().get("/api/v1/jobs?status=failed&status=pending"), "repeated_parameter", "status");
        assertField(
                Api.owner().get("/api/v1/jobs?" + "x".repeat(200) + "=1"), "unknown_parameter", "x".repeat(64) + "…");
    }

    @Test
    void every_operation_refuses_a_precondition_or_a_key_that_it_would_not_honour() {
        for (Call call : operations()) {
            Answer answer = send(admitted(call).with("If-Unmodified-Since", "x"), call, "");
            assertField(answer, "unsupported_header", "If-Unmodified-Since");
        }
        assertField(
                Api.owner().with("Idempotency-Key", "k").post("/api/v1/tokens", "{}"),
                "unsupported_header",
                "Idempotency-Key");
    }

    @Test
    void a_body_that_would_have_no_effect_is_refused() {
        String preset = "/api/v1/presets/" + UUID.randomUUID();

        assertField(Api.owner().post(preset + "/reset", "{\"reason\":\"x\"}"), "unexpected_body", "body");
        assertThat(Api.owner().post(preset + "/reset", "{}").status()).isEqualTo(404);
    }

    @Test
    void no_operation_answers_in_a_form_that_it_does_not_offer() {
        for (String accepted : List.of("text/html", "application/xml", "image/png")) {
            for (Call call : operations()) {
                Answer answer = send(Api.owner().with("Accept", accepted), call, "");
                assertThat(answer.status())
                        .as(call + " " + accepted + " " + answer)
                        .isBetween(400, 499);
                assertThat(answer.header("Content-Type")).as(call.toString()).isEqualTo("application/problem+json");
            }
        }
    }

    @Test
    void a_refused_media_type_names_those_that_are_taken() {
        Answer claim = Api.owner().with("Content-Type", "text/plain").post("/api/v1/claims", "x");
        Answer template =
                Api.owner().with("Content-Type", "text/plain").put("/api/v1/organizations/a/templates/b", "x");
        Answer shown = Api.owner().with("Accept", "text/html").get("/api/v1/claims");

        assertThat(claim.header("Accept")).isEqualTo("application/json");
        assertThat(claim.body().path("detail").asText()).contains("application/json");
        assertThat(template.header("Accept")).contains("application/json").contains("application/yaml");
        assertThat(shown.body().path("detail").asText()).contains("application/json");
    }

    @Test
    void a_method_that_is_not_taken_names_those_that_are() {
        Answer answer = Api.owner().delete("/api/v1/organizations");
        Answer invented = Api.anonymous().send("FOOBAR", "/api/v1/claims/x", BodyPublishers.noBody());
        Answer options = Api.anonymous().send("OPTIONS", "/api/v1/claims", BodyPublishers.noBody());

        assertProblem(answer, 405, "method_not_allowed");
        assertThat(answer.header("Allow")).isEqualTo("GET, HEAD, OPTIONS, POST");
        assertThat(invented.header("Allow")).isEqualTo("DELETE, GET, HEAD, OPTIONS");
        assertThat(options.status()).isEqualTo(204);
        assertThat(options.header("Allow")).isEqualTo("GET, HEAD, OPTIONS, POST");
    }

    /** Headers that say nothing sensible; none of them may make a 500. */
    static Stream<List<String>> strangeHeaders() {
        List<String> names = List.of(
                "Accept",
                "Accept-Charset",
                "Accept-Encoding",
                "Accept-Language",
                "Authorization",
                "Content-Type",
                "Cookie",
                "Forwarded",
                "If-Match",
                "If-None-Match",
                "If-Modified-Since",
                "Idempotency-Key",
                "Last-Event-ID",
                "Origin",
                "Prefer",
                "Range",
                "TE",
                "Upgrade-Insecure-Requests",
                "X-Forwarded-For",
                "X-Forwarded-Host",
                "X-Forwarded-Port",
                "X-Forwarded-Proto",
                "X-HTTP-Method-Override",
                "X-Request-Id",
                "traceparent");
        List<String> values = List.of(
                "",
                ",",
                ";",
                "=",
                "\"",
                ";q=",
                "a/b;q=x",
                "*/*;q=9",
                "a;a;a;a",
                "\u00ff",
                "%00",
                "-1",
                "99999999999999999999",
                "application/json;charset=bogus",
                "text/*;x=\"",
                "bytes=-");
        return names.stream().flatMap(name -> values.stream().map(value -> List.of(name, value)));
    }

    @Test
    void no_header_makes_a_fault() throws Exception {
        List<String> calls = List.of("GET /api/v1/claims", "POST /api/v1/claims", "GET /q/health/live");
        try (Logged errors = Logged.errors();
                ExecutorService eightAtOnce = Executors.newFixedThreadPool(8)) {
            List<Callable<String>> all = strangeHeaders()
                    .flatMap(header -> calls.stream().<Callable<String>>map(call -> () -> withHeader(call, header)))
                    .toList();
            for (Future<String> faults : eightAtOnce.invokeAll(all)) {
                assertThat(faults.get()).isEmpty();
            }
            assertThat(errors.messages()).isEmpty();
        }
    }

    /** Empty where the answer is none of a fault. */
    private String withHeader(String call, List<String> header) throws IOException {
        String answer = raw(call + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + authorized(header)
                + header.get(0) + ": " + header.get(1) + "\r\nContent-Length: 0\r\n\r\n");
        int status = status(answer);
        return status >= 200 && status < 500 ? "" : call + " " + header + " " + answer;
    }

    private static String authorized(List<String> header) {
        return header.get(0).equals("Authorization")
                ? ""
                : "Authorization: Bearer " + LarderTestResource.OWNER_TOKEN + "\r\n";
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET /api/v1/%zz HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /api/v1/claims?limit=%zz HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /api/v1/claims HTTP/1.1\r\nHost: ZAP%n%s\r\n\r\n",
                "GET /api/v1/claims HTTP/1.1\r\nHost:\r\n\r\n",
                "GET /api/v1/claims HTTP/1.1\r\n\r\n",
                "GET /api/v1/claims HTTP/1.1\r\nHost: a:b:c\r\n\r\n",
                "GET /q/health HTTP/1.1\r\nHost: ::\r\n\r\n",
                "GET api/v1/claims HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET http://[/api HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            })
    void a_target_or_a_host_that_cannot_be_read_is_a_problem(String request) throws IOException {
        try (Logged errors = Logged.errors()) {
            String answer = raw(request);

            assertThat(status(answer)).as(answer).isIn(400, 401, 404);
            assertThat(answer).contains("application/problem+json", "\"code\":");
            assertThat(answer).doesNotContain("Stack", "Exception", "500");
            assertThat(errors.messages()).isEmpty();
        }
    }

    @Test
    void an_address_or_headers_that_are_too_long_are_a_problem() throws IOException {
        String target = "/api/v1/claims?after=" + "a".repeat(9_000);
        String longTarget = raw("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
        String longHeaders = raw("GET /api/v1/me HTTP/1.1\r\nHost: a\r\nX-A: " + "a".repeat(40_000) + "\r\n\r\n");

        assertThat(status(longTarget)).isEqualTo(414);
        assertThat(longTarget).contains("uri_too_long");
        assertThat(status(longHeaders)).isEqualTo(431);
        assertThat(longHeaders).contains("headers_too_large");
    }

    @Test
    void a_body_that_does_not_arrive_in_time_is_a_problem_and_the_connection_ends() throws IOException {
        String head = "POST /api/v1/claims HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                + LarderTestResource.OWNER_TOKEN + "\r\nContent-Type: application/json\r\n";

        String announced = raw(head + "Content-Length: 100\r\n\r\n{");
        String chunked = raw(head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n");

        assertThat(announced).startsWith("HTTP/1.1 408").contains("body_too_slow");
        assertThat(chunked).startsWith("HTTP/1.1 408").contains("body_too_slow");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/api/v1/me", "/api/v1/nothing", "/nothing", "/q/health/live", "/q/metrics", "/q/openapi"})
    void every_answer_tells_browsers_not_to_guess_its_type(String path) {
        assertThat(Api.anonymous().get(path).header("X-Content-Type-Options")).isEqualTo("nosniff");
    }

    @Test
    void an_operation_without_a_result_takes_a_client_that_accepts_problems_alone() {
        Api generated = Api.owner().with("Accept", "application/problem+json");

        assertThat(generated.delete("/api/v1/claims/" + UUID.randomUUID()).code())
                .isEqualTo("claim_not_found");
        assertThat(generated.get("/api/v1/claims").code()).isEqualTo("not_acceptable");
    }

    @Test
    void labels_of_metrics_are_never_made_by_clients() {
        for (int i = 0; i < 110; i++) {
            String made = "invented-" + i;
            List<Call> calls = List.of(
                    new Call("PATCH", "/api/v1/claims/" + made),
                    new Call("GET", "/api/v1/" + made),
                    new Call("GET", "/" + made + "?" + made),
                    new Call("GET", "/api/v1/claims/" + made),
                    new Call("GET", "/q/" + made),
                    new Call("INVENTED" + i, "/api/v1/claims"));
            assertThat(calls).allMatch(call -> send(Api.anonymous(), call, "").status() / 100 == 4);
        }
        assertThat(Api.owner().get("/api/v1/workers").status()).isEqualTo(200);

        String metrics = Api.anonymous().get("/q/metrics").text();

        assertThat(metrics.lines().filter(line -> line.toLowerCase(Locale.ROOT).contains("invented")))
                .isEmpty();
        assertThat(metrics).contains("uri=\"/api/v1/workers\"");
    }

    @Test
    void a_stream_that_its_client_cuts_is_no_error() throws Exception {
        String job = aWaitingJob();
        try (Logged errors = Logged.errors()) {
            for (int i = 0; i < 3; i++) {
                try (Socket socket = connect()) {
                    write(
                            socket,
                            "GET /api/v1/jobs/" + job + "/logs/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                                    + LarderTestResource.OWNER_TOKEN + "\r\n\r\n");
                    assertThat(socket.getInputStream().read()).isPositive();
                    // A reset instead of an orderly end.
                    socket.setSoLinger(true, 0);
                }
            }
            assertThat(Api.owner().get("/api/v1/me").status()).isEqualTo(200);
            assertThat(errors.messages()).isEmpty();
        }
    }

    @Test
    void a_stream_begins_at_once_even_where_nothing_is_said_yet() throws Exception {
        String job = aWaitingJob();
        try (Socket socket = connect()) {
            write(
                    socket,
                    "GET /api/v1/jobs/" + job + "/logs/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                            + LarderTestResource.OWNER_TOKEN + "\r\n\r\n");
            assertThat(socket.getInputStream().read()).isPositive();
        }
    }

    @Test
    void a_request_that_its_client_cuts_is_no_error() throws Exception {
        try (Logged errors = Logged.errors()) {
            for (String sent : List.of(
                    "POST /api/v1/claims HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
                    "POST /api/v1/claims HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
                    "POST /api/v1/cl",
                    "GET /api/v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + LarderTestResource.OWNER_TOKEN
                            + "\r\n\r\n")) {
                try (Socket socket = connect()) {
                    write(socket, sent);
                    socket.setSoLinger(true, 0);
                }
            }
            assertThat(Api.owner().get("/api/v1/me").status()).isEqualTo(200);
            assertThat(errors.messages()).isEmpty();
        }
    }

    /** A job that no worker takes: it says nothing and does not end. */
    private static String aWaitingJob() {
        String organization = "edge-" + UUID.randomUUID().toString().substring(0, 8);
        assertThat(Api.owner()
                        .post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}")
                        .status())
                .isEqualTo(201);
        Api admin = Api.owner().newUser(organization, "admin", "template_admin");
        Answer applied = admin.put("/api/v1/organizations/" + organization + "/templates/waits", """
                {"backend": "exec", "files": {"start.sh": "true"}, "tags": {"site": "nowhere"},
                 "presets": [{"name": "one", "prebuilds": {"instances": 1}}]}""");
        assertThat(applied.status()).as(applied.toString()).isBetween(200, 201);
        return Eventually.see(() -> admin.get("/api/v1/jobs").body().path("items"), items -> !items.isEmpty())
                .path(0)
                .path("id")
                .asText();
    }

    private static Socket connect() throws IOException {
        URI base = URI.create(ConfigProvider.getConfig().getValue("test.url", String.class));
        Socket socket = new Socket(base.getHost(), base.getPort());
        socket.setSoTimeout(10_000);
        return socket;
    }

    private static void write(Socket socket, String text) throws IOException {
        OutputStream out = socket.getOutputStream();
        out.write(text.getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    /** The head and, as far as its length says, the body of the first answer. */
    private static String raw(String request) throws IOException {
        try (Socket socket = connect()) {
            write(socket, request);
            InputStream in = socket.getInputStream();
            StringBuilder text = new StringBuilder();
            byte[] part = new byte[8_192];
            while (!complete(text)) {
                int read = in.read(part);
                if (read < 0) {
                    return text.toString();
                }
                text.append(new String(part, 0, read, StandardCharsets.ISO_8859_1));
            }
            return text.toString();
        }
    }

    private static boolean complete(StringBuilder text) {
        int end = text.indexOf("\r\n\r\n");
        if (end < 0) {
            return false;
        }
        var length = Pattern.compile("(?i)content-length: (\\d+)").matcher(text.substring(0, end));
        return length.find() && text.length() >= end + 4 + Integer.parseInt(length.group(1));
    }

    private static int status(String answer) {
        return Integer.parseInt(answer.substring("HTTP/1.1 ".length(), "HTTP/1.1 ".length() + 3));
    }

    private static void assertField(Answer answer, String code, String field) {
        assertProblem(answer, 400, code);
        assertThat(answer.body().path("errors").path(0).path("field").asText()).isEqualTo(field);
    }

    private static void assertProblem(Answer answer, int status, String code) {
        assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
        assertThat(answer.code()).as(answer.toString()).isEqualTo(code);
        assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
    }
}
