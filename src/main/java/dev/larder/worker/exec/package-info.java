/**
 * Workspaces that are built by the scripts of a template version. A job is one folder with the version's files and one
 * process group that runs one script at a time. A script gets its input from environment variables and writes its
 * result to a JSON file. {@code worker.process} starts, stops and finds the processes.
 *
 * <p><b>Owns</b> the folders of workspaces below {@code larder.backend.exec.root} and the files of a job
 * ({@code worker.exec.Folders}). {@code worker.exec.ExecBackend} is the way in, {@code worker.exec.ScriptJob} performs
 * one job, {@code worker.exec.ExecInventory} lists and removes workspaces.
 *
 * <p><b>Authoritative</b>: the host. Each job looks at the folders and processes that exist, whatever an earlier
 * attempt left.
 *
 * <p><b>Trust.</b> Scripts run as the server's own user and can do what it can, so the backend is off by default.
 * They get {@code PATH}, {@code HOME}, {@code LANG} and {@code TZ} of the server's environment and nothing else of
 * it. No value from a client becomes part of a command line.
 *
 * <p><b>States</b> of a job: earlier attempts killed, folder created and locked, script running, readiness check,
 * ended. A job ends when all of its processes have ended.
 *
 * <p><b>Failures.</b> {@code worker.exec.ExecBackend} lists the outcomes. A fault of this host holds the place
 * (decision 0025); every other failure is the template's. A killed worker's folders and processes are removed by the
 * next attempt, or when a worker starts ({@code worker.process}).
 *
 * <p><b>Bounds.</b> 1 MiB of log per job, half for its beginning and half for its end; 8 KiB per line; 64 KiB of
 * outputs.
 */
@NullMarked
package dev.larder.worker.exec;

import org.jspecify.annotations.NullMarked;
