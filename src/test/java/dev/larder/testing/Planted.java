package dev.larder.testing;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The secret that tests use wherever Larder promises to keep one: in states, sensitive outputs and parameters, tokens,
 * the encryption key and the password of the database. {@link Leaks} searches databases and logs for it.
 *
 * <p>It has only letters and digits, so JSON, URLs, SQL and shells write it as it is. A test plants it as
 * {@code SECRET}, with more characters around it where the value needs them.
 */
public final class Planted {

    public static final String SECRET = "Pl4ntedJ7qSecretX2vK";

    /** 32 bytes in Base64, as {@code larder.encryption.key} wants them. */
    public static final String ENCRYPTION_KEY = Base64.getEncoder()
            .encodeToString((SECRET + "k".repeat(32 - SECRET.length())).getBytes(StandardCharsets.US_ASCII));

    /** A token of the form that Larder gives out. */
    public static final String TOKEN = "larder_" + SECRET + "o".repeat(43 - SECRET.length());

    /** The secret in clear, in Base64, and both in hexadecimal digits. */
    static final List<String> FORMS = forms();

    private static final Pattern PATTERN = Pattern.compile(String.join("|", FORMS), Pattern.CASE_INSENSITIVE);

    private Planted() {}

    public static boolean isIn(String text) {
        return PATTERN.matcher(text).find();
    }

    private static List<String> forms() {
        List<String> forms = new ArrayList<>();
        forms.add(SECRET);
        for (int before = 0; before < 3; before++) {
            forms.add(inBase64(before));
        }
        forms.addAll(forms.stream().map(Planted::inHex).toList());
        return List.copyOf(forms);
    }

    private static String inHex(String text) {
        return HexFormat.of().formatHex(text.getBytes(StandardCharsets.US_ASCII));
    }

    /** Base64 writes three bytes at a time, so the form depends on how many bytes are before the secret. */
    private static String inBase64(int before) {
        byte[] bytes = (" ".repeat(before) + SECRET).getBytes(StandardCharsets.US_ASCII);
        String all = Base64.getEncoder().withoutPadding().encodeToString(bytes);
        // The characters at both ends also depend on the neighbours of the secret.
        return all.substring((before * 8 + 5) / 6, bytes.length * 8 / 6);
    }
}
