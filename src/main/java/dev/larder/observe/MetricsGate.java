package dev.larder.observe;

import dev.larder.http.Problem;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Requires the bearer token {@code larder.metrics.token} for metrics, where it is set. A scraper needs no user
 * of Larder; Prometheus sends the token as {@code authorization.credentials}.
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
        Problem.of(401, "invalid_token", "Metrics need the token of larder.metrics.token.")
                .withHeader("WWW-Authenticate", "Bearer")
                .answer(routing.response());
    }

    /** Compares in constant time. */
    private boolean isToken(String sent) {
        return MessageDigest.isEqual(sent.strip().getBytes(StandardCharsets.UTF_8), token.orElseThrow());
    }
}
