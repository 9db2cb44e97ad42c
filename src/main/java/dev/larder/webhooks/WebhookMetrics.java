package dev.larder.webhooks;

import dev.larder.observe.LastRead;
import dev.larder.wakeup.Ticker;
import dev.larder.webhooks.DeliveryReads.Condition;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Metrics of webhooks: attempts of this process, and how the webhooks of the whole deployment fare. */
@Startup
@ApplicationScoped
class WebhookMetrics implements WebhookObserver {

    private static final double MILLIS_PER_SECOND = 1_000.0;

    private final MeterProvider<Counter> attempts;
    private final InstantSource clock;
    private final LastRead<Condition> condition;

    WebhookMetrics(
            MeterRegistry registry,
            DeliveryReads reads,
            InstantSource clock,
            Ticker ticker,
            @ConfigProperty(name = "larder.metrics.jobs-every") Duration every) {
        this.clock = clock;
        condition = new LastRead<>("webhooks", reads::condition);
        attempts = Counter.builder("larder.webhook.attempts")
                .description("Requests to receivers of webhooks, by what became of them")
                .withRegistry(registry);
        // Registered at start, so that the first attempt already is an increase.
        List.of("delivered", "retried", "given_up", "gone").forEach(result -> attempts.withTags("result", result));
        gauge(registry, "larder.webhooks.enabled", "Webhooks that are enabled", Condition::enabled);
        gauge(registry, "larder.webhooks.failing", "Enabled webhooks whose last attempt failed", Condition::failing);
        gauge(
                registry,
                "larder.webhook.oldest.due.seconds",
                "How long the delivery is overdue that waits for a server longest, of a webhook that does not fail",
                this::overdue);
        ticker.keep("count webhooks", every, condition::renew);
    }

    private void gauge(MeterRegistry registry, String name, String says, ToDoubleFunction<Condition> value) {
        var unused = Gauge.builder(name, () -> condition.value(value))
                .description(says)
                .register(registry);
    }

    private double overdue(Condition known) {
        Instant oldest = known.oldestDue();
        return oldest == null
                ? 0
                : Math.max(0, Duration.between(oldest, clock.instant()).toMillis() / MILLIS_PER_SECOND);
    }

    @Override
    public void attempted(Verdict verdict) {
        String result = switch (verdict) {
            case Verdict.Delivered() -> "delivered";
            case Verdict.Again(Instant unused) -> "retried";
            case Verdict.GivenUp() -> "given_up";
            case Verdict.Gone() -> "gone";
        };
        attempts.withTags("result", result).increment();
    }
}
