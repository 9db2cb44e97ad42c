package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One request for a workspace, from its first call until the workspace is usable. The request carries a key, so that a
 * call that is repeated after a lost answer takes no second workspace. For one thread.
 */
final class Claiming {

    /** How long the server holds a call while nothing changes: how often the progress is renewed. */
    private static final Duration HOLD = Duration.ofSeconds(5);

    private static final Duration AGAIN = Duration.ofMillis(500);
    private static final Duration GIVE_UP_WITHIN = Duration.ofSeconds(10);

    /** How long the first call is repeated: the address may be wrong. */
    private static final Duration BEGINS_WITHIN = Duration.ofSeconds(10);

    /** How long later calls are repeated: a server that restarts, or a balancer that fails over, is back before. */
    private static final Duration ANSWERS_WITHIN = Duration.ofMinutes(1);

    private final ApiClient api;
    private final JsonNode request;
    private final String key;
    private final Progress progress;
    private final Waits.Deadline usable;
    private @Nullable String id;
    private boolean uncertain;
    private boolean ended;

    /**
     * @param key random, and of this request alone
     * @param usable by when the workspace must be usable. How long a claim waits for one is in the request
     */
    Claiming(ApiClient api, JsonNode request, String key, Progress progress, Waits.Deadline usable) {
        this.api = api;
        this.request = request;
        this.key = key;
        this.progress = progress;
        this.usable = usable;
    }

    /** Called with the claim when it holds a workspace, which may not be usable yet. */
    interface Held {

        /** @param sentAt when the call whose answer showed it was sent */
        void held(JsonNode claim, long sentAt);
    }

    /**
     * Returns the claim when its workspace is usable. Fails where none is given, or the workspace does not become
     * usable. After a failure the caller calls {@link #giveUp}.
     *
     * @param held is called once
     */
    JsonNode take(Held held) {
        boolean told = false;
        long sentAt = System.nanoTime();
        JsonNode claim = answered(this::post, BEGINS_WITHIN);
        while (true) {
            ClaimState state = ClaimState.of(claim);
            if (!told && !(state instanceof ClaimState.Waits || state instanceof ClaimState.Over)) {
                held.held(claim, sentAt);
                told = true;
            }
            switch (state) {
                case ClaimState.Usable() -> {
                    return claim;
                }
                case ClaimState.Waits(String line) -> progress.say(line);
                case ClaimState.Prepared(String line) -> progress.say(line);
                case ClaimState.Broken(String code, String reason) -> throw broken(code, reason);
                case ClaimState.Over(String code, String reason) -> throw over(code, reason);
            }
            if (usable.isOver()) {
                throw Failure.of(ExitCode.TIMED_OUT, "the workspace is not usable in time");
            }
            pauseUnlessHeld(sentAt);
            sentAt = System.nanoTime();
            claim = answered(this::get, ANSWERS_WITHIN);
        }
    }

    /** The answer comes at once, so that the claim is known early and can be given up. */
    private JsonNode post() {
        uncertain = true;
        Map<String, String> headers = Map.of("Idempotency-Key", key, "Prefer", "wait=0");
        try {
            JsonNode claim = api.held("POST", Paths.of("claims"), request, headers, Duration.ZERO)
                    .body();
            id = Json.text(claim, "id");
            return claim;
        } catch (Failure failure) {
            uncertain = isUnanswered(failure) || Thread.currentThread().isInterrupted();
            throw failure;
        }
    }

    private JsonNode get() {
        Map<String, String> wait = Map.of("Prefer", "wait=" + HOLD.toSeconds());
        return api.held("GET", Paths.of("claims", String.valueOf(id)), null, wait, HOLD)
                .body();
    }

    private interface Call {
        JsonNode call();
    }

    /** Repeats a call that is not answered. */
    private JsonNode answered(Call call, Duration within) {
        long began = System.nanoTime();
        while (true) {
            try {
                return call.call();
            } catch (Failure failure) {
                if (!isUnanswered(failure) || System.nanoTime() - began > within.toNanos()) {
                    throw failure;
                }
                progress.say("trying again: " + failure.sentence());
            }
            pause();
        }
    }

    /** Whether the call may be repeated: the server was not reached, or cannot serve now. */
    private static boolean isUnanswered(Failure failure) {
        return (failure.exit() == ExitCode.UNREACHABLE || failure.exit() == ExitCode.TIMED_OUT)
                && !failure.code().equals("workspace_unreadable");
    }

    /** The server answers at once where it has nothing to wait for, such as the end of a claim step. */
    private void pauseUnlessHeld(long sentAt) {
        if (System.nanoTime() - sentAt < AGAIN.toNanos()) {
            pause();
        }
    }

    private static void pause() {
        if (!Waits.pause(AGAIN)) {
            throw Failure.of(ExitCode.FAILED, "interrupted");
        }
    }

    private static Failure broken(String code, String reason) {
        return Failure.of(ExitCode.FAILED, code, reason + " [" + code + "]");
    }

    private Failure over(String code, String reason) {
        ended = true;
        ExitCode exit = switch (code) {
            case "no_claimable_workspace", "timed_out" -> ExitCode.TIMED_OUT;
            case "preset_not_active" -> ExitCode.REFUSED;
            default -> ExitCode.FAILED;
        };
        return Failure.of(exit, code, reason + " [" + code + "]");
    }

    /**
     * Releases what the request was given, or its place in the line. May be called again.
     *
     * @return why it may still be held; empty where nothing is
     */
    Optional<String> giveUp() {
        if (ended || (id == null && !uncertain)) {
            return Optional.empty();
        }
        try {
            if (id == null) {
                // The answer was lost, or not awaited. The key finds the claim.
                JsonNode unused = post();
            }
            Answer unused = api.within(GIVE_UP_WITHIN).delete(Paths.of("claims", String.valueOf(id)));
            ended = true;
            return Optional.empty();
        } catch (Failure failure) {
            return id == null && !uncertain
                    ? Optional.empty()
                    : Optional.of(
                            (id == null ? "the claim" : "claim " + id) + " is not released: " + failure.sentence());
        }
    }
}
