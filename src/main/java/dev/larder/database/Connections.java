package dev.larder.database;

import dev.larder.model.MisconfiguredException;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.SslMode;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads the addresses of PostgreSQL servers, so that every connection of Larder has the same TLS settings (decision
 * 0024). An address is {@code postgresql://user:password@host:port/database?parameters}. Of libpq's parameters it
 * accepts those in {@link #OWN} and {@link #CLIENT}, and refuses all others by name.
 */
public final class Connections {

    /** Characters. A longer statement is parsed and planned for each call. The client's own limit is 2,048. */
    static final int STATEMENT_MAX = 16_384;

    /** Read here; the client would ignore them. */
    private static final Set<String> OWN =
            Set.of("sslrootcert", "sslcert", "sslkey", "target_session_attrs", "connect_timeout");

    /** Read by the client. */
    private static final Set<String> CLIENT = Set.of(
            "port",
            "host",
            "hostaddr",
            "user",
            "password",
            "dbname",
            "sslmode",
            "application_name",
            "fallback_application_name",
            "search_path",
            "options");

    /** A server that accepts writes; Larder can use no other. */
    private static final Set<String> WRITABLE = Set.of("primary", "read-write");

    private static final Pattern SEVERAL_HOSTS =
            Pattern.compile("((?:vertx-reactive:)?postgres(?:ql)?://(?:[^@/?]*@)?)([^/?]+,[^/?]+)([/?].*)?");

    private Connections() {}

    /** Prepares statements once per connection, whatever their length. */
    public static PgConnectOptions prepared(PgConnectOptions connection) {
        return connection.setCachePreparedStatements(true).setPreparedStatementCacheSqlLimit(STATEMENT_MAX);
    }

    /** A complete copy. The client's own copies lose the setting for a proxy. */
    static PgConnectOptions copy(PgConnectOptions options) {
        return new PgConnectOptions(options).setUseLayer7Proxy(options.getUseLayer7Proxy());
    }

    /**
     * Splits an address with several hosts ({@code postgresql://a:1,b:2/db}) into one address for each, separated
     * by commas.
     */
    static String oneHostEach(String address) {
        Matcher several = SEVERAL_HOSTS.matcher(address);
        if (!several.matches()
                || several.group(2).contains("//")
                || several.group(2).endsWith(":")) {
            return address;
        }
        String after = several.group(3) == null ? "" : several.group(3);
        List<String> each = new ArrayList<>();
        for (String host : several.group(2).split(",", -1)) {
            each.add(several.group(1) + host + after);
        }
        return String.join(",", each);
    }

    /**
     * Reads an address of one host.
     *
     * @param key the setting that holds the address, named in a refusal
     * @throws MisconfiguredException with one sentence that contains no part of the address but the name of a
     *     parameter
     */
    public static PgConnectOptions of(String key, String address) {
        String url = withoutPrefix(address);
        PgConnectOptions options;
        try {
            options = PgConnectOptions.fromUri(forClient(key, url));
        } catch (IllegalArgumentException unreadable) {
            // The client's message contains the address, and so the password.
            throw new MisconfiguredException(
                    key + ": is not an address like postgresql://host:5432/database?sslmode=verify-full");
        }
        return complete(key, options, address);
    }

    /** Reads an address of one or several hosts. User, password and TLS default to those of the other address. */
    static List<PgConnectOptions> like(String key, PgConnectOptions other, String address) {
        List<PgConnectOptions> hosts = new ArrayList<>();
        for (String one : oneHostEach(address).split(",", -1)) {
            PgConnectOptions read = of(key, one);
            PgConnectOptions host = new PgConnectOptions(other)
                    .setHost(read.getHost())
                    .setPort(read.getPort())
                    .setDatabase(read.getDatabase())
                    .setUseLayer7Proxy(false);
            String url = withoutPrefix(one);
            if (url.contains("@") || parameters(key, url).containsKey("user")) {
                host.setUser(read.getUser()).setPassword(read.getPassword());
            }
            if (parameters(key, url).containsKey("sslmode")) {
                host.setSslMode(read.getSslMode());
            }
            hosts.add(encrypted(key, host, parameters(key, url)));
        }
        return hosts;
    }

    /** Applies the parameters that the client does not read itself. */
    static PgConnectOptions complete(String key, PgConnectOptions options, String address) {
        Map<String, String> parameters = parameters(key, withoutPrefix(address));
        String writable = parameters.get("target_session_attrs");
        if (writable != null && !WRITABLE.contains(writable)) {
            throw new MisconfiguredException(
                    key + ": target_session_attrs must be primary, since Larder writes to its database");
        }
        String seconds = parameters.get("connect_timeout");
        if (seconds != null) {
            options.setConnectTimeout(Math.multiplyExact(wholeSeconds(key, seconds), 1_000));
        }
        encrypted(key, options, parameters).setTcpKeepAlive(true);
        return options.setProperties(startup(options.getProperties()));
    }

    // PgBouncer refuses these two. PostgreSQL's defaults are the same values.
    private static Map<String, String> startup(Map<String, String> properties) {
        Map<String, String> kept = new HashMap<>(properties);
        kept.keySet().removeAll(Set.of("extra_float_digits", "intervalStyle"));
        kept.replace("application_name", "vertx-pg-client", "larder");
        return kept;
    }

    private static int wholeSeconds(String key, String text) {
        if (!text.matches("[1-9][0-9]{0,3}")) {
            throw new MisconfiguredException(key + ": connect_timeout must be whole seconds");
        }
        return Integer.parseInt(text);
    }

    /** As in libpq: {@code require} does not verify the certificate unless an authority is configured. */
    private static PgConnectOptions encrypted(String key, PgConnectOptions options, Map<String, String> parameters) {
        @Nullable Path authority = file(key, "sslrootcert", parameters);
        if (authority != null) {
            options.setPemTrustOptions(new PemTrustOptions().addCertPath(authority.toString()));
        }
        @Nullable Path certificate = file(key, "sslcert", parameters);
        @Nullable Path secret = file(key, "sslkey", parameters);
        if (certificate != null && secret != null) {
            options.setPemKeyCertOptions(
                    new PemKeyCertOptions().addCertPath(certificate.toString()).addKeyPath(secret.toString()));
        } else if (certificate != null || secret != null) {
            throw new MisconfiguredException(key + ": sslcert and sslkey are given together or not at all");
        }
        boolean checked = options.getTrustOptions() != null;
        switch (options.getSslMode()) {
            case DISABLE -> {
                if (authority != null || certificate != null) {
                    throw new MisconfiguredException(
                            key + ": with sslrootcert or sslcert an sslmode is needed, such as verify-full");
                }
            }
            case ALLOW, PREFER -> options.setTrustAll(!checked || options.isTrustAll());
            case REQUIRE -> {
                if (checked) {
                    options.setSslMode(SslMode.VERIFY_CA).setHostnameVerificationAlgorithm("");
                } else {
                    options.setTrustAll(true);
                }
            }
            case VERIFY_CA -> {
                needsAuthority(key, checked);
                options.setHostnameVerificationAlgorithm("");
            }
            case VERIFY_FULL -> {
                needsAuthority(key, checked);
                options.setHostnameVerificationAlgorithm("HTTPS");
            }
        }
        return options;
    }

    private static void needsAuthority(String key, boolean there) {
        if (!there) {
            throw new MisconfiguredException(
                    key
                            + ": to verify the server's certificate, sslrootcert must name a file with its authority's certificate");
        }
    }

    private static @Nullable Path file(String key, String name, Map<String, String> parameters) {
        String path = parameters.get(name);
        if (path == null) {
            return null;
        }
        if (!Files.isReadable(Path.of(path))) {
            throw new MisconfiguredException(key + ": the file that " + name + " names cannot be read");
        }
        return Path.of(path);
    }

    /** Quarkus allows its own prefix before an address. */
    private static String withoutPrefix(String address) {
        return address.strip().replaceFirst("^vertx-reactive:", "");
    }

    private static String forClient(String key, String url) {
        int query = url.indexOf('?');
        if (query < 0) {
            return url;
        }
        List<String> kept = new ArrayList<>();
        for (String one : url.substring(query + 1).split("&", -1)) {
            if (!OWN.contains(one.replaceFirst("=.*", ""))) {
                kept.add(one);
            }
        }
        return url.substring(0, query) + (kept.isEmpty() ? "" : "?" + String.join("&", kept));
    }

    private static Map<String, String> parameters(String key, String url) {
        Map<String, String> parameters = new LinkedHashMap<>();
        int query = url.indexOf('?');
        if (query < 0) {
            return parameters;
        }
        for (String one : url.substring(query + 1).split("&", -1)) {
            String name = one.replaceFirst("=.*", "");
            if (!OWN.contains(name) && !CLIENT.contains(name)) {
                throw new MisconfiguredException(
                        key + ": '" + name.replaceAll("[^a-zA-Z0-9_]", "?") + "' is not a parameter Larder knows");
            }
            parameters.put(name, decoded(one.substring(Math.min(one.length(), name.length() + 1))));
        }
        return parameters;
    }

    private static String decoded(String text) {
        // A plus sign stands for itself: only forms encode a space so.
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }
}
