package dev.larder.history;

import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What the database held after all servers and clients had ended. Instants are nanoseconds since the recording
 * began, by the wall clock. A server reads an instant before its statement runs, so that the order of two close
 * instants is not known.
 */
public record FinalState(
        List<Preset> presets,
        List<Claim> claims,
        List<Workspace> workspaces,
        List<Removal> removals,
        List<Rollout> rollouts) {

    /** The instant of what has not happened. */
    public static final long NEVER = Long.MAX_VALUE;

    /** Nothing yet. */
    static final FinalState EMPTY = new FinalState(List.of(), List.of(), List.of(), List.of(), List.of());

    /**
     * A preset of one version. Those of one name are a line.
     *
     * @param instances how many are wanted in stock at any time
     * @param spare how many more may exist while some are replaced
     * @param ttl nanoseconds after which one in stock is no longer handed out; {@link #NEVER} for no limit
     * @param version number of the version
     * @param active whether the version is the active one
     * @param role what the preset is in an open rollout; empty where it is in none
     */
    public record Preset(
            UUID id, String name, int instances, int spare, long ttl, int version, boolean active, String role) {}

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

    /** @param stocked whether it is or becomes stock: a prebuild that is neither deleted nor failed */
    public record Workspace(UUID id, UUID preset, UUID owner, boolean prebuild, long created, boolean stocked) {}

    /**
     * A build that stops or deletes a workspace.
     *
     * @param bySystem the reconciler wanted it, not a user
     */
    public record Removal(UUID workspace, boolean bySystem, String reason, long created) {}

    /**
     * A change of the stock of a line.
     *
     * @param line the name of the presets
     * @param from the preset that was replaced; null where the stock of one version was renewed
     * @param ended {@link #NEVER} while it is open
     * @param steps the states that it came to, the first one at its beginning
     */
    public record Rollout(
            UUID id,
            String line,
            String cause,
            @Nullable UUID from,
            UUID to,
            long created,
            long ended,
            List<Step> steps) {

        /** Whether it changes which version is handed out. */
        boolean promotes() {
            return from != null;
        }

        /** The state that it came to last. */
        public String state() {
            return steps.isEmpty() ? "" : steps.getLast().state();
        }
    }

    /** @param at by the clock of the server, which it read before */
    public record Step(String state, long at) {}
}
