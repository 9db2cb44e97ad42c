package dev.larder.access;

import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.pool.Role;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** What names and roles may look like when they come from a caller. */
final class Input {

    private static final Pattern ORGANIZATION = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");
    private static final Pattern PERSON = Pattern.compile("[\\p{L}\\p{N}][\\p{L}\\p{N} ._@+-]{0,127}");

    private Input() {}

    static String organizationName(JsonBody body) {
        String name = body.text("name");
        if (!ORGANIZATION.matcher(name).matches() || JsonBody.uuid(name).isPresent()) {
            throw Problem.unprocessable(
                    "invalid_name",
                    "name",
                    "must be 1 to 63 lower-case letters, digits and inner hyphens, and not a UUID.");
        }
        return name;
    }

    /** Of users and tokens. Names that read as an id are refused, so that either can be given where one is wanted. */
    static String personName(JsonBody body, String field) {
        String name = body.text(field);
        if (!PERSON.matcher(name).matches() || JsonBody.uuid(name).isPresent()) {
            throw Problem.unprocessable(
                    "invalid_name",
                    field,
                    "must be 1 to 128 letters, digits, spaces or . _ @ + - that begin with a letter or digit, and not a UUID.");
        }
        return name;
    }

    static Role role(JsonBody body) {
        String word = body.text("role");
        return known(word)
                .orElseThrow(() -> Problem.unprocessable(
                        "unknown_role", "role", "must be one of owner, template_admin, member, worker, auditor."));
    }

    private static Optional<Role> known(String word) {
        return Arrays.stream(Role.values())
                .filter(role -> role.name().toLowerCase(Locale.ROOT).equals(word))
                .findFirst();
    }
}
