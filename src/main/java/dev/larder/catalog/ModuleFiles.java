package dev.larder.catalog;

import dev.larder.model.Parameter;
import dev.larder.model.module.TerraformModule;
import dev.larder.model.module.TerraformModule.Backend;
import dev.larder.model.module.TerraformModule.Fault;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Checks the files of backend {@code terraform}: a module, whose state Larder keeps. What the tool itself finds wrong
 * with the module is told by the first build.
 */
final class ModuleFiles {

    // What the tool writes where it runs, and would take for its own when it finds it.
    private static final Pattern OF_THE_TOOL = Pattern.compile("\\.terraform/.*|(.*/)?[^/]*\\.tfstate(\\.backup)?");

    // What the tool reads as configuration, and Larder before it.
    private static final Pattern CONFIGURATION = Pattern.compile(".*\\.(tf|tofu|tfvars)(\\.json)?");

    private ModuleFiles() {}

    /**
     * Codes: {@code missing_module}, {@code backend_configured}, {@code reserved_file}, {@code parameter_undeclared},
     * {@code reserved_parameter}, {@code module_invalid}, {@code file_must_be_text}.
     *
     * @param uploads the paths of uploaded files, whose content is not read
     */
    static void check(Map<String, String> files, Set<String> uploads, List<Parameter> parameters, Refusals refusals) {
        for (String path : uploads) {
            if (CONFIGURATION.matcher(path).matches()) {
                refusals.add(
                        "file_must_be_text", FieldPath.field("files", path), "is read: its text must be declared.");
            }
        }
        if (files.keySet().stream().noneMatch(TerraformModule::isRootFile)) {
            refusals.add("missing_module", "files", "backend terraform needs a file *.tf that lies in no sub-folder.");
        }
        for (String path :
                Stream.concat(files.keySet().stream(), uploads.stream()).toList()) {
            if (OF_THE_TOOL.matcher(path).matches() || TerraformModule.isReserved(path)) {
                refusals.add("reserved_file", FieldPath.field("files", path), "is written by the tool or by Larder.");
            }
        }
        TerraformModule module = TerraformModule.of(files);
        module.backends().stream().filter(ModuleFiles::isAnother).forEach(backend -> refuse(backend, refusals));
        List<Fault> faults = undeclared(parameters, module) ? TerraformModule.faults(files) : List.of();
        if (!faults.isEmpty()) {
            // The variable may stand behind the fault.
            faults.forEach(fault -> refusals.add(
                    "module_invalid",
                    FieldPath.field("files", fault.file()),
                    "does not parse; see line " + fault.line() + "."));
            return;
        }
        for (int index = 0; index < parameters.size(); index++) {
            check(parameters.get(index).name(), "parameters[" + index + "].name", module, refusals);
        }
    }

    private static boolean undeclared(List<Parameter> parameters, TerraformModule module) {
        return parameters.stream().anyMatch(parameter -> !module.declares(parameter.name()));
    }

    private static boolean isAnother(Backend backend) {
        return !backend.type().equals("http") || !backend.empty();
    }

    private static void refuse(Backend backend, Refusals refusals) {
        refusals.add(
                "backend_configured",
                FieldPath.field("files", backend.file()),
                backend.type().equals("http")
                        ? "has settings for backend \"http\". Larder keeps the state: leave the block empty, or out."
                        : "keeps the state in \"" + backend.type()
                                + "\". Larder keeps the state: leave the block out.");
    }

    private static void check(String parameter, String field, TerraformModule module, Refusals refusals) {
        if (TerraformModule.GIVEN.contains(parameter)) {
            refusals.add("reserved_parameter", field, "is a variable whose value Larder gives.");
        } else if (!parameter.isEmpty() && !module.declares(parameter)) {
            refusals.add("parameter_undeclared", field, "is not among the variables of the module.");
        }
    }
}
