package dev.larder.catalog;

import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.Bounds;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.RolloutPolicy.Strategy;
import dev.larder.model.Schedule;
import dev.larder.model.Share;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Reads {@code prebuilds.rollout} of a preset (decision 0046). A field that would have no effect is refused. */
final class RolloutReader {

    static final Duration MIN_DEADLINE = Duration.ofMinutes(1);
    static final Duration MAX_DEADLINE = Duration.ofDays(30);
    static final Duration MAX_CANARY_DEADLINE = Duration.ofDays(7);
    static final Duration DEFAULT_CANARY_DEADLINE = Duration.ofMinutes(30);
    static final int MAX_JITTER_PERCENT = 50;

    private static final Pattern SHARE = Pattern.compile("[0-9]+%?");
    private static final List<String> OF_ROLLING =
            List.of("maxSurge", "maxUnavailable", "canary", "onFailure", "serveOld", "expiryJitter", "deadline");
    private static final String[] FIELDS =
            Stream.concat(Stream.of("strategy"), OF_ROLLING.stream()).toArray(String[]::new);

    private final boolean verified;
    private final Refusals refusals;

    /** @param verified whether the version has a verification */
    RolloutReader(boolean verified, Refusals refusals) {
        this.verified = verified;
        this.refusals = refusals;
    }

    /**
     * The policy of a preset; the default one where it declares none.
     *
     * @param instances empty where they are missing or refused
     */
    RolloutPolicy read(ObjectReader prebuilds, Optional<Integer> instances, List<Schedule> schedules) {
        Optional<SyntaxNode> declared = prebuilds.node("rollout");
        if (declared.isEmpty()) {
            return RolloutPolicy.DEFAULT;
        }
        ObjectReader form = ObjectReader.of(declared.get(), prebuilds.at("rollout"), refusals, FIELDS);
        RolloutPolicy policy = new RolloutPolicy(
                oneOf(form, "strategy", Strategy.values(), Strategy::word, "unknown_rollout_strategy")
                        .orElse(Strategy.ROLLING),
                new Bounds(
                        share(form, "maxSurge", Bounds.DEFAULT.surge()),
                        share(form, "maxUnavailable", Bounds.DEFAULT.unavailable())),
                canary(form),
                oneOf(form, "onFailure", OnFailure.values(), OnFailure::word, "unknown_failure_action")
                        .orElse(OnFailure.HOLD),
                form.flag("serveOld", true),
                jitterPercent(form),
                form.duration("deadline", MIN_DEADLINE, MAX_DEADLINE).orElse(RolloutPolicy.DEFAULT.deadline()));
        if (policy.isRolling()) {
            List<Integer> wanted = instances
                    .map(number -> Stream.concat(
                                    Stream.of(number), schedules.stream().map(Schedule::instances))
                            .toList())
                    .orElse(List.of());
            refuseStandstill(form, policy.bounds(), wanted);
            policy.canary().ifPresent(canary -> refuseCanary(form, canary, wanted));
            refuseWithoutEffect(form, policy, prebuilds.has("ttl"));
        } else {
            OF_ROLLING.stream().filter(form::has).forEach(field -> withoutEffect(form, field, "strategy is replace"));
        }
        return policy;
    }

    private <T> Optional<T> oneOf(ObjectReader form, String field, T[] known, Function<T, String> word, String code) {
        Optional<String> text = form.text(field);
        Optional<T> found = text.flatMap(given ->
                Stream.of(known).filter(one -> word.apply(one).equals(given)).findFirst());
        if (text.isPresent() && found.isEmpty()) {
            List<String> words = Stream.of(known).map(word).toList();
            refusals.add(code, form.at(field), "must be one of " + String.join(", ", words) + ".");
        }
        return found;
    }

    private Share share(ObjectReader form, String field, Share absent) {
        return share(form, field, "a whole number from 0 to " + Share.MOST + ", or a percentage from 0% to 100%")
                .orElse(absent);
    }

