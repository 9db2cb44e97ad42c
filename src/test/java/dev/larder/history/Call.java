package dev.larder.history;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What a client asked for. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "call")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Call.Claim.class, name = "claim"),
    @JsonSubTypes.Type(value = Call.Look.class, name = "look"),
    @JsonSubTypes.Type(value = Call.Release.class, name = "release"),
    @JsonSubTypes.Type(value = Call.Invalidate.class, name = "invalidate")
})
public sealed interface Call {

    /** The word the summary uses. */
    default String word() {
        return switch (this) {
            case Claim claim ->
                claim.request().policy().equals("fail")
                        ? "claim"
                        : "claim " + claim.request().policy();
            case Look look -> "look";
            case Release release -> "release";
            case Invalidate invalidate -> "invalidate";
        };
    }

    /** @param key null for a claim that cannot be repeated safely */
    record Claim(@Nullable String key, Request request) implements Call {}

    /**
     * What the body of a claim says: two of these are equal if and only if the bodies ask for the same.
     *
     * @param policy {@code fail} or {@code cold}
     */
    record Request(String preset, String policy) {}

    record Look(UUID claim) implements Call {}

    record Release(UUID claim) implements Call {}

    /** What the preset has in stock is to be handed out no more. */
    record Invalidate(UUID preset) implements Call {}
}
