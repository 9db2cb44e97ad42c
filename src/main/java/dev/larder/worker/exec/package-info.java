/**
 * Workspaces made by the scripts of a template version. A job is one folder with the version's files and one process
 * group that runs one of the scripts. A script gets its input from environment variables and answers with a JSON
 * file.
 *
 * <p><b>Owns</b> the folders below {@code larder.backend.exec.root} ({@code worker.exec.Folders}) and the processes
 * of jobs ({@code worker.exec.Script}, {@code worker.exec.Processes}, {@code worker.exec.Cgroups}).
 * {@code worker.exec.ExecBackend} is the way in, {@code worker.exec.ScriptJob} is one job from its folder to its
 * outcome.
 *
 * <p><b>Authoritative</b>: the host. Each job looks at the folders and processes that exist, whatever an earlier
 * attempt left.
 *
 * <p><b>Trust.</b> Scripts run as the server's own user and can do what it can, so the backend is off by default.
 * They get {@code PATH}, {@code HOME}, {@code LANG} and {@code TZ} of the server's environment and nothing else of
 * it. No value from a client becomes part of a command line.
 *
 * <p><b>States</b> of a script: running, asked to stop (SIGINT), killed after {@code larder.backend.exec.stop-grace},
 * ended. A job ends when all of its processes have ended.
 *
 * <p><b>Failures.</b> A cancel, or the next attempt after a killed server, finds every process of a job in
 * {@code /proc}: each bears the job's ids in its environment, and in a resource limit that it cannot remove. Where
 * control groups can be made, a job runs in one and is killed in one step (decision 0021). Outside Linux only the
 * process group is ended.
 *
 * <p><b>Bounds.</b> 1 MiB of log per job, half for its beginning and half for its end; 8 KiB per line; 64 KiB of JSON
 * answer.
 */
@NullMarked
package dev.larder.worker.exec;

import org.jspecify.annotations.NullMarked;
