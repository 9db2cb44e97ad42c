package dev.larder;

import io.quarkus.picocli.runtime.PicocliRunner;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import java.security.SecureRandom;
import java.util.Base64;

/** The binary's entrance: what is not a server listens on no port and asks no database. */
@QuarkusMain
public final class Main {

    Main() {}

    public static void main(String... args) {
        // Quarkus answers a target that is no URI with an empty 400; the edge answers it with a problem (http.Edge).
        System.setProperty("vertx.disableURIValidation", "true");
        if (args.length > 0) {
            System.setProperty("larder.role", args[0]);
            System.setProperty("quarkus.http.host-enabled", "false");
            System.setProperty("larder.encryption.key", anyKey());
        }
        Quarkus.run(PicocliRunner.class, args);
    }

    /** Nothing is sealed or opened here; what would do it wants a key all the same. */
    private static String anyKey() {
        byte[] key = new byte[32];
        new SecureRandom().nextBytes(key);
        return Base64.getEncoder().encodeToString(key);
    }
}
