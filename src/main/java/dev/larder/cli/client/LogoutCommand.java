package dev.larder.cli.client;

import dev.larder.cli.client.ContextFile.Context;
import picocli.CommandLine.Command;

/** Forgets the token of a context. */
@Command(
        name = "logout",
        description = "Forgets the token of a context. The token itself stays valid until it is revoked or expires.",
        footerHeading = "%nExamples:%n",
        footer = {"  larder logout", "  larder logout --context=production"})
public final class LogoutCommand extends ClientCommand {

    @Override
    ExitCode run(Session session) {
        Context context = session.context();
        if (context == null) {
            session.output().notice("there is no context");
            return ExitCode.OK;
        }
        ContextFile file = new ContextFile(session.terminal());
        file.write(file.read().with(context.withToken(null)));
        session.output().notice("the token of the context " + context.name() + " is forgotten");
        return ExitCode.OK;
    }
}
