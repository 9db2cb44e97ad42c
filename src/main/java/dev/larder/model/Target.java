package dev.larder.model;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a job acts on. Its other half is the snapshot: what is known of the target's infrastructure (decision 0033).
 *
 * @param workspace which workspace, and whose
 * @param version what is built
 * @param parameters the values to build it with
 * @param state access to the snapshot; empty for backends that keep none
 */
public record Target(Workspace workspace, Version version, Parameters parameters, Optional<StateAccess> state) {

    /**
     * Whose workspace it is.
     *
     * @param prebuild whether it is in stock, owned by the system user
     * @param outputs what earlier builds of the workspace answered, for a later start of the workspace only; secret
     */
    public record Workspace(
            String name,
            UUID organizationId,
            String organizationName,
            UUID ownerId,
            String ownerName,
            boolean prebuild,
            Map<String, String> outputs) {}

    /**
     * What is built.
     *
     * @param presetName null for a workspace built without a preset
     * @param files the texts that the declaration has in itself, by path
     * @param uploads the uploaded files that it refers to, by path. The worker fetches them before the backend begins
     */
    public record Version(
            UUID id,
            String backend,
            String templateName,
            @Nullable String presetName,
            Map<String, String> files,
            Map<String, UploadedFile> uploads) {

        /** A version without uploaded files. */
        public Version(
                UUID id, String backend, String templateName, @Nullable String presetName, Map<String, String> files) {
            this(id, backend, templateName, presetName, files, Map.of());
        }

        /** The content of every file, in the order of the paths. Fails where an upload was not fetched. */
        public SortedMap<String, FileContent> contents() {
            SortedMap<String, FileContent> contents = new TreeMap<>();
            files.forEach((path, text) -> contents.put(path, new FileContent.Text(text)));
            uploads.forEach((path, file) ->
                    contents.put(path, new FileContent.OnDisk(file.path().orElseThrow(), file.bytes())));
            return contents;
        }

        /** The same version, whose uploads are at hand. */
        public Version with(Map<String, UploadedFile> fetched) {
            return new Version(id, backend, templateName, presetName, files, fetched);
        }
    }

    /**
     * The values of its parameters.
     *
     * @param values by name, the sensitive ones in clear: those that a claim gave win over the preset's, those over
     *     the defaults
     * @param sensitive the names of the sensitive ones
     * @param types by name, as in {@link ParameterValue#TYPES}; one that is missing is a {@code string}
     * @param early the same without the values of late parameters that the claim gave: what stock is built with
     */
    public record Parameters(
            Map<String, String> values, Set<String> sensitive, Map<String, String> types, Map<String, String> early) {

        /** Values of which none was given late. */
        public Parameters(Map<String, String> values, Set<String> sensitive, Map<String, String> types) {
            this(values, sensitive, types, values);
        }

        /** The same, and all are strings. */
        public Parameters(Map<String, String> values, Set<String> sensitive) {
            this(values, sensitive, Map.of());
        }

        /** Only the names: a value may be secret. */
        @Override
        public String toString() {
            return "Parameters" + values.keySet();
        }
    }
}
