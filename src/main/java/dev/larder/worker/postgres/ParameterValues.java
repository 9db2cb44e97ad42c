package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import dev.larder.model.Target;
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
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Values of a version's parameters, which SQL reads as settings: {@code current_setting('larder.region')}. A parameter
 * without a value is not set: {@code current_setting('larder.region', true)} is null.
 *
 * <p>While the version's files run, all values are settings of the session. The files may create different objects for
 * different values, so each set of values has a template database. In a workspace the values that are not sensitive
 * are settings of its database, among them those that a claim gave late. Every role of the server can read the
 * settings of databases, so a sensitive value is none (decision 0040).
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

    /** What the version's files read. A late value would give each claim a template database of its own. */
    static ParameterValues ofFiles(Assignment assignment) {
        Target.Parameters parameters = assignment.parameters();
        List<String> sensitive = parameters.early().entrySet().stream()
                .filter(one -> parameters.sensitive().contains(one.getKey()))
                .map(Map.Entry::getValue)
                .filter(value -> !value.isBlank())
                .sorted(Comparator.comparing(String::length).reversed())
                .toList();
        return new ParameterValues(new TreeMap<>(parameters.early()), sensitive);
    }

    /** What the settings of the workspace's database are. */
    static ParameterValues ofWorkspace(Assignment assignment) {
        Map<String, String> values = new TreeMap<>(assignment.parameters().values());
        values.keySet().removeAll(assignment.parameters().sensitive());
        return new ParameterValues(values, List.of());
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
                .onFailure(ParameterValues::isNotAllowed)
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

    private static final String SET_IN_SESSION = """
            SELECT count(set_config('larder.' || p.name, p.value, false))
              FROM unnest($1::text[], $2::text[]) AS p (name, value)""";

    /** Sets the values in a session, as parameters of a statement: other roles may read the text of a statement. */
    Uni<Void> setIn(PgConnection session) {
        return byName.isEmpty()
                ? Uni.createFrom().voidItem()
                : session.preparedQuery(SET_IN_SESSION)
                        .execute(Tuple.of(
                                byName.keySet().toArray(String[]::new),
                                byName.values().toArray(String[]::new)))
                        .replaceWithVoid();
    }

    private static final String LOG_NO_VALUES = """
            SELECT set_config('log_parameter_max_length', '0', false)
             WHERE has_parameter_privilege('log_parameter_max_length', 'SET')""";

    /**
     * Makes them settings of a database: of its sessions from now on. The values are set in the administrative session
     * and taken from there, so that no statement has them in its text, where logs and other roles would see them.
     *
     * @throws BackendFailure {@code backend_unsuitable} if the configured role is no superuser and was not granted the
     *     right to set them
     */
    Uni<Void> setIn(AdminSession admin, String database) {
        if (byName.isEmpty()) {
            return Uni.createFrom().voidItem();
        }
        // Quoted, because a name may be a word of SQL.
        String statements = byName.keySet().stream()
                .map(name -> "ALTER DATABASE %s SET larder.\"%s\" FROM CURRENT".formatted(database, name))
                .collect(Collectors.joining(";\n"));
        return admin.query(LOG_NO_VALUES)
                .chain(() -> admin.inSession(this::setIn))
                .chain(() -> admin.execute(statements))
                .onFailure(ParameterValues::isNotAllowed)
                .transform(failure -> notAllowed());
    }

    private BackendFailure notAllowed() {
        String names = byName.keySet().stream().map(name -> "larder." + name).collect(Collectors.joining(", "));
        return new BackendFailure(
                "backend_unsuitable",
                "The configured role may not give a database the settings " + names
                        + ": a superuser must GRANT SET ON PARAMETER to it, for each of them.");
    }

    private static boolean isNotAllowed(Throwable failure) {
        return failure instanceof PgException told && NO_RIGHT.equals(told.getSqlState());
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
