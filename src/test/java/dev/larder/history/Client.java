package dev.larder.history;

import dev.larder.history.Answer.Seen;
import dev.larder.history.Call.Request;
import dev.larder.history.Caller.Member;
import dev.larder.testing.CanIgnoreReturnValue;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;

/** One user's program: claims, repeats, looks and gives back by chance, and keeps asking where it was not told. */
final class Client implements Runnable {

    private static final int HELD_MAX = 40;
    private static final int REMEMBERED_MAX = 200;
    private static final int REPEATED_AT_THE_END = 20;
    private static final int MANY_MAX = 5;
    private static final int A_WHILE_SECONDS = 12;
    private static final int PATIENCE_SECONDS = 8;
    private static final int INSISTS = 40;
    private static final long PAUSE_NANOS = Duration.ofMillis(25).toNanos();

    private final Load load;
    private final Member member;
    private final Random random;
    private final Caller caller;
    private final List<UUID> held = new ArrayList<>();
    private final List<UUID> ended = new ArrayList<>();
    private final Map<UUID, Integer> generations = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<UUID, Integer> eldest) {
            return size() > 2 * REMEMBERED_MAX;
        }
    };
    private final List<Call.Claim> asked = new ArrayList<>();
    private int keys;

    Client(Load load, Member member, Random random) {
        this.load = load;
        this.member = member;
        this.random = random;
        this.caller = load.caller(random);
    }

    @Override
    public void run() {
        while (load.goesOn()) {
            Deed deed =
                    held.size() > HELD_MAX ? Deed.RELEASE : Deed.any(load.plan().deeds(), random);
            perform(deed);
        }
    }

    /** The scarce preset first, and another. */
    private List<String> either() {
        String other = anyPreset();
        return other.equals(Load.scarcePreset()) ? List.of(other) : List.of(Load.scarcePreset(), other);
    }

    /** Asks once more for some of what it has ever asked for. */
    void repeatSome() {
        asked.stream().limit(REPEATED_AT_THE_END).forEach(this::insist);
        caller.close();
    }

    private void perform(Deed deed) {
        switch (deed) {
            case CLAIM -> claim(new Call.Claim(newKey(), request("fail")));
            case CLAIM_COLD -> claim(new Call.Claim(newKey(), request("cold")));
            case CLAIM_WITHOUT_KEY -> claim(new Call.Claim(null, request("fail")));
            case CLAIM_TWICE_AT_ONCE -> {
                Call.Claim claim = new Call.Claim(newKey(), request("fail"));
                atOnce(claim, claim);
            }
            case CLAIM_OTHERWISE_AT_ONCE -> {
                String key = newKey();
                atOnce(new Call.Claim(key, request("fail")), new Call.Claim(key, request("fail")));
            }
            case CLAIM_MANY -> claim(new Call.Claim(newKey(), many()));
            case CLAIM_FOR_A_WHILE ->
                claim(new Call.Claim(newKey(), new Request(List.of(anyPreset()), "fail", 1, 1, aWhile(), 0)));
            case CLAIM_EITHER -> claim(new Call.Claim(newKey(), new Request(either(), "fail", 1, 1, 0, 0)));
            case CLAIM_OR_WAIT -> claim(new Call.Claim(newKey(), waiting()));
            case REPEAT -> any(asked).ifPresent(this::claim);
            case REPEAT_OTHERWISE -> any(asked).ifPresent(this::claimOtherwise);
            case LOOK -> any(held).map(Call.Look::new).ifPresent(this::ask);
            case LOOK_AT_WHAT_ENDED -> any(ended).map(Call.Look::new).ifPresent(this::ask);
            case LOOK_AT_ANOTHERS ->
                load.claimOfAnother(member.user(), random).map(Call.Look::new).ifPresent(this::ask);
            case RENEW -> any(held).map(this::renewal).ifPresent(this::renew);
            case RENEW_WHAT_ENDED -> any(ended).map(this::renewal).ifPresent(this::ask);
            case RENEW_ANOTHERS ->
                load.claimOfAnother(member.user(), random).map(this::renewal).ifPresent(this::ask);
            case RELEASE ->
                any(held).map(claim -> new Call.Release(claim, null)).ifPresent(this::release);
            case RELEASE_THIS_HOLDING ->
                any(held)
                        .map(claim -> new Call.Release(claim, generation(claim)))
                        .ifPresent(this::release);
            case RELEASE_AGAIN ->
                any(ended).map(claim -> new Call.Release(claim, null)).ifPresent(this::ask);
            case RELEASE_ANOTHERS ->
                load.claimOfAnother(member.user(), random)
                        .map(claim -> new Call.Release(claim, null))
                        .ifPresent(this::ask);
        }
    }

    private String newKey() {
        keys++;
        return "c" + member.client() + "-" + keys;
    }

    private String anyPreset() {
        return load.anyPreset(random);
    }

    private Request request(String policy) {
        return Request.one(anyPreset(), policy);
    }

    private Request many() {
        int count = 2 + random.nextInt(MANY_MAX - 1);
        int atLeast = random.nextBoolean() ? count : 1 + random.nextInt(count);
        return new Request(List.of(anyPreset()), "fail", count, atLeast, random.nextBoolean() ? 0 : aWhile(), 0);
    }

    private Request waiting() {
        String preset = mostly() ? Load.scarcePreset() : anyPreset();
        String policy = random.nextInt(4) == 0 ? "wait_then_cold" : "wait";
        return new Request(
                List.of(preset),
                policy,
                1,
                1,
                random.nextBoolean() ? 0 : aWhile(),
                1 + random.nextInt(PATIENCE_SECONDS));
    }

    /** In seconds. */
    private int aWhile() {
        return 1 + random.nextInt(A_WHILE_SECONDS);
    }

    private Call.Renew renewal(UUID claim) {
        return new Call.Renew(claim, aWhile(), random.nextInt(3) == 0 ? generation(claim) : null);
    }

    /** That of the claim as it was told, or now and then another. */
    private Integer generation(UUID claim) {
        int told = generations.getOrDefault(claim, 1);
        return mostly() ? told : told + 1;
    }

    private <T> Optional<T> any(List<T> of) {
        return of.isEmpty() ? Optional.empty() : Optional.of(of.get(random.nextInt(of.size())));
    }

    private void claim(Call.Claim claim) {
        Optional<Event> event = ask(claim);
        remember(claim);
        if (event.isPresent() && event.get().answer() instanceof Answer.Unknown && mostly()) {
            insist(claim);
        }
    }

    private void claimOtherwise(Call.Claim claim) {
        ask(new Call.Claim(claim.key(), request("fail")));
    }

    /** Four times in five; else what was not told stays so. */
    private boolean mostly() {
        return random.nextInt(5) > 0;
    }

    private void atOnce(Call.Claim one, Call.Claim other) {
        Thread beside = Thread.ofVirtual().start(() -> {
            try (Caller second = load.caller(new Random(other.hashCode()))) {
                second.call(member, other);
            }
        });
        claim(one);
        try {
            beside.join();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void renew(Call.Renew renewal) {
        Optional<Event> event = ask(renewal);
        if (event.isPresent()
                && event.get().answer() instanceof Answer.Refused refused
                && refused.code().equals("claim_ended")) {
            end(renewal.claim());
        }
    }

    private void release(Call.Release release) {
        Optional<Event> event = ask(release);
        if (event.isPresent() && !(event.get().answer() instanceof Answer.Refused)) {
            end(release.claim());
            if (event.get().answer() instanceof Answer.Unknown && mostly()) {
                insist(release);
            }
        }
    }

    private void end(UUID claim) {
        if (held.remove(claim)) {
            ended.add(claim);
            forgetSome(ended);
        }
    }

    private void remember(Call.Claim claim) {
        if (claim.key() != null && !asked.contains(claim)) {
            asked.add(claim);
            forgetSome(asked);
        }
    }

    /** By chance, so that some are kept for long. */
    private void forgetSome(List<?> list) {
        if (list.size() > REMEMBERED_MAX) {
            var forgotten = list.remove(random.nextInt(list.size()));
        }
    }

    /** Asks until it is told. */
    private void insist(Call call) {
        for (int turn = 0; turn < INSISTS; turn++) {
            Optional<Event> event = ask(call);
            if (event.isPresent() && !(event.get().answer() instanceof Answer.Unknown)) {
                return;
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    @CanIgnoreReturnValue
    private Optional<Event> ask(Call call) {
        Optional<Event> event = caller.call(member, call);
        if (event.isEmpty()) {
            // Nobody serves at present; a server's start cannot be waited for here.
            LockSupport.parkNanos(PAUSE_NANOS);
            return event;
        }
        switch (event.get().answer()) {
            case Answer.Shown(var claims, var replayed) -> claims.forEach(this::see);
            case Answer.Unknown unknown -> LockSupport.parkNanos(PAUSE_NANOS);
            case Answer.Done done -> {}
            case Answer.Refused refused -> {}
        }
        return event;
    }

    private void see(Seen seen) {
        if (seen.ended()) {
            end(seen.claim());
        } else if (!held.contains(seen.claim())) {
            held.add(seen.claim());
            load.show(member.user(), seen.claim());
        }
        Integer generation = seen.generation();
        if (generation != null) {
            generations.put(seen.claim(), generation);
        }
    }
}
