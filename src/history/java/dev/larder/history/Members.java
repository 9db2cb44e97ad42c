package dev.larder.history;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.history.HttpConnection.Reply;
import dev.larder.history.RecordingClient.Member;
import dev.larder.testing.LarderTestResource;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;

/** The organization {@code acme} and its users, made by its owner over one connection. */
final class Members {

    /** Who administers the deployment. */
    static final Member OWNER = new Member(-1, LarderTestResource.OWNER_ID, LarderTestResource.OWNER_TOKEN);

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final HttpConnection line;

    Members(HttpConnection line) {
        this.line = line;
    }

    /** Makes the organization and a template of it. */
    void declare(String template, String declaration) throws IOException {
        JsonNode organization = created("POST", "/organizations", "{\"name\":\"acme\"}");
        JsonNode declared = created(
                "PUT", "/organizations/" + organization.path("name").asText() + "/templates/" + template, declaration);
        if (declared.isMissingNode()) {
            throw new IllegalStateException("nothing was declared");
        }
    }

    /** Makes so many users, and gives each client one of them. */
    List<Member> join(int users, int clients) throws IOException {
        List<Member> members = new ArrayList<>();
        for (int number = 0; number < users; number++) {
            JsonNode user = created(
                    "POST",
                    "/organizations/acme/users",
                    MAPPER.createObjectNode()
                            .put("name", "member-" + number)
                            .put("role", "member")
                            .toString());
            String id = user.path("id").asText();
            JsonNode token = created(
                    "POST",
                    "/tokens",
                    MAPPER.createObjectNode()
                            .put("name", "load")
                            .put("user", id)
                            .toString());
            members.add(
                    new Member(number, UUID.fromString(id), token.path("token").asText()));
        }
        return IntStream.range(0, clients)
                .mapToObj(client -> {
                    Member user = members.get(client % members.size());
                    return new Member(client, user.user(), user.token());
                })
                .toList();
    }

    private JsonNode created(String method, String path, String body) throws IOException {
        Reply reply = line.send(
                method,
                "/api/v1" + path,
                Map.of(
                        "Authorization",
                        "Bearer " + OWNER.token(),
                        "Content-Type",
                        body.startsWith("{") ? "application/json" : "application/yaml"),
                body);
        if (reply.status() != 201) {
            throw new IllegalStateException(path + ": " + reply);
        }
        return MAPPER.readTree(reply.body());
    }
}
