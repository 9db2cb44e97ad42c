package dev.larder.client.junit;

import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * A claimed database of the backend {@code postgres}.
 *
 * @param url with user and password, as {@code psql} reads it
 */
public record Database(String host, int port, String name, String user, String password, String url) {

    /** Reads the outputs of a claim; fails where the workspace is no database. */
    public static Database of(Map<String, String> outputs) {
        return new Database(
                output(outputs, "host"),
                Integer.parseInt(output(outputs, "port")),
                output(outputs, "database"),
                output(outputs, "user"),
                output(outputs, "password"),
                output(outputs, "url"));
    }

    private static String output(Map<String, String> outputs, String name) {
        return Optional.ofNullable(outputs.get(name))
                .orElseThrow(
                        () -> new NoSuchElementException("the workspace is no database: it has no output " + name));
    }

    /** For JDBC, which takes user and password beside it. */
    public String jdbcUrl() {
        return "jdbc:postgresql://%s:%d/%s".formatted(host.contains(":") ? "[" + host + "]" : host, port, name);
    }

    /** Without the password. */
    @Override
    public String toString() {
        return "Database[%s, user=%s]".formatted(jdbcUrl(), user);
    }
}
