package dev.larder.cli.client;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/** Addresses of the API, with encoded parts. */
final class Paths {

    private static final String API = "/api/v1";

    private Paths() {}

    /** {@code of("claims", id)} is {@code /api/v1/claims/ID}. */
    static String of(String... parts) {
        StringBuilder path = new StringBuilder(API);
        for (String part : parts) {
            path.append(part(part));
        }
        return path.toString();
    }

    /** One more part, with its slash. */
    static String part(String part) {
        return '/' + encoded(part);
    }

    /** Adds {@code name=value} to the query. */
    static String with(String path, String name, String value) {
        return path + (path.indexOf('?') < 0 ? '?' : '&') + name + '=' + encoded(value);
    }

    private static String encoded(String part) {
        return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
