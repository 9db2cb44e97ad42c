package dev.larder.history;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What a client asked the server to do. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "request")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Request.Claim.class, name = "claim"),
    @JsonSubTypes.Type(value = Request.Read.class, name = "read"),
    @JsonSubTypes.Type(value = Request.Renew.class, name = "renew"),
    @JsonSubTypes.Type(value = Request.Release.class, name = "release"),
    @JsonSubTypes.Type(value = Request.Invalidate.class, name = "invalidate"),
    @JsonSubTypes.Type(value = Request.Declare.class, name = "declare"),
    @JsonSubTypes.Type(value = Request.RollBack.class, name = "rollBack")
})
public sealed interface Request {

    /** The word the summary uses. */
    default String word() {
        return switch (this) {
            case Claim claim -> claim.body().word();
            case Read look -> "read";
            case Renew renew -> "renew";
            case Release release -> "release";
            case Invalidate invalidate -> invalidate.immediately() ? "invalidate" : "invalidate softly";
            case Declare declare -> "declare";
            case RollBack rollBack -> "roll back";
        };
    }

    /** Whether an administrator asks for it, and is told nothing but that it was done. */
    default boolean administers() {
        return this instanceof Invalidate || this instanceof Declare || this instanceof RollBack;
    }

    /** @param key null for a claim that cannot be repeated safely */
    record Claim(@Nullable String key, ClaimBody body) implements Request {}

    /**
     * What the body of a claim says: two of these are equal if and only if the bodies ask for the same.
     *
     * @param presets names, the best first; or the id of one
     * @param policy {@code fail}, {@code cold}, {@code wait} or {@code wait_then_cold}
     * @param count how many
     * @param atLeast as few as this many will do
     * @param ttlSeconds how long they may be kept unless renewed; 0 for as long as they are wanted
     * @param timeoutSeconds how long it may wait; 0 where the policy is not to
     */
    record ClaimBody(List<String> presets, String policy, int count, int atLeast, int ttlSeconds, int timeoutSeconds) {

        private static final int ID_LENGTH = 36;

        /** One from stock, for as long as it is wanted. */
        static ClaimBody one(String preset, String policy) {
            return new ClaimBody(List.of(preset), policy, 1, 1, 0, 0);
        }

        boolean waits() {
            return policy.startsWith("wait");
        }

        /** Whether it names a preset by its id. */
        boolean byId() {
            return presets.size() == 1 && presets.getFirst().length() == ID_LENGTH;
        }

        private String word() {
            String policyOrNot = policy.equals("fail") ? "" : " " + policy;
            return "claim" + policyOrNot + (count > 1 ? " many" : "") + (ttlSeconds > 0 ? " for a while" : "");
        }
    }

    record Read(UUID claim) implements Request {}

    /** @param generation that the claim must have; null for any */
    record Renew(UUID claim, int ttlSeconds, @Nullable Integer generation) implements Request {}

    /** @param generation that the claim must have; null for any */
    record Release(UUID claim, @Nullable Integer generation) implements Request {}

    /**
     * What the preset and the others of its rollout have in stock is to be replaced.
     *
     * @param immediately whether it is to be handed out no more; else it may be until it is replaced
     */
    record Invalidate(UUID preset, boolean immediately) implements Request {}

    /**
     * Another version is to be the active one.
     *
     * @param version its declaration
     */
    record Declare(String version) implements Request {}

    /** The version before the one of this rollout is to be the active one again. */
    record RollBack(UUID rollout) implements Request {}
}
