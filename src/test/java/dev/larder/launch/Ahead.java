package dev.larder.launch;

import java.io.UncheckedIOException;

/**
 * Looks, before anything is built, for what would keep the main command from starting: a build takes a minute, and
 * whoever has forgotten a Larder in another window should hear of it at once.
 */
public final class Ahead {

    private Ahead() {}

    public static void main(String[] arguments) {
        try {
            look(Given.here());
        } catch (CannotStart reason) {
            System.err.println("larder: " + reason.getMessage());
            System.exit(1);
        } catch (UncheckedIOException failed) {
            System.err.println("larder: " + failed.getMessage());
            System.exit(1);
        }
    }

    /** Fails with {@link CannotStart}; changes nothing. */
    static void look(Given given) {
        Home home = given.home();
        home.refuseOwned();
        Address address = Address.of(given);
        // What a killed launcher left running has the port; the launcher ends that first.
        if (!Application.isLeftBehind(home)) {
            address.refuseTaken();
        }
    }
}
