package dev.larder.claim;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.http.JsonBody;
import dev.larder.http.Labels;
import dev.larder.http.Names;
import dev.larder.http.Problem;
import io.quarkus.runtime.annotations.RegisterForReflection;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** A request for workspaces of several presets, some of which stand on others. */
record ClaimSetRequest(
        Optional<String> organization, List<Member> members, Optional<Duration> ttl, Map<String, String> labels) {

    /** Inclusive. */
    static final int MEMBERS_MAX = 16;

    /** @param on the index of the member that this one stands on; -1 for none */
    record Member(String name, String template, String preset, int on) {}

    /** The body of the request. */
    @RegisterForReflection
    @Schema(name = "NewClaimSet")
    record Body(
            @Nullable String organization,
            List<MemberBody> members,

            @Schema(examples = "8h") @Nullable String ttl,

            @Nullable Map<String, String> labels) {}

    /** One workspace of the set. {@code on} names an earlier member that it stands on. */
    @RegisterForReflection
    @Schema(name = "ClaimSetMember")
    record MemberBody(
            String name,
            String template,
            String preset,
            @Nullable String on) {}

    /** Reads a request body. Every fault becomes a problem that names the field. */
    static ClaimSetRequest of(byte @Nullable [] bytes) {
        JsonBody body = JsonBody.of(bytes, Body.class);
        JsonNode members = body.optionalNode("members")
                .orElseThrow(() -> Problem.badRequest("missing_field", "members", "is required."));
        if (!members.isArray() || members.size() < 2 || members.size() > MEMBERS_MAX) {
            throw Problem.badRequest("wrong_type", "members", "must be a list of 2 to " + MEMBERS_MAX + " objects.");
        }
        List<Member> read = new ArrayList<>();
        members.forEach(member -> read.add(member(member, read)));
        return new ClaimSetRequest(
                body.optionalText("organization"),
                List.copyOf(read),
                ClaimRequest.bounded(body, "ttl", ClaimRequest.ttlMax()),
                Labels.of(body, "labels"));
    }

    private static Member member(JsonNode node, List<Member> before) {
        String field = "members[" + before.size() + "]";
        JsonBody body = body(node, field);
        String name = Names.checked(text(body, field, "name"), field + ".name");
        if (index(before, name) >= 0) {
            throw Problem.unprocessable("duplicate_name", field + ".name", "is another member's.");
        }
        int on = body.optionalText("on")
                .map(parent -> parent(before, parent, field))
                .orElse(-1);
        return new Member(name, text(body, field, "template"), text(body, field, "preset"), on);
    }

    private static JsonBody body(JsonNode node, String field) {
        try {
            return JsonBody.of(node.toString().getBytes(StandardCharsets.UTF_8), MemberBody.class);
        } catch (Problem refused) {
            throw Problem.badRequest(refused.code(), field, refused.detail());
        }
    }

    private static String text(JsonBody body, String field, String name) {
        try {
            return body.text(name);
        } catch (Problem refused) {
            throw Problem.badRequest(refused.code(), field + "." + name, "must be given as a text.");
        }
    }

    private static int parent(List<Member> before, String name, String field) {
        int index = index(before, name);
        if (index < 0) {
            throw Problem.unprocessable("unknown_member", field + ".on", "must be the name of an earlier member.");
        }
        return index;
    }

    private static int index(List<Member> members, String name) {
        return members.stream().map(Member::name).toList().indexOf(name);
    }

    /** The text that a repeated request has too. */
    String written() {
        return organization + " " + members + " " + ttl + " " + new TreeMap<>(labels);
    }
}
