package dev.larder.catalog;

import dev.larder.dump.DumpFile;
import dev.larder.lifecycle.TagMatch;
import dev.larder.model.Declaration;
import dev.larder.model.Refusal;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** How a version refers to uploaded files. Pure. */
final class FileReferences {

    private FileReferences() {}

    /** Names every field whose file is missing: {@code file_not_uploaded}. */
    static List<Refusal> missing(Map<String, String> uploads, Set<String> digests) {
        List<Refusal> refusals = new ArrayList<>();
        uploads.forEach((path, digest) -> {
            if (digests.contains(digest)) {
                refusals.add(new Refusal(
                        "file_not_uploaded",
                        FieldPath.field("files", path) + ".digest",
                        "The organization has no file " + digest + ". Upload it first."));
            }
        });
        return refusals;
    }

    /**
     * Names every file that backend {@code postgres} cannot read: {@code unsupported_sql}.
     *
     * @param beginnings by digest
     */
    static List<Refusal> unreadable(Map<String, String> uploads, Map<String, byte[]> beginnings) {
        List<Refusal> refusals = new ArrayList<>();
        uploads.forEach((path, digest) -> {
            byte[] beginning = beginnings.get(digest);
            if (beginning != null) {
                DumpFile.problemAtBeginning(beginning)
                        .ifPresent(problem -> refusals.add(
                                new Refusal("unsupported_sql", FieldPath.field("files", path), problem + ".")));
            }
        });
        return refusals;
    }

    /**
     * The column {@code files}: a text, or an object for an uploaded file.
     *
     * @param sizes in bytes, by digest
     */
    static JsonObject json(Declaration declaration, Map<String, Long> sizes) {
        JsonObject json = new JsonObject();
        declaration.files().forEach(json::put);
        declaration
                .uploads()
                .forEach((path, digest) ->
                        json.put(path, new JsonObject().put("digest", digest).put("bytes", sizes.get(digest))));
        return json;
    }

    /** The column {@code tags}. */
    static Map<String, String> tags(Declaration declaration) {
        return declaration.uploads().isEmpty() ? declaration.tags() : TagMatch.withFiles(declaration.tags());
    }
}
