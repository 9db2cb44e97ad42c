/**
 * Workspaces made by a Terraform module: the files of a version are the module, {@code terraform} or {@code tofu} runs
 * it, Larder keeps its state. {@code worker.terraform.TerraformBackend} is the way in,
 * {@code worker.terraform.ModuleJob} is one job from its folder to its outcome.
 *
 * <p><b>Owns</b> the folders of jobs below {@code larder.backend.terraform.root}
 * ({@code worker.terraform.ModuleFolder}), each for one attempt of a job. Nothing of a workspace stays there.
 *
 * <p><b>Authoritative</b>: the state that the server keeps, and the provider's own record of what exists. The tool
 * reads and writes the state over its {@code http} backend, with a token for this job alone.
 *
 * <p><b>Trust.</b> A module runs providers and scripts as the worker's own user, so the backend is off by default. The
 * tool gets {@code PATH}, {@code LANG}, {@code TZ}, a {@code HOME} of the job's own and the variables that
 * {@code larder.backend.terraform.environment} names; nothing else of the worker's environment.
 *
 * <p><b>States</b> of a job: init, plan, apply (or init, destroy), outputs. Until apply or destroy begins, nothing is
 * changed. After that the outcome says truthfully how the tool ended ({@code model.ToolEnd}).
 *
 * <p><b>Failures.</b> The tool is asked to stop by SIGINT and has {@code larder.backend.terraform.drain} to end what it
 * has begun and to upload its state; then it is killed. A state that it could not upload is uploaded by
 * {@code worker.terraform.StateRescue}, or kept below the root.
 *
 * <p><b>Bounds.</b> 1 MiB of log per job, 8 KiB per line; 64 KiB of outputs; 64 MiB of plan.
 */
@NullMarked
package dev.larder.worker.terraform;

import org.jspecify.annotations.NullMarked;
