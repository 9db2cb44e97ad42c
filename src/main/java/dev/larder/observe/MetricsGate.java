package dev.larder.observe;

import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Asks for a bearer token before it shows metrics, where {@code larder.metrics.token} is set. It is a secret of its own, so
 * that a scraper needs no user; Prometheus sends it as {@code authorization.credentials}.
 */
@Singleton
class MetricsGate {

    private static final int BEFORE_METRICS = -900;
    private static final String SCHEME = "Bearer ";

    private final Optional<byte[]> token;

    MetricsGate(@ConfigProperty(name = "larder.metrics.token") Optional<String> token) {
        this.token = token.map(text -> text.getBytes(StandardCharsets.UTF_8));
    }

    void install(@Observes Router router) {
        if (token.isPresent()) {
            router.route("/q/metrics*").order(BEFORE_METRICS).handler(this::check);
        }
    }

    private void check(RoutingContext routing) {
        String header = Optional.ofNullable(routing.request().getHeader("Authorization"))
                .orElse("");
        if (header.regionMatches(true, 0, SCHEME, 0, SCHEME.length()) && isToken(header.substring(SCHEME.length()))) {
            routing.next();
            return;
        }
        HttpServerResponse response = routing.response()
                .setStatusCode(401)
                .putHeader("WWW-Authenticate", "Bearer")
                .putHeader("Content-Type", "application/problem+json");
        var ended = response.end("{\"type\":\"about:blank\",\"title\":\"Unauthorized\",\"status\":401,"
                + "\"detail\":\"Metrics need the token of larder.metrics.token.\",\"code\":\"invalid_token\"}");
    }

    /** Takes the same time whatever is sent. */
    private boolean isToken(String sent) {
        return MessageDigest.isEqual(sent.strip().getBytes(StandardCharsets.UTF_8), token.orElseThrow());
    }
}
