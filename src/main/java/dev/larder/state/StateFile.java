package dev.larder.state;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What Larder needs to know of a state that Terraform or OpenTofu wrote. It is read as a stream: nothing of
 * its values is kept.
 */
sealed interface StateFile {

    /** The format that Terraform writes since 0.12, and every OpenTofu. */
    int FORMAT = 4;

    /** So many addresses are told; more are only counted. */
    int ADDRESSES_MAX = 100;

    /**
     * A state in clear.
     *
     * @param managed how many instances of managed resources it lists
     * @param addresses of the first {@value #ADDRESSES_MAX} of them
     * @param tool the version of the tool that wrote it
     */
    record Clear(
            long serial,
            String lineage,
            long managed,
            List<String> addresses,
            @Nullable String tool) implements StateFile {}

    /** A state that OpenTofu has encrypted; only these two are in clear. */
    record Encrypted(long serial, String lineage) implements StateFile {}

    /**
     * A state in another format than {@value #FORMAT}. Which resources it lists, and which of its outputs are
     * sensitive, cannot be told.
     */
    record OtherFormat(long format) implements StateFile {}

    /** No state. The reason says where, never what. */
    record Malformed(String reason) implements StateFile {}

    /** One sentence for people. */
    static String unsupported(long format) {
        return "The state has format " + format + " (its member version), and only format " + FORMAT + " can be read.";
    }

    /** Never fails: what cannot be read is {@link Malformed}. */
    static StateFile of(byte[] bytes) {
        return StateFileReader.read(bytes);
    }

    /** Reads one state. */
    final class StateFileReader {

        /** Deep states exist: a value may be a document of its own. An encrypted state is one text. */
        static final JsonFactory JSON = JsonFactory.builder()
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxStringLength(Integer.MAX_VALUE)
                        .build())
                .build();

        private final JsonParser parser;
        private final List<String> addresses = new ArrayList<>();
        private @Nullable Long format;
        private long managed;
        private boolean encrypted;
        private @Nullable Long serial;
        private @Nullable String lineage;
        private @Nullable String tool;

        private StateFileReader(JsonParser parser) {
            this.parser = parser;
        }

        static StateFile read(byte[] bytes) {
            // The tools accept UTF-8 without a mark; the parser would accept more.
            int first = 0;
            while (first < bytes.length && Character.isWhitespace(bytes[first])) {
                first++;
            }
            if (first + 1 >= bytes.length || bytes[first] != '{' || bytes[first + 1] == 0) {
                return new Malformed("is not a JSON object");
            }
            try (JsonParser parser = JSON.createParser(bytes)) {
                return new StateFileReader(parser).document();
            } catch (JsonProcessingException notJson) {
                // Its message has a piece of the body.
                return new Malformed("is not JSON" + place(notJson.getLocation()));
            } catch (IOException impossible) {
                throw new UncheckedIOException(impossible);
            }
        }

        private static String place(@Nullable JsonLocation location) {
            return location == null ? "" : " at byte " + location.getByteOffset();
        }

