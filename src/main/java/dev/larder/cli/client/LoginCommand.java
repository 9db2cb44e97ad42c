package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.cli.client.ContextFile.Context;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Checks a token with the server and keeps it in a context, which becomes the current one. */
@Command(
        name = "login",
        description = "Checks a token with a server, and keeps both in a context. The context becomes the current one.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder login --server=https://larder.example.org --token-stdin < token.txt",
            "  larder login --server=http://127.0.0.1:8080 --token-file=.larder/owner-token -O demo"
        })
public final class LoginCommand extends ClientCommand {

    private static final int TOKEN_MAX = 4096;

    @Option(names = "--token-stdin", description = "Reads the token from standard input.")
    boolean fromInput;

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "The context's name. Default: that of a context of the same server, else the server's host.")
    @Nullable
    String name;

    @Override
    ExitCode run(Session session) {
        URI address = session.server();
        String token = token(session);
        JsonNode me = session.client(address, token).get(Paths.of("me")).body();
        Context context = context(session, address, token);
        ContextFile file = new ContextFile(session.terminal());
        file.write(file.read().with(context).using(context.name()));
        session.output()
                .notice("logged in to " + address + " as " + Json.text(me, "name") + " (" + Json.text(me, "role")
                        + "), context " + context.name());
        return ExitCode.OK;
    }

    private String token(Session session) {
        if (fromInput) {
            return read(session.terminal());
        }
        return session.token()
                .orElseThrow(() -> usage("Missing: --token-stdin, --token-file=FILE or LARDER_TOKEN."
                        + " 'POST /api/v1/tokens' of the server issues a token."));
    }

    private String read(Terminal terminal) {
        try {
            String token = new String(terminal.in().readNBytes(TOKEN_MAX), StandardCharsets.UTF_8).strip();
            if (token.isEmpty()) {
                throw usage("--token-stdin: standard input is empty.");
            }
            return token;
        } catch (IOException unreadable) {
            throw Failure.of(ExitCode.FAILED, "standard input cannot be read: " + unreadable.getMessage());
        }
    }

    private Context context(Session session, URI address, String token) {
        String chosen = Optional.ofNullable(name)
                .or(() -> Optional.ofNullable(session.context()).map(Context::name))
                .orElseGet(
                        () -> address.getPort() < 0 ? address.getHost() : address.getHost() + ":" + address.getPort());
        return new Context(
                chosen,
                address.toString(),
                token,
                session.namedOrganization().orElse(null),
                session.caFile().map(file -> file.toAbsolutePath().toString()).orElse(null));
    }
}
