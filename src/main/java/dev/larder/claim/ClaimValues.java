package dev.larder.claim;

import dev.larder.claim.NewClaim.Terms;
import dev.larder.database.Rows;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** New claims as the values of a statement's parameters. Pure. */
final class ClaimValues {

    private ClaimValues() {}

    /** The names of the parameters that all forms of {@link ClaimStore}'s statement have. */
    static final List<String> NAMES = List.of(
            "preset",
            "at",
            "claims",
            "users",
            "organizations",
            "keys",
            "hashes",
            "ordinals",
            "ttls",
            "priorities",
            "deadlines",
            "then_cold",
            "labels",
            "fitting",
            "late",
            "at_least",
            "within_quota",
            "waiting_max");

    /** Their values. */
    static List<@Nullable Object> values(
            UUID preset, List<NewClaim> claims, int atLeast, boolean withinQuota, int waitingMax, Instant at) {
        return new ArrayList<>(Arrays.asList(
                preset,
                Rows.utc(at),
                each(claims, NewClaim::id, UUID[]::new),
                each(claims, claim -> claim.caller().userId(), UUID[]::new),
                each(claims, claim -> claim.caller().organization().orElse(null), UUID[]::new),
                each(claims, claim -> key(claim.terms()), String[]::new),
                each(claims, claim -> hash(claim.terms()), Buffer[]::new),
                each(claims, NewClaim::ordinal, Integer[]::new),
                each(claims, claim -> ttl(claim.terms()), Integer[]::new),
                each(claims, claim -> ofPolicy(claim, WaitPolicy::priority), Integer[]::new),
                each(claims, claim -> ofPolicy(claim, policy -> Rows.utc(policy.until())), OffsetDateTime[]::new),
                each(claims, claim -> ofPolicy(claim, WaitPolicy::thenCold), Boolean[]::new),
                each(claims, claim -> labels(claim.terms()), String[]::new),
                each(claims, claim -> fitting(claim.terms()), String[]::new),
                each(claims, claim -> claim.terms().parameters().late(), String[]::new),
                atLeast,
                withinQuota,
                waitingMax));
    }

    private static <T> @Nullable T[] each(
            List<NewClaim> claims, Function<NewClaim, @Nullable T> field, IntFunction<@Nullable T[]> array) {
        return claims.stream().map(field).toArray(array);
    }

    private static <T> @Nullable T ofPolicy(NewClaim claim, Function<WaitPolicy, T> field) {
        return claim.terms().waitPolicy().map(field).orElse(null);
    }

    static @Nullable String key(Terms terms) {
        return terms.key().map(IdempotencyKey::key).orElse(null);
    }

    static @Nullable Buffer hash(Terms terms) {
        return terms.key().map(IdempotencyKey::hash).map(Buffer::buffer).orElse(null);
    }

    static @Nullable Integer ttl(Terms terms) {
        return terms.ttl().map(Rows::wholeSeconds).orElse(null);
    }

    /** As the text of a JSON object; null where there are none. */
    static @Nullable String labels(Terms terms) {
        return json(terms.labels());
    }

    /** The same of the values that its workspace's preset must have. */
    static @Nullable String fitting(Terms terms) {
        return json(terms.parameters().fitting());
    }

    private static @Nullable String json(Map<String, String> texts) {
        return texts.isEmpty() ? null : new JsonObject(new TreeMap<>(texts)).encode();
    }
}
