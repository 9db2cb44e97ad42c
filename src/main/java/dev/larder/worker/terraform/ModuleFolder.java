package dev.larder.worker.terraform;

import dev.larder.model.Assignment;
import dev.larder.model.FileContent;
import dev.larder.model.module.TerraformModule;
import dev.larder.worker.process.JobFolder;
import dev.larder.worker.process.RootFolder;
import dev.larder.worker.process.VersionFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The folders and files of one attempt of a job.
 *
 * @param module the version's files and those that Larder adds; the tool runs here
 * @param pipes for the tool's output
 * @param home the tool's home
 * @param plan the saved plan
 * @param answer what the tool answered to a question of Larder
 * @param configuration the tool's own configuration
 */
record ModuleFolder(Path module, Path pipes, Path home, Path plan, Path answer, Path configuration) {

    /** The tool writes its state here where it could not upload it. */
    private static final String ERRORED = "errored.tfstate";

    private static final String KEPT = "kept";

    private static final String HTTP_BACKEND = """
            terraform {
              backend "http" {}
            }
            """;

    static ModuleFolder of(RootFolder root, Assignment assignment) {
        Path job = JobFolder.path(root, assignment.jobId(), assignment.attempt());
        return new ModuleFolder(
                job.resolve("module"),
                job.resolve("pipes"),
                job.resolve("home"),
                job.resolve("plan"),
                job.resolve("answer.json"),
                job.resolve("tool.tfrc"));
    }

    /** Writes everything the tool needs into the created folder of the job. */
    void write(Map<String, FileContent> files, String variables, String toolConfiguration) throws IOException {
        Files.createDirectory(pipes);
        Files.createDirectory(home);
        VersionFiles.write(module, files);
        Files.writeString(module.resolve(TerraformModule.OVERRIDE_FILE), HTTP_BACKEND);
        Files.writeString(module.resolve(TerraformModule.VALUES_FILE), variables);
        Files.writeString(configuration, toolConfiguration);
    }

    Path erroredState() {
        return module.resolve(ERRORED);
    }

    boolean hasErroredState() {
        return Files.exists(erroredState());
    }

    /** Keeps the state that could not be uploaded, where the clean-up of jobs leaves it. Answers where it is now. */
    Path keepErroredState(RootFolder root, Assignment assignment) throws IOException {
        Path folder = Files.createDirectories(root.path().resolve(KEPT));
        return Files.move(
                erroredState(),
                folder.resolve(
                        assignment.workspaceId() + "-" + assignment.jobId() + "-" + assignment.attempt() + ".tfstate"));
    }
}
