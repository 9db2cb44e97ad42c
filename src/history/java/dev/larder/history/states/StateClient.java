package dev.larder.history.states;

import dev.larder.history.states.Act.Kind;
import dev.larder.history.states.StateCaller.Ask;
import dev.larder.history.states.StateCaller.Told;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.function.BooleanSupplier;

/**
 * One person: runs Terraform, and calls the API, on states that others use too. It takes locks away, writes late,
 * writes what must be refused, goes away in the middle, and repeats each request whose answer did not arrive.
 */
final class StateClient implements Runnable {

    private static final int DIGITS = 13;
    private static final Map<String, String> JSON = Map.of("Content-Type", "application/json");

    private final String token;
    private final List<UUID> states;
    private final Bodies bodies;
    private final Random random;
    private final StateCaller caller;
    private final BooleanSupplier goesOn;

    StateClient(
            String token, List<UUID> states, Bodies bodies, Random random, StateCaller caller, BooleanSupplier goesOn) {
        this.token = token;
        this.states = states;
        this.bodies = bodies;
        this.random = random;
        this.caller = caller;
        this.goesOn = goesOn;
    }

    @Override
    public void run() {
        while (goesOn.getAsBoolean()) {
            UUID state = states.get(random.nextInt(states.size()));
            if (random.nextInt(3) == 0) {
                api(state);
            } else {
                terraform(state);
            }
        }
    }

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    private Map<String, String> basic() {
        byte[] pair = ("anyone:" + token).getBytes(StandardCharsets.UTF_8);
        return Map.of(
                "Authorization",
                "Basic " + Base64.getEncoder().encodeToString(pair),
                "Content-Type",
                "application/json");
    }

    private Map<String, String> bearer(String... further) {
        Map<String, String> headers = new HashMap<>(JSON);
        headers.put("Authorization", "Bearer " + token);
        for (int i = 0; i < further.length; i += 2) {
            headers.put(further[i], further[i + 1]);
        }
        return headers;
    }

    private static String some() {
        return UUID.randomUUID().toString();
    }

    private static String info(String lock, boolean plan) {
        return "{\"ID\":\"%s\",\"Operation\":\"OperationType%s\",\"Info\":\"\",\"Who\":\"load\",\"Version\":\"1.11.4\",\"Created\":\"2026-11-29T00:00:00Z\",\"Path\":\"\"}"
                .formatted(lock, plan ? "Plan" : "Apply");
    }

    private Told tool(Kind kind, UUID state, String lock, String method, String query, String body) {
        return caller.call(new Ask(kind, state, lock, method, "/tf/v1/states/" + state + query, basic(), body));
    }

    private Told call(Kind kind, UUID state, String mutation, String path, Map<String, String> headers, String body) {
        String method = kind == Kind.WRITE ? "PUT" : "POST";
        return caller.call(new Ask(kind, state, mutation, method, "/api/v1/" + path, headers, body));
    }

    private void terraform(UUID state) {
        String lock = some();
        boolean plan = chance(12);
        Told locked = StateCaller.insist(() -> tool(Kind.LOCK, state, lock, "LOCK", forced(5), info(lock, plan)));
        if (locked.status() != 200) {
            refused(state, locked);
            return;
        }
        long serial = serial(state);
        for (int writes = plan ? 0 : random.nextInt(3); writes > 0; writes--) {
            write(state, lock, bodies.next(state, ++serial, 1));
        }
        if (chance(4)) {
            write(state, lock, bad(state, serial));
        }
        finish(state, lock, serial);
    }

    private String forced(int percent) {
        return chance(percent) ? "?force=true" : "";
    }

    private String bad(UUID state, long serial) {
        return switch (random.nextInt(3)) {
            case 0 -> bodies.broken(state);
            case 1 -> bodies.ofAnotherLineage(state, serial + 1);
            default -> bodies.next(state, Math.max(0, serial - 1), 1);
        };
    }

    private void write(UUID state, String lock, String body) {
        Told written = StateCaller.insist(() -> tool(Kind.WRITE, state, lock, "POST", "?ID=" + lock, body));
        if (written.status() == 404) {
            throw new IllegalStateException("a write is not found: " + written);
        }
    }

    private void finish(UUID state, String lock, long serial) {
        int how = random.nextInt(100);
        if (how < 82) {
            unlock(state, lock);
        } else if (how < 86) {
            takeAway(state, lock);
        }
        // The others have gone away without a word.
        if (how >= 78 && how < 90) {
            write(state, lock, bodies.next(state, serial + 1, 1));
        }
    }

