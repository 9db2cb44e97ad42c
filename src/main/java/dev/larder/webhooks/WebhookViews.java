package dev.larder.webhooks;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** Webhooks and deliveries as the API shows them. */
final class WebhookViews {

    private WebhookViews() {}

    /**
     * Whether a webhook is sent anything.
     *
     * @param disabledReason {@code by_user}, {@code gone}, {@code failing} or {@code backlog}
     * @param failingSince the first failed attempt after the last one that succeeded
     */
    record Health(
            boolean enabled,
            @Nullable Instant disabledAt,
            @Nullable String disabledReason,
            @Nullable Instant failingSince) {}

    /** @param previousSecretUntil how long requests are signed with the secret of before too */
    @Schema(name = "Webhook")
    record WebhookView(
            UUID id,
            UUID organizationId,
            String url,
            List<String> events,
            String description,
            Instant createdAt,
            @JsonUnwrapped Health health,
            @Nullable Instant previousSecretUntil) {}

    /** @param secret with which the receiver checks signatures; it cannot be asked for again */
    @Schema(name = "WebhookWithSecret")
    record WithSecret(@JsonUnwrapped WebhookView webhook, String secret) {}

    /**
     * How far a delivery is.
     *
     * @param nextAttemptAt null once it has ended
     * @param statusCode of the last answer; null where the last attempt had none
     * @param errorCode why the last attempt failed
     */
    record Progress(
            Instant createdAt,
            @Nullable Instant endedAt,
            @Nullable Instant nextAttemptAt,
            Instant expiresAt,
            int attempts,
            @Nullable Integer statusCode,
            @Nullable String errorCode) {}

    /**
     * An event that a webhook is sent.
     *
     * @param id sent as {@code webhook-id}, the same in each attempt
     * @param event such as {@code workspace:ID/17}
     * @param status {@code pending}, {@code delivered} or {@code failed}
     */
    @Schema(name = "WebhookDelivery")
    record DeliveryView(
            UUID id,
            UUID webhookId,
            String event,
            String type,
            String status,
            @JsonUnwrapped Progress progress) {}

    /** @param millis from the begin of the attempt to its outcome */
    @Schema(name = "WebhookAttempt")
    record AttemptView(
            int number,
            Instant at,
            long millis,
            @Nullable Integer statusCode,
            @Nullable String errorCode) {}

    /**
     * One delivery in full.
     *
     * @param body what is sent
     * @param attemptLog the last 20, oldest first
     */
    @Schema(name = "WebhookDeliveryDetail")
    record DeliveryDetail(@JsonUnwrapped DeliveryView delivery, String body, List<AttemptView> attemptLog) {}
}
