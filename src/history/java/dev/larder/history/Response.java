package dev.larder.history;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What the server answered, or that no answer arrived. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "response")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Response.Shown.class, name = "shown"),
    @JsonSubTypes.Type(value = Response.Done.class, name = "done"),
    @JsonSubTypes.Type(value = Response.Refused.class, name = "refused"),
    @JsonSubTypes.Type(value = Response.Unknown.class, name = "unknown")
})
public sealed interface Response {

    /** The word the summary uses. */
    default String word() {
        return switch (this) {
            case Shown shown -> shown.replayed() ? "replayed" : "shown";
            case Done done -> "done";
            case Refused refused -> refused.status() + " " + refused.code();
            case Unknown unknown -> "unknown: " + unknown.why();
        };
    }

    /**
     * Claims as they are: the ones just made, or one that was looked at.
     *
     * @param replayed whether an earlier call under the same key made them
     */
    record Shown(List<Seen> claims, boolean replayed) implements Response {}

    /**
     * One claim.
     *
     * @param workspace null while the claim waits
     * @param workspaceStatus empty while the claim waits
     * @param opened the workspace that the outputs say they open; null where none were shown
     * @param generation null while the claim waits
     * @param expires {@link FinalState#NEVER} where it is kept until it is given back
     */
    record Seen(
            UUID claim,
            String status,
            String path,
            @Nullable UUID workspace,
            String workspaceStatus,
            @Nullable UUID opened,
            @Nullable Integer generation,
            long expires) {

        boolean active() {
            return status.equals("active");
        }

        boolean waits() {
            return status.equals("waiting");
        }

        boolean ended() {
            return !active() && !waits();
        }
    }

    /** It was done, and there is nothing to tell of it. */
    record Done() implements Response {}

    /** Nothing was done. */
    record Refused(int status, String code) implements Response {

        /** Whether it says that nothing is in stock. */
        boolean missed() {
            return code.equals("no_claimable_workspace") || code.equals("creation_stopped");
        }
    }

    /** It may have been done or not, and may still be: the connection broke, or the server said it could not tell. */
    record Unknown(String why) implements Response {}
}