    private void unlock(UUID state, String lock) {
        Told done = StateCaller.insist(() -> tool(Kind.UNLOCK, state, lock, "UNLOCK", "", info(lock, false)));
        if (done.status() == 404) {
            throw new IllegalStateException("an unlock is not found: " + done);
        }
    }

    /** The id alone forces. */
    private void takeAway(UUID state, String lock) {
        Told done =
                StateCaller.insist(() -> tool(Kind.TAKE_AWAY, state, lock, "UNLOCK", "", "{\"ID\":\"" + lock + "\"}"));
        if (done.status() == 404) {
            throw new IllegalStateException("a forced unlock is not found: " + done);
        }
    }

    private void refused(UUID state, Told locked) {
        String info = locked.json().path("Info").asText();
        if (info.startsWith("The state is unreliable")) {
            settle(state);
        } else if (chance(3)) {
            takeAway(state, locked.json().path("ID").asText());
        }
    }

    private void settle(UUID state) {
        long version = Math.max(1, serial(state) / 2);
        String path = chance(70) ? "/acknowledge" : "/versions/" + version + "/restore";
        Told done = StateCaller.insist(
                () -> call(Kind.SETTLE, state, "", "states/" + state + path, bearer(), "{\"reason\":\"seen\"}"));
        if (done.status() == 422 || done.status() == 400) {
            throw new IllegalStateException("settled wrongly: " + done);
        }
    }

    /** Of the current version; 0 where nothing was ever written. */
    private long serial(UUID state) {
        Told read = StateCaller.insist(() -> tool(Kind.READ, state, "", "GET", "", ""));
        return read.status() == 200 ? read.json().path("serial").asLong() : 0;
    }

    private void api(UUID state) {
        String key = some().substring(0, DIGITS);
        String kind = List.of("update", "update", "refresh", "repair", "plan", "destroy")
                .get(random.nextInt(6));
        Told begun = StateCaller.insist(() -> call(
                Kind.BEGIN,
                state,
                key,
                "states/" + state + "/mutations",
                bearer("Idempotency-Key", key),
                "{\"kind\":\"" + kind + "\",\"leaseSeconds\":10}"));
        if (begun.status() == 201) {
            work(state, begun.json().path("id").asText(), kind.equals("destroy") ? 0 : 1);
        } else if (begun.act().answer().code().equals("state_unreliable")) {
            settle(state);
        }
    }

    private void work(UUID state, String mutation, int managed) {
        long serial = serial(state);
        for (int writes = random.nextInt(3); writes > 0; writes--) {
            put(state, mutation, bodies.next(state, ++serial, managed));
        }
        if (chance(4)) {
            put(state, mutation, bad(state, serial));
        }
        if (chance(20)) {
            end(Kind.RENEW, state, mutation, "/renew", "{\"leaseSeconds\":10}");
        }
        int how = random.nextInt(100);
        if (how < 80) {
            String outcome = how < 65 ? "succeeded" : how < 75 ? "failed" : "aborted";
            String exited = outcome.equals("failed") ? ",\"exited\":" + random.nextBoolean() : "";
            end(Kind.END, state, mutation, "/end", "{\"outcome\":\"" + outcome + "\"" + exited + "}");
        } else if (how < 88) {
            end(Kind.TAKE_AWAY, state, mutation, "/cancel", "");
        }
        if (how >= 76 && how < 92) {
            put(state, mutation, bodies.next(state, serial + 1, managed));
        }
    }

    private void put(UUID state, String mutation, String body) {
        Told put = StateCaller.insist(
                () -> call(Kind.WRITE, state, mutation, "states/" + state, bearer("Mutation-Id", mutation), body));
        if (put.status() == 404) {
            throw new IllegalStateException("a write is not found: " + put);
        }
    }

    private void end(Kind kind, UUID state, String mutation, String verb, String body) {
        Told done = StateCaller.insist(
                () -> call(kind, state, mutation, "state-mutations/" + mutation + verb, bearer(), body));
        if (done.status() == 404 || done.status() == 422) {
            throw new IllegalStateException("ended wrongly: " + done);
        }
    }

    /** After the load: the state can be locked, read and given back by an operator's tool. */
    boolean comesToRest(UUID state) {
        String lock = some();
        Told held = StateCaller.insist(() -> tool(Kind.LOCK, state, lock, "LOCK", "?force=true", info(lock, true)));
        if (held.status() != 200) {
            return false;
        }
        long serial = serial(state);
        unlock(state, lock);
        return serial >= 0;
    }
}
