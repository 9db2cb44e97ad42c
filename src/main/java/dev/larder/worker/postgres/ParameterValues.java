package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import io.smallrye.mutiny.Uni;
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
 * The values of a version's parameters. The version's files read them as settings, {@code
 * current_setting('larder.region')}. The files may create different objects for different values, so each set of values
 * has a template database.
 *
 * <p>The values are settings of the sessions that run the files, and of no database or role: every role of the
 * server can read those. A parameter without a value is not set: {@code current_setting('larder.region', true)} is
 * null.
 *
 * @param sensitive the values that are masked in logs
 */
record ParameterValues(Map<String, String> byName, List<String> sensitive) {

    /** The password of this role is the key of the digest: only a superuser can read it. The role cannot log in. */
    private static final String KEY_ROLE = "larder_key";

    private static final String DUPLICATE = "42710";

    /** Only a superuser reads passwords. The key is then a secret that only the workers of the server have. */
    private static final String NO_RIGHT = "42501";

    private static final int DIGEST_BYTES = 8;
    private static final String MASK = "***";

    static ParameterValues of(Assignment assignment) {
        List<String> sensitive = assignment.parameters().values().entrySet().stream()
                .filter(one -> assignment.parameters().sensitive().contains(one.getKey()))
                .map(Map.Entry::getValue)
                .filter(value -> !value.isBlank())
                .sorted(Comparator.comparing(String::length).reversed())
                .toList();
        return new ParameterValues(new TreeMap<>(assignment.parameters().values()), sensitive);
    }

    /**
     * A digest of 16 hexadecimal digits; empty if there are no values. The digest is part of a database name, which
     * every tenant can read, so it is keyed: a guess of a sensitive value cannot be checked against it.
     */
    Uni<String> digest(AdminSession admin) {
        return byName.isEmpty()
                ? Uni.createFrom().item("")
                : key(admin)
                        .chain(key -> key.isEmpty()
                                ? makeKey(admin).chain(() -> key(admin))
                                : Uni.createFrom().item(key))
                        .map(this::digest);
    }

    private static Uni<String> key(AdminSession admin) {
        return admin.query("SELECT coalesce(max(rolpassword), '') AS key FROM pg_authid WHERE rolname = '" + KEY_ROLE
                        + "'")
                .map(rows -> rows.iterator().next().getString("key"))
                .onFailure(failure -> failure instanceof PgException told && NO_RIGHT.equals(told.getSqlState()))
                .recoverWithItem(admin.server()::key);
    }

    private static Uni<Void> makeKey(AdminSession admin) {
        return admin.execute("CREATE ROLE %s NOLOGIN PASSWORD '%s'"
                        .formatted(KEY_ROLE, RolePassword.random().verifier()))
                .onFailure(failure -> failure instanceof PgException told && DUPLICATE.equals(told.getSqlState()))
                .recoverWithNull();
    }

    private String digest(String key) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
            // Includes lengths, so that two sets of values never give the same text.
            byName.forEach((name, value) ->
                    mac.update((name + ' ' + value.length() + ' ' + value + '\n').getBytes(StandardCharsets.UTF_8)));
            return HexFormat.of().formatHex(mac.doFinal(), 0, DIGEST_BYTES);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException("every JDK has HmacSHA256", impossible);
        }
    }

    /** The text with sensitive values masked. */
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
