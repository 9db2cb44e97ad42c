package dev.larder.observe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Databases;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.ext.web.Router;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MetricsGateTest {

    @Test
    void metrics_are_open_where_no_token_is_set() throws Exception {
        assertThat(get(Optional.empty(), "/q/metrics", "").statusCode()).isEqualTo(200);
    }

    @Test
    void metrics_need_the_token_that_is_set() throws Exception {
        assertThat(get(Optional.of("s3cret"), "/q/metrics", "Bearer s3cret").statusCode())
                .isEqualTo(200);
        assertThat(get(Optional.of("s3cret"), "/q/metrics", "bearer s3cret").statusCode())
                .isEqualTo(200);
        for (String sent : new String[] {"", "Bearer", "Bearer x", "Bearer s3cre", "Basic s3cret", "s3cret"}) {
            HttpResponse<String> answer = get(Optional.of("s3cret"), "/q/metrics", sent);
            assertThat(answer.statusCode()).as(sent).isEqualTo(401);
            assertThat(answer.body()).contains("\"code\":\"invalid_token\"").doesNotContain("s3cret");
        }
    }

    @Test
    void every_address_of_metrics_is_behind_the_token_and_no_other() throws Exception {
        assertThat(get(Optional.of("s3cret"), "/q/metrics/prometheus", "").statusCode())
                .isEqualTo(401);
        assertThat(get(Optional.of("s3cret"), "/q/metrics?x=1", "").statusCode())
                .isEqualTo(401);
        assertThat(get(Optional.of("s3cret"), "/q/health", "").statusCode()).isEqualTo(200);
    }

    private static HttpResponse<String> get(Optional<String> token, String path, String authorization)
            throws Exception {
        Vertx vertx = Databases.vertx().getDelegate();
        Router router = Router.router(vertx);
        new MetricsGate(token).install(router);
        router.route().handler(routing -> routing.response().end("shown"));
        HttpServer server = vertx.createHttpServer()
                .requestHandler(router)
                .listen(0, "127.0.0.1")
                .toCompletionStage()
                .toCompletableFuture()
                .get();
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest.Builder request =
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.actualPort() + path));
            if (!authorization.isEmpty()) {
                request.header("Authorization", authorization);
            }
            return client.send(request.build(), BodyHandlers.ofString());
        } finally {
            server.close().toCompletionStage().toCompletableFuture().get();
        }
    }
}
