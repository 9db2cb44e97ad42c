package dev.larder.cli.client;

import dev.larder.cli.Version;
import dev.larder.cli.client.ContextFile.Context;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/** One command's work with a server: which server, as which user, and where the output goes. */
final class Session {

    private final Terminal terminal;
    private final ServerOptions options;
    private final Output output;
    private @Nullable Context context;
    private boolean contextRead;
    private @Nullable ApiClient api;
    private @Nullable String organization;

    Session(Terminal terminal, ServerOptions options, Output output) {
        this.terminal = terminal;
        this.options = options;
        this.output = output;
    }

    Terminal terminal() {
        return terminal;
    }

    Output output() {
        return output;
    }

    /** The server's API, as the user of the token. Fails where the user has to log in first. */
    ApiClient api() {
        if (api == null) {
            String token = token().orElseThrow(() -> Failure.of(
                    ExitCode.NEEDS_LOGIN,
                    "no token. Run: larder login --server=" + server() + " --token-stdin, or set LARDER_TOKEN."));
            api = client(server(), token);
        }
        return api;
    }

    /** @param token null for a caller without one */
    ApiClient client(URI server, @Nullable String token) {
        if (token != null && !token.matches("[!-~]+")) {
            throw Failure.of(ExitCode.USAGE, "the token has a space or another character that no token has");
        }
        SSLContext trust = "http".equals(server.getScheme())
                ? Trust.nothing()
                : caFile().map(Trust::in).orElse(null);
        ApiClient.Target target = new ApiClient.Target(server, token, options.requestTimeout, trust);
        return new ApiClient(target, Version.number(), output::notice);
    }

    /** The address of the server: the option, then the environment, then the context. */
    URI server() {
        return chosenServer()
                .orElseThrow(() -> Failure.of(
                        ExitCode.NEEDS_LOGIN,
                        "no server. Run: larder login --server=https://larder.example.org --token-stdin,"
                                + " or set LARDER_URL and LARDER_TOKEN."));
    }

    /** As {@link #server}; empty where there is none. */
    Optional<URI> chosenServer() {
        return givenServer()
                .or(() -> Optional.ofNullable(context())
                        .map(used -> Addresses.of(used.server(), "the server of the context " + used.name())));
    }

    private Optional<URI> givenServer() {
        if (options.server != null) {
            return Optional.of(Addresses.checked(options.server, "--server"));
        }
        return Optional.ofNullable(terminal.variable("LARDER_URL")).map(url -> Addresses.of(url, "LARDER_URL"));
    }

    /** The token: an option, then the environment, then the context. */
    Optional<String> token() {
        if (options.token != null) {
            return Optional.of(options.token);
        }
        if (options.tokenFile != null) {
            return Optional.of(read(options.tokenFile));
        }
        String variable = terminal.variable("LARDER_TOKEN");
        return variable == null ? Optional.ofNullable(context()).map(Context::token) : Optional.of(variable.strip());
    }

    private static String read(Path file) {
        try {
            String token = Files.readString(file).strip();
            if (token.isEmpty()) {
                throw Failure.of(ExitCode.USAGE, "--token-file is empty: " + file);
            }
            return token;
        } catch (IOException unreadable) {
            throw Failure.of(ExitCode.USAGE, "--token-file cannot be read: " + file);
        }
    }

    Optional<Path> caFile() {
        if (options.caFile != null) {
            return Optional.of(options.caFile);
        }
        return Optional.ofNullable(context()).map(Context::caFile).map(Path::of);
    }

    /** The organization of a name that has none: the option, the environment, the context, the user's own. */
    String organization() {
        if (organization == null) {
            organization = namedOrganization().orElseGet(this::usersOrganization);
        }
        return organization;
    }

    /** As {@link #organization}, but empty where only the user's own would be left. */
    Optional<String> namedOrganization() {
        if (options.organization != null) {
            return Optional.of(options.organization);
        }
        String variable = terminal.variable("LARDER_ORGANIZATION");
        return variable == null ? Optional.ofNullable(context()).map(Context::organization) : Optional.of(variable);
    }

    private String usersOrganization() {
        String own = Json.text(api().get(Paths.of("me")).body(), "organizationId");
        if (own.isEmpty()) {
            throw Failure.of(
                    ExitCode.USAGE, "no organization. Example: --organization=demo, or a name like demo/template");
        }
        return own;
    }

    /**
     * The chosen context; null where there is none. A context that was named must exist. Where an option or the
     * environment gives the server's address, it is a context of that server: no other server gets its token.
     */
    @Nullable
    Context context() {
        if (!contextRead) {
            context = readContext();
            contextRead = true;
        }
        return context;
    }

    private @Nullable Context readContext() {
        ContextFile file = new ContextFile(terminal);
        ContextFile.Content content = file.read();
        String named = options.context == null ? terminal.variable("LARDER_CONTEXT") : options.context;
        if (named == null) {
            return unnamed(content);
        }
        return content.named(named)
                .orElseThrow(() -> Failure.of(
                        ExitCode.NOT_FOUND,
                        "there is no context '" + named + "' in " + file.file()
                                + ". 'larder context list' lists them."));
    }

    private @Nullable Context unnamed(ContextFile.Content content) {
        Optional<Context> current = Optional.ofNullable(content.current()).flatMap(content::named);
        Optional<URI> address = givenServer();
        if (address.isEmpty()) {
            return current.orElse(null);
        }
        String server = address.get().toString();
        return Stream.concat(current.stream(), content.contexts().stream())
                .filter(context -> context.server().equals(server))
                .findFirst()
                .orElse(null);
    }
}
