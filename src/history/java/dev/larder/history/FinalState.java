package dev.larder.history;

import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What the database held after all servers and clients had ended. Instants are nanoseconds since the recording
 * began, by the wall clock. A server reads an instant before its statement runs, so that the order of two close
 * instants is not known.
 */
public record FinalState(List<Preset> presets, List<Claim> claims, List<Workspace> workspaces, List<Removal> removals) {

    /** The instant of what has not happened. */
    public static final long NEVER = Long.MAX_VALUE;

    /**
     * @param instances how many are wanted in stock at any time
     * @param ttl nanoseconds after which one in stock is no longer handed out; {@link #NEVER} for no limit
     */
    public record Preset(UUID id, String name, int instances, long ttl) {}

    /**
     * @param workspace null where none was handed out
     * @param path {@code warm}, {@code waited} or {@code cold}
     * @param key null for one made without
     * @param granted when the workspace was handed out; {@link #NEVER} where none was
     * @param generation 0 where none was handed out
     * @param waitsUntil {@link #NEVER} where it did not wait
     * @param expires {@link #NEVER} where it is kept until it is given back
     * @param ended {@link #NEVER} while it lasts
     * @param reason why it ended; empty while it lasts
     */
    public record Claim(
            UUID id,
            UUID user,
            @Nullable UUID workspace,
            UUID preset,
            String path,
            @Nullable String key,
            long created,
            long granted,
            int generation,
            long waitsUntil,
            long expires,
            long ended,
            String reason) {

        boolean lasts() {
            return ended == NEVER;
        }
    }

    public record Workspace(UUID id, UUID preset, UUID owner, boolean prebuild, long created) {}

    /**
     * A build that stops or deletes a workspace.
     *
     * @param bySystem the reconciler wanted it, not a user
     */
    public record Removal(UUID workspace, boolean bySystem, String reason, long created) {}
}
