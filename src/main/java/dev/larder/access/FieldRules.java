package dev.larder.access;

import dev.larder.http.JsonBody;
import dev.larder.http.Names;
import dev.larder.http.Problem;
import dev.larder.model.Role;
import java.lang.Character.UnicodeScript;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Checks the names and roles in bodies. */
final class FieldRules {

    private static final Pattern PERSON = Pattern.compile("[\\p{L}\\p{N}][\\p{L}\\p{N} ._@+-]{0,127}");

    /** The owner of unclaimed prebuilds, and the first owner. */
    private static final List<String> RESERVED = List.of("owner", "system");

    private static final List<Set<UnicodeScript>> WITH_HAN = List.of(
            EnumSet.of(UnicodeScript.HAN, UnicodeScript.HIRAGANA, UnicodeScript.KATAKANA),
            EnumSet.of(UnicodeScript.HAN, UnicodeScript.HANGUL),
            EnumSet.of(UnicodeScript.HAN, UnicodeScript.BOPOMOFO));

    private FieldRules() {}

    static String organizationName(JsonBody body) {
        String name = body.text("name");
        if (!Names.isName(name) || JsonBody.uuid(name).isPresent()) {
            throw Problem.unprocessable(
                    "invalid_name",
                    "name",
                    "must be 1 to 63 lower-case letters, digits and inner hyphens, and not a UUID.");
        }
        return name;
    }

    /** A name of a user or token. A name that reads as an id is refused: callers may give a name or an id. */
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

    /**
     * A name of a new user. Beside the rules of {@link #personName} it is not reserved, has letters of one
     * script, and single spaces between other characters: users whose names look alike could be mistaken for
     * each other. Codes: {@code invalid_name}, {@code reserved_name}, {@code mixed_scripts}.
     */
    static String userName(JsonBody body) {
        String name = personName(body, "name");
        if (!Normalizer.isNormalized(name, Normalizer.Form.NFKC) || name.endsWith(" ") || name.contains("  ")) {
            throw Problem.unprocessable(
                    "invalid_name", "name", "must be in Unicode form NFKC and have single spaces inside it only.");
        }
        if (RESERVED.contains(name.toLowerCase(Locale.ROOT))) {
            throw Problem.unprocessable(
                    "reserved_name", "name", "must not be one of " + String.join(", ", RESERVED) + ".");
        }
        if (!hasOneScript(name)) {
            throw Problem.unprocessable("mixed_scripts", "name", "must have letters of one script only.");
        }
        return name;
    }

    /** Han may stand beside the other scripts of Japanese, Korean and Chinese. */
    static boolean hasOneScript(String name) {
        Set<UnicodeScript> scripts = EnumSet.noneOf(UnicodeScript.class);
        name.codePoints()
                .filter(Character::isLetter)
                .mapToObj(UnicodeScript::of)
                .forEach(scripts::add);
        scripts.remove(UnicodeScript.COMMON);
        scripts.remove(UnicodeScript.INHERITED);
        return scripts.size() <= 1 || WITH_HAN.stream().anyMatch(together -> together.containsAll(scripts));
    }

    /** The {@code role} of a body that must have one. */
    static Role role(JsonBody body) {
        return role(body.text("role"));
    }

    static Role role(String word) {
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
