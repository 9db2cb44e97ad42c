package dev.larder.webhooks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.Refusal;
import dev.larder.webhooks.WebhookStore.Address;
import io.quarkus.runtime.annotations.RegisterForReflection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** Reads the bodies of calls that make and change webhooks. */
final class WebhookBodies {

    private static final int FILTERS_MAX = 50;
    private static final int DESCRIPTION_MAX = 500;
    private static final Duration OVERLAP = Duration.ofHours(24);
    private static final Duration OVERLAP_MAX = Duration.ofDays(7);

    private WebhookBodies() {}

    /**
     * The body that makes a webhook.
     *
     * @param events types such as {@code workspace.claimed}, all of a kind such as {@code workspace.*}, or {@code *}
     * @param secret {@code whsec_} and 24 to 64 bytes in Base64; one is made where it is left out
     * @param enabled true where it is left out
     */
    @RegisterForReflection
    record NewWebhookBody(
            @Schema(examples = "https://example.org/hooks") String url,
            @Schema(examples = "[\"workspace.*\"]") List<String> events,
            @Nullable String secret,
            @Nullable String description,
            @Nullable Boolean enabled) {}

    /** The body of a change; what is left out stays as it is. */
    @RegisterForReflection
    record WebhookChangeBody(
            @Nullable String url,
            @Nullable List<String> events,
            @Nullable String description,
            @Nullable Boolean enabled) {}

    /**
     * The body of a change of the secret.
     *
     * @param secret one is made where it is left out
     * @param overlap how long requests are signed with the old secret too, at most a week; 24 h where left out
     */
    @RegisterForReflection
    record RotationBody(
            @Nullable String secret,

            @Schema(format = "duration", examples = "PT24H") @Nullable
            String overlap) {}

    /** Codes: {@code invalid_url}, {@code https_required}, {@code port_not_allowed}, {@code address_not_allowed}. */
    static Optional<Address> address(JsonBody body, boolean http, Networks networks) {
        return body.optionalText("url").map(url -> switch (Receiver.of(url, http)) {
            case Receiver.Read.Refused(String code, String detail) -> throw Problem.unprocessable(code, "url", detail);
            case Receiver.Read.Good(Receiver receiver) -> {
                refuseInside(receiver, networks);
                yield new Address(url, receiver.host());
            }
        });
    }

    /** A name is looked up with each request; what an address is, is known now. */
    private static void refuseInside(Receiver receiver, Networks networks) {
        if (receiver.host().equals("localhost") || receiver.host().endsWith(".localhost")
                ? !networks.allowsLoopback()
                : receiver.isLiteral() && !networks.allows(receiver.literal())) {
            throw Problem.unprocessable(
                    "address_not_allowed",
                    "url",
                    "must not have an address that is not public (larder.webhooks.allowed-networks).");
        }
    }

    static Optional<List<String>> events(JsonBody body) {
        return body.optionalNode("events").map(WebhookBodies::filters);
    }

    private static List<String> filters(JsonNode node) {
        if (!node.isArray()) {
            throw Problem.badRequest("wrong_type", "events", "must be a list of strings.");
        }
        if (node.isEmpty() || node.size() > FILTERS_MAX) {
            throw Problem.unprocessable("out_of_range", "events", "must have 1 to " + FILTERS_MAX + " entries.");
        }
        List<String> filters = new ArrayList<>();
        List<Refusal> refusals = new ArrayList<>();
        for (int index = 0; index < node.size(); index++) {
            String field = "events[" + index + "]";
            if (!node.get(index).isTextual()) {
                throw Problem.badRequest("wrong_type", field, "must be a string.");
            }
            String filter = node.get(index).textValue();
            EventTypes.refusal(filter)
                    .ifPresent(detail -> refusals.add(new Refusal("unknown_event_type", field, detail)));
            filters.add(filter);
        }
        if (!refusals.isEmpty()) {
            throw Problem.unprocessable(refusals);
        }
        return filters.stream().distinct().toList();
    }

    static Optional<String> description(JsonBody body) {
        Optional<String> description = body.optionalText("description");
        if (description.filter(text -> text.length() > DESCRIPTION_MAX).isPresent()) {
            throw Problem.unprocessable(
                    "out_of_range", "description", "must have at most " + DESCRIPTION_MAX + " characters.");
        }
        return description;
    }

    static Optional<Secret> secret(JsonBody body) {
        return body.optionalText("secret")
                .map(text -> Secret.read(text)
                        .orElseThrow(() -> Problem.unprocessable(
                                "invalid_secret",
                                "secret",
                                "must be whsec_ and " + Secret.BYTES_MIN + " to " + Secret.BYTES_MAX
                                        + " bytes in Base64.")));
    }

    static Duration overlap(JsonBody body) {
        Duration overlap = body.optionalDuration("overlap").orElse(OVERLAP);
        if (overlap.compareTo(OVERLAP_MAX) > 0) {
            throw Problem.unprocessable(
                    "overlap_too_long", "overlap", "must be at most " + OVERLAP_MAX.toDays() + " days.");
        }
        return overlap;
    }
}
