package dev.larder.client;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.client.Transport.Call;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The server that the tests run against. */
final class Server {

    static final URI URI = java.net.URI.create(System.getenv("LARDER_URL"));
    static final String ORGANIZATION = "clients";

    private static final Transport ADMIN =
            new Transport(URI, System.getenv("LARDER_TEST_ADMIN_TOKEN"), Duration.ofSeconds(30));

    private Server() {}

    static LarderClient client() {
        return LarderClient.fromEnvironment();
    }

    static LarderClient client(Between between) {
        return LarderClient.of(between.uri(), System.getenv("LARDER_TOKEN"));
    }

    /** The ids of the claims with this value of the label {@code run}, as the server knows them. */
    static List<String> claims(String run) {
        List<String> ids = new ArrayList<>();
        JsonNode page = ADMIN.send(Call.of("GET", "/api/v1/claims?label=run=" + run));
        page.path("items").forEach(claim -> ids.add(claim.path("id").asText()));
        return ids;
    }
}
