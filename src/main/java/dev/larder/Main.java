package dev.larder;

import dev.larder.cli.LarderCommand;
import io.quarkus.runtime.LaunchMode;
import io.quarkus.runtime.annotations.QuarkusMain;

/** The binary's entrance. The command line is parsed first; only a command that needs the application boots it. */
@QuarkusMain
public final class Main {

    Main() {}

    public static void main(String... args) {
        // Quarkus answers a target that is no URI with an empty 400; the edge answers it with a problem (http.Edge).
        System.setProperty("vertx.disableURIValidation", "true");
        int exit = LarderCommand.execute(args);
        // In dev mode the application ends at every live reload, and the process goes on.
        if (LaunchMode.current() != LaunchMode.DEVELOPMENT) {
            System.out.flush();
            System.err.flush();
            // The application does not run here: it ends the process itself. An ordinary exit would load its logging.
            Runtime.getRuntime().halt(exit);
        }
    }
}
