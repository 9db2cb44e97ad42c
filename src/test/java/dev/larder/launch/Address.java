package dev.larder.launch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;

/** Where the application listens. */
record Address(String host, int port) {

    /** Fails with {@link CannotStart} where the port is no number. */
    static Address of(Given given) {
        String wanted = given.first("LARDER_PORT", "QUARKUS_HTTP_PORT").orElse("8080");
        if (!wanted.matches("[0-9]{1,5}") || Integer.parseInt(wanted) < 1 || Integer.parseInt(wanted) > 65535) {
            throw new CannotStart("LARDER_PORT must be a number from 1 to 65535, not '" + wanted + "'");
        }
        return new Address(given.first("QUARKUS_HTTP_HOST").orElse("127.0.0.1"), Integer.parseInt(wanted));
    }

    /** Fails with {@link CannotStart} where another process listens there. */
    void refuseTaken() {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getByName(host), port));
        } catch (BindException taken) {
            throw new CannotStart("port " + port + " is taken; choose another one: LARDER_PORT=8081 ./mvnw -q -Prun");
        } catch (IOException unknown) {
            throw new UncheckedIOException("cannot listen on " + host + ":" + port, unknown);
        }
    }

    String url() {
        String reached = host.equals("0.0.0.0") || host.equals("::") ? "127.0.0.1" : host;
        return "http://" + reached + ":" + port;
    }
}
