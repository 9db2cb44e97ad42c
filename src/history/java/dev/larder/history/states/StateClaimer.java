package dev.larder.history.states;

import dev.larder.history.HttpConnection.Reply;
import dev.larder.testing.Signals;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.function.BooleanSupplier;

/** One person who claims workspaces whose infrastructure workers change, and gives them back. */
final class StateClaimer implements Runnable {

    private static final int HELD_MAX = 3;
    private static final Duration BETWEEN = Duration.ofMillis(30);

    private final String token;
    private final StateCaller caller;
    private final BooleanSupplier goesOn;
    private final Deque<String> held = new ArrayDeque<>();

    StateClaimer(String token, StateCaller caller, BooleanSupplier goesOn) {
        this.token = token;
        this.caller = caller;
        this.goesOn = goesOn;
    }

    @Override
    public void run() {
        while (goesOn.getAsBoolean()) {
            claim();
            if (held.size() > HELD_MAX) {
                release(held.removeFirst());
            }
            Signals.pause(BETWEEN);
        }
    }

    private void claim() {
        Map<String, String> headers = new HashMap<>(headers());
        headers.put("Idempotency-Key", UUID.randomUUID().toString());
        Reply reply = caller.plain(
                "POST", "/api/v1/claims", headers, "{\"template\":\"module\",\"preset\":\"p\",\"policy\":\"fail\"}");
        if (reply.status() == 201) {
            held.add(StateCaller.parse(reply.body()).path("id").asText());
        } else if (reply.status() >= 400 && reply.status() < 500 && reply.status() != 409) {
            throw new IllegalStateException("claimed wrongly: " + reply);
        }
    }

    private void release(String claim) {
        Reply reply = caller.plain("DELETE", "/api/v1/claims/" + claim, headers(), "");
        if (reply.status() == 0 || reply.status() >= 500) {
            held.addFirst(claim);
        }
    }

    private Map<String, String> headers() {
        return Map.of("Authorization", "Bearer " + token, "Content-Type", "application/json");
    }
}