    /** A text that is no share: {@code invalid_share}. One outside of its bounds: {@code out_of_range}. */
    private Optional<Share> share(ObjectReader form, String field, String rule) {
        Optional<String> text = form.node(field).flatMap(node -> form.scalar(node, form.at(field)));
        Optional<Share> share = text.flatMap(Share::read);
        if (text.isPresent() && share.isEmpty()) {
            String code = SHARE.matcher(text.get()).matches() ? "out_of_range" : "invalid_share";
            refusals.add(code, form.at(field), "must be " + rule + ".");
        }
        return share;
    }

    private int jitterPercent(ObjectReader form) {
        String rule = "a percentage of the ttl from 0% to " + MAX_JITTER_PERCENT + "%";
        Optional<Share> share = share(form, "expiryJitter", rule);
        if (share.isPresent() && !share.get().percentage()) {
            refusals.add("invalid_share", form.at("expiryJitter"), "must be " + rule + ".");
        } else if (share.isPresent() && share.get().number() > MAX_JITTER_PERCENT) {
            refusals.add("out_of_range", form.at("expiryJitter"), "must be " + rule + ".");
        }
        return share.map(Share::number).orElse(0);
    }

    private Optional<Canary> canary(ObjectReader rollout) {
        Optional<SyntaxNode> declared = rollout.node("canary");
        if (declared.isEmpty()) {
            return Optional.empty();
        }
        ObjectReader form = ObjectReader.of(
                declared.get(), rollout.at("canary"), refusals, "instances", "verify", "trialClaim", "deadline");
        form.requirePresent("instances");
        boolean verify = form.flag("verify");
        if (verify && !verified) {
            refusals.add("missing_verify_script", form.at("verify"), "needs backend exec and a file verify.sh.");
        }
        boolean trialClaim = form.flag("trialClaim");
        Duration deadline =
                form.duration("deadline", MIN_DEADLINE, MAX_CANARY_DEADLINE).orElse(DEFAULT_CANARY_DEADLINE);
        return form.wholeNumber("instances", 1, DeclarationReader.MAX_INSTANCES)
                .map(instances -> new Canary(instances, verify, trialClaim, deadline));
    }

    /** Percentages count too: 10% of 5 that may be unavailable are none. */
    private void refuseStandstill(ObjectReader form, Bounds bounds, List<Integer> wanted) {
        if (!bounds.surge().isZero()) {
            return;
        }
        if (bounds.unavailable().isZero()) {
            refusals.add("rollout_stands_still", form.at("maxSurge"), "is 0, and so is maxUnavailable.");
            return;
        }
        wanted.stream()
                .filter(instances -> instances > 0 && bounds.unavailableOf(instances) == 0)
                .min(Integer::compare)
                .ifPresent(instances -> refusals.add(
                        "rollout_stands_still",
                        form.at("maxUnavailable"),
                        "is none of " + instances + " instances (rounded down), and maxSurge is 0."));
    }

    private void refuseCanary(ObjectReader form, Canary canary, List<Integer> wanted) {
        int most = wanted.stream().mapToInt(Integer::intValue).max().orElse(DeclarationReader.MAX_INSTANCES);
        if (canary.instances() > most) {
            refusals.add(
                    "canary_too_large",
                    form.at("canary") + ".instances",
                    "must be at most " + most + ": neither instances nor a schedule wants more.");
        }
    }

    private void refuseWithoutEffect(ObjectReader form, RolloutPolicy policy, boolean expires) {
        if (!policy.serveOld()) {
            String why = "serveOld is false: a promotion then replaces all at once";
            List.of("canary", "onFailure").stream().filter(form::has).forEach(field -> withoutEffect(form, field, why));
        }
        if (policy.jitterPercent() > 0 && !expires) {
            withoutEffect(form, "expiryJitter", "there is no ttl");
        }
    }

    private void withoutEffect(ObjectReader form, String field, String why) {
        refusals.add("option_without_effect", form.at(field), "has no effect: " + why + ".");
    }
}
