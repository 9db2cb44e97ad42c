package dev.larder.webhooks;

import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Where a webhook's requests go.
 *
 * @param host a name without a trailing dot, or the literal of an address without brackets
 * @param target path and query, in ASCII
 */
record Receiver(boolean tls, String host, int port, String target) {

    private static final int URL_BYTES_MAX = 2_000;
    private static final int HTTPS = 443;
    private static final int HTTP = 80;
    private static final int PORT_OF_USERS = 1_024;
    private static final int PORT_MAX = 65_535;

    private static final String NUMBER = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    private static final Pattern IPV4 = Pattern.compile(NUMBER + "(?:\\." + NUMBER + "){3}");

    /** A host that ends so is read as a number by some: 0x7f.1, 2130706433, 127.1, 0177.0.0.1. */
    private static final Pattern NUMERIC = Pattern.compile("(?:.*\\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)");

    private static final Pattern NAME =
            Pattern.compile("(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\\.[a-z0-9_-]{1,63})*");
    private static final Pattern IPV6 = Pattern.compile("[0-9a-f:.]+");

    /** What was read. */
    sealed interface Read {

        record Good(Receiver receiver) implements Read {}

        /** @param detail what the URL must be; does not repeat it */
        record Refused(String code, String detail) implements Read {}
    }

    /** @param http whether a URL may do without TLS */
    static Read of(String url, boolean http) {
        if (url.getBytes(StandardCharsets.UTF_8).length > URL_BYTES_MAX) {
            return invalid("must have at most " + URL_BYTES_MAX + " bytes.");
        }
        try {
            return of(new URI(new URI(url).toASCIIString()), http);
        } catch (URISyntaxException notAUri) {
            return invalid("must be an absolute URL such as https://example.org/hooks.");
        }
    }

    private static Read of(URI uri, boolean http) {
        String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
        boolean tls = scheme.equals("https");
        if (!tls && !scheme.equals("http")) {
            return invalid("must be an absolute URL that begins with https://.");
        }
        if (!tls && !http) {
            return new Read.Refused("https_required", "must begin with https://.");
        }
        if (uri.getRawUserInfo() != null || uri.getRawFragment() != null) {
            return invalid("must have no user and no fragment.");
        }
        String host = host(uri);
        if (host.isEmpty()) {
            return invalid("must name a host: a DNS name, four decimal numbers, or an IPv6 address in brackets.");
        }
        int port = uri.getPort() < 0 ? (tls ? HTTPS : HTTP) : uri.getPort();
        if (port != HTTPS && port != HTTP && (port < PORT_OF_USERS || port > PORT_MAX)) {
            return new Read.Refused("port_not_allowed", "must have port 80, 443, or one from 1024 to 65535.");
        }
        return new Read.Good(new Receiver(tls, host, port, target(uri)));
    }

    private static Read invalid(String detail) {
        return new Read.Refused("invalid_url", detail);
    }

    /** Empty where there is none, or programs would disagree on what it means. */
    private static String host(URI uri) {
        String host = String.valueOf(uri.getHost()).toLowerCase(Locale.ROOT);
        if (uri.getHost() == null) {
            return "";
        }
        if (host.startsWith("[")) {
            String literal = host.substring(1, host.length() - 1);
            return IPV6.matcher(literal).matches() ? literal : "";
        }
        String name = host.endsWith(".") ? host.substring(0, host.length() - 1) : host;
        boolean good = NUMERIC.matcher(name).matches()
                ? IPV4.matcher(name).matches()
                : NAME.matcher(name).matches();
        return good ? name : "";
    }

    private static String target(URI uri) {
        String path = uri.getRawPath() == null || uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
        return uri.getRawQuery() == null ? path : path + "?" + uri.getRawQuery();
    }

    /** Whether the host is an address, so that no name is looked up. */
    boolean isLiteral() {
        return host.contains(":") || IPV4.matcher(host).matches();
    }

    /** The address, of a host that {@link #isLiteral}. */
    InetAddress literal() {
        try {
            return InetAddress.getByName(host);
        } catch (UnknownHostException notALiteral) {
            throw new IllegalStateException(notALiteral);
        }
    }

    /** For the {@code Host} header: the port only where it is not the scheme's own. */
    String authority() {
        String name = host.contains(":") ? "[" + host + "]" : host;
        return port == (tls ? HTTPS : HTTP) ? name : name + ":" + port;
    }
}
