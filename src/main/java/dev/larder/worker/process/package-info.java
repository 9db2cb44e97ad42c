/**
 * Processes of jobs, for backends that run programs ({@code worker.exec} runs scripts). A backend makes one
 * {@code worker.process.JobProcesses}, one {@code worker.process.JobFolder} and one {@code worker.process.OutputLog}
 * per job, then runs as many commands as it needs with a {@code worker.process.ProcessRunner}.
 *
 * <p><b>Owns</b> the layout below a root folder ({@code worker.process.RootFolder}): one folder for each attempt of a
 * job with its lock file, one for each workspace, and a file with the random id of the root.
 *
 * <p><b>Authoritative</b>: the host. {@code /proc} says which processes live, a file lock says whether the worker of
 * a job lives.
 *
 * <p><b>States</b> of a process: running, asked to stop (SIGINT to its process group), killed after a grace, ended.
 * When the process ends, the rest of its process group is killed. A descendant with a session of its own lives on
 * until the backend kills the attempt or the workspace.
 *
 * <p><b>Finding processes.</b> A process of a job is found by three things: its control group where groups can be
 * created, entries of its environment, and resource limits that it cannot remove (decision 0021). Outside Linux only
 * the process group is ended.
 *
 * <p><b>Failures.</b> A killed worker leaves processes and folders. The next attempt of the job kills the processes
 * ({@code JobProcesses.killEarlierAttempts}). {@code worker.process.JobFolderCleanup} removes the folders and ends
 * the rest when a worker starts and with every inventory.
 *
 * <p><b>Bounds.</b> The caller gives the limits of a log and of a line. At most 1 MiB of each stream is read between
 * two looks at the process. Looking for processes that fork while they are killed ends after 200 rounds.
 */
@NullMarked
package dev.larder.worker.process;

import org.jspecify.annotations.NullMarked;
