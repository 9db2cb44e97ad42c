package dev.larder.client;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * What is claimed, and on which terms. Immutable: each method answers a request with one more term.
 *
 * <p>Each request that {@link #of} makes has an idempotency key of its own: the same request sent twice is one claim.
 */
public final class ClaimRequest {

    /** What happens where nothing is in stock. */
    public enum Policy {
        FAIL("fail"),
        WAIT("wait"),
        COLD("cold"),
        WAIT_THEN_COLD("wait_then_cold");

        private final String word;

        Policy(String word) {
            this.word = word;
        }
    }

    private final String key;
    private final ObjectNode body;

    private ClaimRequest(String key, ObjectNode body) {
        this.key = key;
        this.body = body;
    }

    /** Names the template; {@link #preset}, {@link #presets} or {@link #parameters} choose among its presets. */
    public static ClaimRequest of(String template) {
        return new ClaimRequest(UUID.randomUUID().toString(), JsonNodeFactory.instance.objectNode())
                .with("template", template);
    }

    /** Not needed where the token's user belongs to one organization. */
    public ClaimRequest organization(String name) {
        return with("organization", name);
    }

    public ClaimRequest preset(String name) {
        return with("preset", name);
    }

    /** The first of these that has stock. */
    public ClaimRequest presets(List<String> names) {
        ClaimRequest more = copy(key);
        var list = more.body.putArray("presets");
        names.forEach(list::add);
        return more;
    }

    public ClaimRequest parameters(Map<String, String> values) {
        return with("parameters", values);
    }

    public ClaimRequest policy(Policy policy) {
        return with("policy", policy.word);
    }

    /** How long the claim waits for stock, under a policy that waits. */
    public ClaimRequest timeout(Duration time) {
        return with("timeout", time.toString());
    }

    /** Makes the claim a lease that ends by itself; without it the claim lasts until it is released. */
    public ClaimRequest ttl(Duration time) {
        return with("ttl", time.toString());
    }

    public ClaimRequest labels(Map<String, String> labels) {
        return with("labels", labels);
    }

    /** A key of the caller's own, so that a repetition by another process is the same claim too. */
    public ClaimRequest idempotencyKey(String own) {
        return copy(own);
    }

    Optional<Duration> ttl() {
        return Optional.ofNullable(body.get("ttl")).map(ttl -> Duration.parse(ttl.asText()));
    }

    boolean waits() {
        return body.path("policy").asText().startsWith(Policy.WAIT.word);
    }

    String key() {
        return key;
    }

    String json() {
        return body.toString();
    }

    private ClaimRequest with(String field, String value) {
        ClaimRequest more = copy(key);
        more.body.put(field, value);
        return more;
    }

    private ClaimRequest with(String field, Map<String, String> values) {
        ClaimRequest more = copy(key);
        ObjectNode object = more.body.putObject(field);
        values.forEach(object::put);
        return more;
    }

    private ClaimRequest copy(String itsKey) {
        return new ClaimRequest(itsKey, body.deepCopy());
    }

    /** Parameters may be sensitive, so their values are not shown. */
    @Override
    public String toString() {
        return "ClaimRequest[template=%s, preset=%s]".formatted(body.path("template"), body.path("preset"));
    }
}
