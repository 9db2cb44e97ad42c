package dev.larder.worker.process;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * The processes of one attempt of a job: how they are identified, found and killed. Every process gets the entries of
 * {@link #environment} and a prefix with the tags of the job, so that it is found although it leaves its process group
 * or clears its environment (decision 0021).
 */
public final class JobProcesses {

    private static final String WORKSPACE_ID = "LARDER_WORKSPACE_ID";
    private static final String WORKSPACE_DIR = "LARDER_WORKSPACE_DIR";
    private static final String JOB_ID = "LARDER_JOB_ID";
    private static final String ATTEMPT = "LARDER_ATTEMPT";

    private final Cgroups groups;
    private final UUID workspace;
    private final Path folder;
    private final UUID job;
    private final int attempt;
    private final ProcessTags tags;

    /** @param folder the folder of the workspace; the same for all jobs of the workspace */
    public JobProcesses(Cgroups groups, UUID workspace, Path folder, UUID job, int attempt) {
        this.groups = groups;
        this.workspace = workspace;
        this.folder = folder;
        this.job = job;
        this.attempt = attempt;
        this.tags = ProcessTags.of(folder.toString(), job, attempt);
    }

    /** {@code LARDER_WORKSPACE_ID}, {@code LARDER_WORKSPACE_DIR}, {@code LARDER_JOB_ID}, {@code LARDER_ATTEMPT}. */
    Map<String, String> environment() {
        return Map.of(
                WORKSPACE_ID,
                workspace.toString(),
                WORKSPACE_DIR,
                folder.toString(),
                JOB_ID,
                job.toString(),
                ATTEMPT,
                Integer.toString(attempt));
    }

    /** The words in front of a command. Creates the control group of the job where groups can be created. */
    List<String> prefix() {
        return tags.prefix(groups.join(tags));
    }

    /** Kills the processes of this attempt, detached ones too. */
    public KilledProcesses killAttempt() {
        return killAttempt(job, attempt, groups);
    }

    /** Kills the processes of one attempt of a job, detached ones too. */
    static KilledProcesses killAttempt(UUID job, int attempt, Cgroups groups) {
        ProcessFilter filter = new ProcessFilter(
                List.of(JOB_ID + "=" + job, ATTEMPT + "=" + attempt), List.of(ProcessTags.job(job, attempt)));
        return Processes.kill(filter, groups);
    }

    /** Kills the processes of earlier attempts, whose worker was lost. Call it before this attempt starts a process. */
    public KilledProcesses killEarlierAttempts() {
        return attempt == 1
                ? KilledProcesses.NONE
                : Processes.kill(
                        new ProcessFilter(List.of(JOB_ID + "=" + job), ProcessTags.earlier(job, attempt)), groups);
    }

    /** Kills the processes of all jobs of the workspace, detached ones too. */
    public KilledProcesses killWorkspace() {
        return Processes.kill(
                new ProcessFilter(List.of(WORKSPACE_ID + "=" + workspace), List.of(tags.workspace())), groups);
    }

    /** The same for a workspace of which only the folder is known. */
    public static KilledProcesses killWorkspace(Path folder, Cgroups groups) {
        return Processes.kill(
                new ProcessFilter(
                        List.of(WORKSPACE_DIR + "=" + folder), List.of(ProcessTags.workspace(folder.toString()))),
                groups);
    }

    /** The names of workspace folders below this one of which a process lives on this host. */
    public static Set<String> workspacesBelow(Path folder) {
        return ProcFs.values(WORKSPACE_DIR + "=" + folder + "/");
    }

    /** Removes the control group of the job if it is empty. Otherwise it stays until the workspace is killed. */
    public void releaseGroup() {
        groups.leave(tags);
    }
}
