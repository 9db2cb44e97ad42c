package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The values of a version's parameters. Its files read them as settings, {@code current_setting('larder.region')}, so what
 * they make depends on them, and there is a template database for each set of values.
 *
 * <p>They are settings of the sessions that run the files and of no other: what a database or a role has set, every role of
 * the server can read. A parameter without a value is not set: {@code current_setting('larder.region', true)} is null.
 *
 * @param sensitive the values that stand in no log
 */
record Values(Map<String, String> byName, List<String> sensitive) {

    /** Only the superuser can read a role's password, so this role's is the server's secret. It cannot log in. */
    private static final String KEY_ROLE = "larder_key";

    private static final String DUPLICATE = "42710";
    private static final int DIGEST_BYTES = 8;
    private static final String MASK = "***";

    static Values of(Assignment assignment) {
        List<String> sensitive = assignment.parameters().values().entrySet().stream()
                .filter(one -> assignment.parameters().sensitive().contains(one.getKey()))
                .map(Map.Entry::getValue)
                .filter(value -> !value.isBlank())
                .sorted(Comparator.comparing(String::length).reversed())
                .toList();
        return new Values(new TreeMap<>(assignment.parameters().values()), sensitive);
    }

    /**
     * Sixteen hexadecimal digits; empty where there are no values. Every tenant can read the name of a database, so the digest
     * is keyed: it cannot be tried against guesses of a sensitive value.
     */
    Uni<String> digest(Admin admin) {
        return byName.isEmpty()
                ? Uni.createFrom().item("")
                : key(admin)
                        .chain(key -> key.isEmpty()
                                ? makeKey(admin).chain(() -> key(admin))
                                : Uni.createFrom().item(key))
                        .map(this::digest);
    }

    private static Uni<String> key(Admin admin) {
        return admin.ask("SELECT coalesce(max(rolpassword), '') AS key FROM pg_authid WHERE rolname = '" + KEY_ROLE
                        + "'")
                .map(rows -> rows.iterator().next().getString("key"));
    }

    private static Uni<Void> makeKey(Admin admin) {
        return admin.run("CREATE ROLE %s NOLOGIN PASSWORD '%s'"
                        .formatted(KEY_ROLE, Secret.random().verifier()))
                .onFailure(failure -> failure instanceof PgException told && DUPLICATE.equals(told.getSqlState()))
                .recoverWithNull();
    }

    private String digest(String key) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
            // With their lengths, so that no two sets of values read alike.
            byName.forEach((name, value) ->
                    mac.update((name + ' ' + value.length() + ' ' + value + '\n').getBytes(StandardCharsets.UTF_8)));
            return HexFormat.of().formatHex(mac.doFinal(), 0, DIGEST_BYTES);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException("every JDK has HmacSHA256", impossible);
        }
    }

    private static final String GIVE = """
            SELECT count(set_config('larder.' || p.name, p.value, false))
              FROM unnest($1::text[], $2::text[]) AS p (name, value)""";

    /** As parameters of the statement, so that no value stands in its text, which others may read. */
    Uni<Void> give(PgConnection session) {
        return byName.isEmpty()
                ? Uni.createFrom().voidItem()
                : session.preparedQuery(GIVE)
                        .execute(Tuple.of(
                                byName.keySet().toArray(String[]::new),
                                byName.values().toArray(String[]::new)))
                        .replaceWithVoid();
    }

    /** The text without sensitive values. */
    String masked(String text) {
        String masked = text;
        for (String value : sensitive) {
            masked = masked.replace(value, MASK);
        }
        return masked;
    }

    @Override
    public String toString() {
        return "Values" + byName.keySet();
    }
}
