package dev.larder.catalog;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Reads the field {@code files} of a declaration. The value of a file is its text, or an object with the digest of an
 * uploaded file: {@code {digest: "sha256:…"}}.
 */
final class FileFields {

    static final int MAX_FILES = 100;
    static final int MAX_FILE_BYTES_IN_ALL = 1024 * 1024;
    static final int MAX_PATH_CHARACTERS = 255;

    /** The longest name that usual file systems accept. */
    static final int MAX_NAME_BYTES = 255;

    static final Pattern DIGEST = Pattern.compile("sha256:[0-9a-f]{64}");

    /**
     * The files of a declaration, by path, in declared order.
     *
     * @param texts those that the declaration has in itself
     * @param uploads the digests of the others
     */
    record Read(Map<String, String> texts, Map<String, String> uploads) {}

    private final Refusals refusals;
    private final Map<String, String> texts = new LinkedHashMap<>();
    private final Map<String, String> uploads = new LinkedHashMap<>();

    private FileFields(Refusals refusals) {
        this.refusals = refusals;
    }

    /**
     * Codes: {@code too_many_files}, {@code name_too_long}, {@code invalid_path}, {@code files_too_large},
     * {@code invalid_digest}.
     */
    static Read of(ObjectReader form, Refusals refusals) {
        FileFields files = new FileFields(refusals);
        files.read(form);
        return new Read(files.texts, files.uploads);
    }

    private void read(ObjectReader form) {
        Map<String, SyntaxNode> fields = form.fields("files");
        if (fields.size() > MAX_FILES) {
            refusals.add("too_many_files", "files", "has more than " + MAX_FILES + " files.");
            return;
        }
        fields.forEach((path, node) -> read(form, path, node));
        Set<String> paths = new LinkedHashSet<>(texts.keySet());
        paths.addAll(uploads.keySet());
        paths.forEach(path -> check(path, paths));
        long bytes = texts.values().stream().mapToLong(FileFields::bytes).sum();
        if (bytes > MAX_FILE_BYTES_IN_ALL) {
            refusals.add(
                    "files_too_large",
                    "files",
                    "are more than " + MAX_FILE_BYTES_IN_ALL + " bytes in all. Upload larger ones, and refer to them.");
        }
    }

    private void read(ObjectReader form, String path, SyntaxNode node) {
        String field = FieldPath.field("files", path);
        if (node instanceof SyntaxNode.Fields) {
            digest(ObjectReader.of(node, field, refusals, "digest")).ifPresent(digest -> uploads.put(path, digest));
        } else {
            form.scalar(node, field).ifPresent(text -> texts.put(path, text));
        }
    }

    private Optional<String> digest(ObjectReader reference) {
        Optional<String> digest = reference.requiredText("digest");
        if (digest.isPresent() && !DIGEST.matcher(digest.get()).matches()) {
            refusals.add("invalid_digest", reference.at("digest"), "must be 'sha256:' and 64 lower-case hex digits.");
            return Optional.empty();
        }
        return digest;
    }

    private void check(String path, Set<String> paths) {
        String field = FieldPath.field("files", path);
        if (Arrays.stream(path.split("/")).anyMatch(part -> bytes(part) > MAX_NAME_BYTES)) {
            refusals.add("name_too_long", field, "has a part of more than " + MAX_NAME_BYTES + " bytes of UTF-8.");
        } else if (!relative(path)) {
            refusals.add("invalid_path", field, "must be a relative path without '.', '..' or a backslash.");
        } else if (paths.stream().anyMatch(other -> other.startsWith(path + "/"))) {
            refusals.add("invalid_path", field, "is a file, and another file lies below it.");
        }
    }

    private static boolean relative(String path) {
        if (path.length() > MAX_PATH_CHARACTERS
                || path.indexOf('\\') >= 0
                || path.chars().anyMatch(Character::isISOControl)) {
            return false;
        }
        for (String part : path.split("/", -1)) {
            if (part.isEmpty() || part.equals(".") || part.equals("..")) {
                return false;
            }
        }
        return true;
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }
}
