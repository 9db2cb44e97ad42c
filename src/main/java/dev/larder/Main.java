package dev.larder;

import io.quarkus.picocli.runtime.PicocliRunner;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;

/** The binary's entrance: what is not a server listens on no port and asks no database. */
@QuarkusMain
public final class Main {

    private Main() {}

    public static void main(String... args) {
        if (args.length > 0) {
            System.setProperty("larder.role", args[0]);
            System.setProperty("quarkus.http.host-enabled", "false");
            System.setProperty("larder.metrics.jobs-every", "off");
        }
        Quarkus.run(PicocliRunner.class, args);
    }
}
