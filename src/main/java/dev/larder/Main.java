package dev.larder;

import dev.larder.cli.LarderCommand;
import io.quarkus.runtime.annotations.QuarkusMain;

/** The binary's entrance. The command line is parsed first; only a command that needs the application boots it. */
@QuarkusMain
public final class Main {

    Main() {}

    public static void main(String... args) {
        System.exit(LarderCommand.execute(args));
    }
}
