package dev.larder.worker.postgres;

import io.vertx.core.buffer.Buffer;
import io.vertx.pgclient.PgConnectOptions;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a client answers while the server lets it in: without a password, with one in clear, or by SCRAM-SHA-256. */
final class Login {

    private static final int PROTOCOL = 196_608;
    private static final int NONCE_BYTES = 18;
    private static final int CLEAR = 3;
    private static final int SASL = 10;
    private static final int SASL_CONTINUE = 11;
    private static final int SASL_FINAL = 12;
    private static final String MECHANISM = "SCRAM-SHA-256";
    private static final String NO_CHANNEL_BINDING = "n,,";

    private final PgConnectOptions options;
    private String first = "";
    private byte[] serverSignature = {};

    Login(PgConnectOptions options) {
        this.options = options;
    }

    /** The first message. It has no letter. */
    Buffer startup() {
        Map<String, String> settings = new LinkedHashMap<>(options.getProperties());
        settings.put("user", options.getUser());
        settings.put("database", options.getDatabase());
        settings.put("client_encoding", "UTF8");
        Buffer body = Buffer.buffer().appendInt(PROTOCOL);
        settings.forEach((name, value) -> {
            Buffer appended = Frames.text(Frames.text(body, name), value);
        });
        body.appendByte((byte) 0);
        return Buffer.buffer().appendInt(Integer.BYTES + body.length()).appendBuffer(body);
    }

    /**
     * Answers a request of the server; empty if it wants no answer.
     *
     * @throws IllegalStateException for a method that is not known, or a server that does not know the password
     */
    Buffer answer(Buffer request) {
        int method = request.getInt(0);
        Buffer rest = request.getBuffer(Integer.BYTES, request.length());
        return switch (method) {
            case 0 -> Buffer.buffer();
            case CLEAR -> password(Frames.text(Buffer.buffer(), options.getPassword()));
            case SASL -> begin(rest);
            case SASL_CONTINUE -> proof(rest.toString(StandardCharsets.UTF_8));
            case SASL_FINAL -> verified(rest.toString(StandardCharsets.UTF_8));
            default -> throw new IllegalStateException("the server asks for login method " + method);
        };
    }

    private static Buffer password(Buffer body) {
        return Frames.message('p', body);
    }

    private Buffer begin(Buffer mechanisms) {
        if (!List.of(Frames.texts(mechanisms)).contains(MECHANISM)) {
            throw new IllegalStateException("the server does not offer " + MECHANISM);
        }
        byte[] nonce = new byte[NONCE_BYTES];
        new SecureRandom().nextBytes(nonce);
        first = "n=,r=" + Base64.getEncoder().encodeToString(nonce);
        byte[] message = (NO_CHANNEL_BINDING + first).getBytes(StandardCharsets.UTF_8);
        return password(Frames.text(Buffer.buffer(), MECHANISM)
                .appendInt(message.length)
                .appendBytes(message));
    }

    private Buffer proof(String challenge) {
        Map<Character, String> fields = fields(challenge);
        String nonce = fields.getOrDefault('r', "");
        if (!nonce.startsWith(first.substring("n=,r=".length()))) {
            throw new IllegalStateException("the server answered another login");
        }
        byte[] salted = RolePassword.salted(
                options.getPassword(),
                Base64.getDecoder().decode(fields.getOrDefault('s', "")),
                Integer.parseInt(fields.getOrDefault('i', "0")));
        String last = "c=" + Base64.getEncoder().encodeToString(NO_CHANNEL_BINDING.getBytes(StandardCharsets.UTF_8))
                + ",r=" + nonce;
        String all = first + "," + challenge + "," + last;
        byte[] clientKey = RolePassword.hmac(salted, "Client Key");
        byte[] signature = RolePassword.hmac(RolePassword.sha256(clientKey), all);
        for (int i = 0; i < clientKey.length; i++) {
            clientKey[i] ^= signature[i];
        }
        serverSignature = RolePassword.hmac(RolePassword.hmac(salted, "Server Key"), all);
        String message = last + ",p=" + Base64.getEncoder().encodeToString(clientKey);
        return password(Buffer.buffer(message));
    }

    private Buffer verified(String end) {
        String signature = Base64.getEncoder().encodeToString(serverSignature);
        if (!signature.equals(fields(end).get('v'))) {
            throw new IllegalStateException("the server does not know the password");
        }
        return Buffer.buffer();
    }

    private static Map<Character, String> fields(String message) {
        Map<Character, String> fields = new LinkedHashMap<>();
        for (String field : message.split(",", -1)) {
            if (field.length() > 2) {
                fields.put(field.charAt(0), field.substring(2));
            }
        }
        return fields;
    }
}
