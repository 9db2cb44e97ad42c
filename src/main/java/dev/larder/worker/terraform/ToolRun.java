package dev.larder.worker.terraform;

import dev.larder.model.StateAccess;
import dev.larder.worker.process.ProcessCommand;
import dev.larder.worker.process.ProcessEnd;
import dev.larder.worker.process.ProcessRunner;
import dev.larder.worker.process.StopRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Runs commands of the tool in the folder of one job.
 *
 * @param quick for commands that change nothing: it kills a command soon after it was asked to stop
 * @param patient for commands that change infrastructure: they get the time to end by themselves
 * @param environment the whole environment
 */
record ToolRun(
        Path tool,
        Path folder,
        ProcessRunner quick,
        ProcessRunner patient,
        Map<String, String> environment,
        Instant deadline,
        StopRequest stop) {

    private static final List<String> INHERITED = List.of("PATH", "LANG", "TZ");
    private static final Pattern SECRET = Pattern.compile("(?i)secret|token|passw|credential|_key");
    private static final String PATH_BY_DEFAULT = "/usr/local/bin:/usr/bin:/bin";

    // The shell writes the answer to a file, so that nothing of it is logged.
    private static final List<String> INTO_FILE =
            List.of("/bin/sh", "-c", "out=$1; shift; exec \"$@\" > \"$out\"", "larder");

    /** Runs a command that changes nothing. */
    ProcessEnd look(List<String> arguments) throws IOException, InterruptedException {
        return quick.run(command(List.of(), arguments), deadline, stop);
    }

    /** Asks for something that must not be logged. */
    ProcessEnd ask(List<String> arguments, Path answer) throws IOException, InterruptedException {
        List<String> before = new ArrayList<>(INTO_FILE);
        before.add(answer.toString());
        return quick.run(command(before, arguments), deadline, stop);
    }

    /** Runs a command that changes infrastructure. */
    ProcessEnd change(List<String> arguments) throws IOException, InterruptedException {
        return patient.run(command(List.of(), arguments), deadline, stop);
    }

    private ProcessCommand command(List<String> before, List<String> arguments) {
        List<String> words = new ArrayList<>(before);
        words.add(tool.toString());
        words.addAll(arguments);
        return new ProcessCommand(tool.getFileName() + " " + arguments.getFirst(), words, folder, environment);
    }

    /** The values of variables whose names say that they are secret. */
    static List<String> credentials(Map<String, String> environment) {
        return environment.entrySet().stream()
                .filter(entry -> SECRET.matcher(entry.getKey()).find())
                .map(Map.Entry::getValue)
                .toList();
    }

    /**
     * What the tool is told by its environment.
     *
     * @param own the environment of this process
     * @param address of the state
     */
    static Map<String, String> environment(
            TerraformSettings settings,
            Map<String, String> own,
            ModuleFolder folder,
            String address,
            StateAccess access) {
        Map<String, String> environment = new HashMap<>();
        List<String> names = new ArrayList<>(INHERITED);
        settings.environment().ifPresent(names::addAll);
        names.stream().filter(own::containsKey).forEach(name -> environment.put(name, own.get(name)));
        environment.putIfAbsent("PATH", PATH_BY_DEFAULT);
        environment.putIfAbsent("TF_CLI_CONFIG_FILE", folder.configuration().toString());
        environment.putAll(Map.of(
                "HOME", folder.home().toString(),
                "TF_IN_AUTOMATION", "1",
                "TF_INPUT", "0",
                "CHECKPOINT_DISABLE", "1",
                // The job's copy of the lock file is thrown away with the job.
                "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE", "1"));
        environment.putAll(Map.of(
                "TF_HTTP_ADDRESS",
                address,
                // Proxies that drop the methods LOCK and UNLOCK let these through.
                "TF_HTTP_LOCK_ADDRESS",
                address + "/lock",
                "TF_HTTP_LOCK_METHOD",
                "POST",
                "TF_HTTP_UNLOCK_ADDRESS",
                address + "/lock",
                "TF_HTTP_UNLOCK_METHOD",
                "DELETE",
                "TF_HTTP_USERNAME",
                access.mutation().toString(),
                "TF_HTTP_PASSWORD",
                access.token(),
                // With the default of 2 a restart of the server loses what was made.
                "TF_HTTP_RETRY_MAX",
                "8"));
        return environment;
    }
}
