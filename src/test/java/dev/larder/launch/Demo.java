package dev.larder.launch;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.StreamSupport;

/** What the first start puts in stock, so that there is something to claim. */
final class Demo {

    static final String ORGANIZATION = "demo";

    private final Api api;
    private final Map<String, String> shown = new HashMap<>();
    private final Map<String, Integer> ready = new HashMap<>();

    Demo(Api api) {
        this.api = api;
    }

    /**
     * Applies every declaration of the folder; doing it again changes nothing.
     *
     * @param modules whether there is a tool for those that are Terraform modules; they are left out otherwise
     */
    void apply(Path examples, boolean modules) throws IOException {
        Api.Answer organization = api.post("/api/v1/organizations", "{\"name\":\"" + ORGANIZATION + "\"}");
        if (organization.status() >= 300 && organization.status() != 409) {
            throw refused("organization " + ORGANIZATION, organization);
        }
        for (Path file : declarations(examples)) {
            if (!modules && Files.readString(file).contains("backend: terraform")) {
                System.out.println(
                        "Neither terraform nor tofu is on the path, so " + file.getFileName() + " is left out.");
                continue;
            }
            String name = file.getFileName().toString().replaceFirst("\\.yaml$", "");
            Api.Answer applied =
                    api.put("/api/v1/organizations/" + ORGANIZATION + "/templates/" + name, Files.readString(file));
            if (applied.status() >= 300) {
                throw refused("template " + name, applied);
            }
        }
    }

    /** Prints each pool whose count has changed since the last look. @return whether all are full */
    boolean showPools() throws IOException {
        Api.Answer presets = api.get("/api/v1/presets");
        if (presets.status() != 200) {
            throw refused("the list of presets", presets);
        }
        boolean full = true;
        for (JsonNode preset : presets.body().path("items")) {
            int desired = preset.at("/pool/desired").asInt();
            if (!preset.path("active").asBoolean() || desired == 0) {
                continue;
            }
            int ready = preset.at("/pool/eligible").asInt();
            String name =
                    preset.path("template").asText() + "/" + preset.path("name").asText();
            this.ready.put(name, ready);
            String status = preset.path("status").asText();
            String line = "  %-32s %d of %d ready%s"
                    .formatted(name, ready, desired, status.equals("healthy") ? "" : "  (" + status + ")");
            if (!line.equals(shown.put(name, line))) {
                System.out.println(line);
            }
            full &= ready >= desired;
        }
        return full;
    }

    /** How many of a pool were ready at the last look. */
    int ready(String pool) {
        return ready.getOrDefault(pool, 0);
    }

    private static List<Path> declarations(Path folder) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.yaml")) {
            return List.copyOf(new TreeSet<>(
                    StreamSupport.stream(files.spliterator(), false).toList()));
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot read " + folder, failed);
        }
    }

    private static IOException refused(String what, Api.Answer answer) {
        return new IOException(what + " was answered with " + answer.status() + ": " + answer.body());
    }
}
