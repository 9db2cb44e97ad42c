package dev.larder.model.module;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What the root folder of a Terraform module declares. A file that does not parse is read as far as it can be: the tool
 * itself says later what is wrong with it.
 *
 * @param variables the names of its input variables
 * @param backends where it says that its state is kept: {@code s3}, {@code cloud}, {@code http}
 */
public record TerraformModule(Set<String> variables, List<Backend> backends) {

    /** A module with this variable has a claim step: the variable is true from the claim on. */
    public static final String CLAIMED = "larder_claimed";

    /** The variables that a module may declare to be told whose workspace it makes. */
    public static final Set<String> GIVEN =
            Set.of("larder_workspace_id", "larder_workspace_name", "larder_organization", "larder_owner", CLAIMED);

    /** The file that says where the state is kept. The tool reads it last, so that it wins over the module's. */
    public static final String OVERRIDE_FILE = "zz_larder_override.tf";

    /** The file with the values of variables. The tool reads it last, so that it wins over the module's. */
    public static final String VALUES_FILE = "zz_larder.auto.tfvars.json";

    private static final String TERRAFORM = "terraform";
    private static final String BACKEND = "backend";
    private static final String CLOUD = "cloud";
    private static final String VARIABLE = "variable";
    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * @param file where it stands
     * @param empty whether the block has no settings
     */
    public record Backend(String file, String type, boolean empty) {}

    /** Whether a file of this path is a part of the root module. */
    public static boolean isRootFile(String path) {
        return path.indexOf('/') < 0 && (isHcl(path) || isJson(path)) && !path.startsWith(".");
    }

    /** Whether Larder itself writes a file of this path, or uses it. */
    public static boolean isReserved(String path) {
        return path.startsWith("zz_larder");
    }

    private static boolean isHcl(String path) {
        return path.endsWith(".tf") || path.endsWith(".tofu");
    }

    private static boolean isJson(String path) {
        return path.endsWith(".tf.json") || path.endsWith(".tofu.json");
    }

    /** @param files all files of the module by path, those of sub-folders included */
    public static TerraformModule of(Map<String, String> files) {
        Set<String> variables = new TreeSet<>();
        List<Backend> backends = new ArrayList<>();
        files.forEach((path, text) -> {
            if (isRootFile(path)) {
                read(path, isHcl(path) ? HclBlocks.of(text) : json(text), variables, backends);
            }
        });
        return new TerraformModule(variables, backends);
    }

    private static void read(String file, List<Block> blocks, Set<String> variables, List<Backend> backends) {
        for (Block block : blocks) {
            if (block.type().equals(VARIABLE) && block.labels().size() == 1) {
                variables.add(block.labels().getFirst());
            } else if (block.type().equals(TERRAFORM)) {
                block.blocks().stream()
                        .filter(one -> one.type().equals(BACKEND) || one.type().equals(CLOUD))
                        .map(one -> new Backend(
                                file,
                                one.labels().isEmpty() ? CLOUD : one.labels().getFirst(),
                                one.empty()))
                        .forEach(backends::add);
            }
        }
    }

    /** A line that does not parse. */
    public record Fault(String file, int line) {}

    /**
     * The files of the root folder that surely do not parse, each with a line. Brackets, quotes and JSON are looked at
     * alone: the tool may refuse a file of which nothing is said here.
     */
    public static List<Fault> faults(Map<String, String> files) {
        List<Fault> faults = new ArrayList<>();
        new TreeMap<>(files).forEach((path, text) -> {
            if (isRootFile(path)) {
                OptionalInt line = isHcl(path) ? HclBlocks.brokenLine(text) : brokenJson(text);
                line.ifPresent(at -> faults.add(new Fault(path, at)));
            }
        });
        return faults;
    }

    private static OptionalInt brokenJson(String text) {
        try {
            JsonNode unused = JSON.readTree(text);
            return OptionalInt.empty();
        } catch (JsonProcessingException malformed) {
            return OptionalInt.of(
                    malformed.getLocation() == null
                            ? 1
                            : malformed.getLocation().getLineNr());
        }
    }

    public boolean declares(String variable) {
        return variables.contains(variable);
    }

    private static List<Block> json(String text) {
        try {
            List<Block> blocks = new ArrayList<>();
            for (JsonNode root : items(JSON.readTree(text))) {
                items(root.path(VARIABLE))
                        .forEach(variables -> variables
                                .fieldNames()
                                .forEachRemaining(
                                        name -> blocks.add(new Block(VARIABLE, List.of(name), List.of(), false))));
                items(root.path(TERRAFORM))
                        .forEach(terraform -> blocks.add(new Block(TERRAFORM, List.of(), inside(terraform), false)));
            }
            return blocks;
        } catch (JsonProcessingException malformed) {
            return List.of();
        }
    }

    private static List<Block> inside(JsonNode terraform) {
        List<Block> blocks = new ArrayList<>();
        for (JsonNode backend : items(terraform.path(BACKEND))) {
            backend.properties()
                    .forEach(one -> blocks.add(new Block(
                            BACKEND,
                            List.of(one.getKey()),
                            List.of(),
                            one.getValue().isEmpty())));
        }
        for (JsonNode cloud : items(terraform.path(CLOUD))) {
            blocks.add(new Block(CLOUD, List.of(), List.of(), cloud.isEmpty()));
        }
        return blocks;
    }

    /** A block may be written as an object or as a list of objects. */
    private static List<JsonNode> items(JsonNode node) {
        List<JsonNode> items = new ArrayList<>();
        if (node.isArray()) {
            node.forEach(items::add);
        } else if (node.isObject()) {
            items.add(node);
        }
        return items;
    }
}