        private StateFile document() throws IOException {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String refusal = isOtherFormat() ? skipped() : member(parser.currentName());
                if (refusal != null) {
                    return new Malformed(refusal);
                }
            }
            if (parser.nextToken() != null) {
                return new Malformed("has more than one JSON object");
            }
            if (isOtherFormat()) {
                return new OtherFormat(Objects.requireNonNull(format));
            }
            if (serial == null || lineage == null) {
                return new Malformed("has no " + (serial == null ? "serial" : "lineage"));
            }
            if (encrypted) {
                return new Encrypted(serial, lineage);
            }
            return format == null
                    ? new Malformed("has no version, which names its format")
                    : new Clear(serial, lineage, managed, List.copyOf(addresses), tool);
        }

        /** What another format means by its members is not known. */
        private boolean isOtherFormat() {
            return format != null && format != FORMAT;
        }

        private @Nullable String skipped() throws IOException {
            parser.nextToken();
            parser.skipChildren();
            return null;
        }

        /** Reads one member of the state. Returns a refusal, or null. */
        private @Nullable String member(String name) throws IOException {
            JsonToken value = parser.nextToken();
            switch (name) {
                case "serial" -> {
                    if (value != JsonToken.VALUE_NUMBER_INT || serial != null) {
                        return "has a serial that is no whole number, or two";
                    }
                    if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER || parser.getLongValue() < 0) {
                        return "has a serial that is out of range";
                    }
                    serial = parser.getLongValue();
                }
                case "lineage" -> {
                    if (value != JsonToken.VALUE_STRING || lineage != null || parser.getTextLength() == 0) {
                        return "has a lineage that is no text, or two";
                    }
                    if (parser.getTextLength() > 200 || parser.getText().indexOf('\0') >= 0) {
                        return "has a lineage that is too long, or has a zero character";
                    }
                    lineage = parser.getText();
                }
                case "version" -> {
                    if (value != JsonToken.VALUE_NUMBER_INT || format != null) {
                        return "has a version that is no whole number, or two";
                    }
                    if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
                        return "has a version that is out of range";
                    }
                    format = parser.getLongValue();
                }
                case "terraform_version" -> tool = text(value, 40);
                case "encrypted_data", "encryption_version" -> {
                    encrypted = true;
                    parser.skipChildren();
                }
                case "resources" -> resources(value);
                default -> parser.skipChildren();
            }
            return null;
        }

        private @Nullable String text(JsonToken value, int lengthMax) throws IOException {
            if (value != JsonToken.VALUE_STRING) {
                parser.skipChildren();
                return null;
            }
            return parser.getTextLength() > lengthMax || parser.getText().indexOf('\0') >= 0 ? null : parser.getText();
        }

        private void resources(JsonToken value) throws IOException {
            if (value != JsonToken.START_ARRAY) {
                parser.skipChildren();
                return;
            }
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                if (parser.currentToken() == JsonToken.START_OBJECT) {
                    resource();
                } else {
                    parser.skipChildren();
                }
            }
        }

        /** Members come in any order, so that addresses are made at the end. */
        private void resource() throws IOException {
            String module = null;
            String mode = null;
            String type = null;
            String name = null;
            List<String> keys = List.of();
            long instances = 0;
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String member = parser.currentName();
                JsonToken value = parser.nextToken();
                switch (member) {
                    case "module" -> module = text(value, 1_000);
                    case "mode" -> mode = text(value, 20);
                    case "type" -> type = text(value, 200);
                    case "name" -> name = text(value, 200);
                    case "instances" -> {
                        keys = new ArrayList<>();
                        instances = instances(value, keys);
                    }
                    default -> parser.skipChildren();
                }
            }
            // A mode that is not known counts: a resource too many is asked about, one too few is forgotten.
            if ("data".equals(mode)) {
                return;
            }
            managed += instances;
            String address = (module == null ? "" : module + ".") + type + "." + name;
            keys.stream()
                    .limit(ADDRESSES_MAX - addresses.size())
                    .map(address::concat)
                    .forEach(addresses::add);
        }

        private long instances(JsonToken value, List<String> keys) throws IOException {
            if (value != JsonToken.START_ARRAY) {
                parser.skipChildren();
                return 0;
            }
            long count = 0;
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                String key = parser.currentToken() == JsonToken.START_OBJECT ? key() : "";
                count++;
                if (keys.size() < ADDRESSES_MAX) {
                    keys.add(key);
                }
            }
            return count;
        }

        /** The key of an instance in brackets, as in an address; nothing for the only one. */
        private String key() throws IOException {
            String key = "";
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                boolean index = parser.currentName().equals("index_key");
                JsonToken value = parser.nextToken();
                if (index && value == JsonToken.VALUE_NUMBER_INT) {
                    key = "[" + parser.getText() + "]";
                } else if (index && value == JsonToken.VALUE_STRING) {
                    key = "[\"" + text(value, 200) + "\"]";
                } else {
                    parser.skipChildren();
                }
            }
            return key;
        }
    }
}
