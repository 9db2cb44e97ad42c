package dev.larder.worker.terraform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Assignment;
import dev.larder.model.Findings.Change;
import dev.larder.model.JobOutcome;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.StateAccess;
import dev.larder.model.Target;
import dev.larder.model.ToolEnd;
import dev.larder.model.Transition;
import dev.larder.testing.NeedsTerraform;
import dev.larder.testing.TerraformTool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * S10 of the rules for infrastructure state, with the tool of the path: the backend against a state server of its
 * own.
 */
@NeedsTerraform
class TerraformBackendTest {

    private static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final String TOKEN = "the-token-of-this-job";

    private static final String BOX = """
            variable "size" { type = number }
            variable "zone" { default = "eu" }
            resource "terraform_data" "box" {
              input            = var.size
              triggers_replace = [var.zone]
            }
            output "size" { value = terraform_data.box.output }
            output "name" { value = "box-${var.size}" }
            output "password" {
              value     = "swordfish"
              sensitive = true
            }
            """;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    private final AtomicReference<Instant> now = new AtomicReference<>(NOON);
    private final InstantSource clock = now::get;
    private final List<LogLine> log = new CopyOnWriteArrayList<>();
    private final Work work = new Work();

    @SuppressWarnings("NullAway.Init")
    private StateServer server;

    @SuppressWarnings("NullAway.Init")
    private GivenTerraformSettings settings;

    @BeforeEach
    void start_a_server_of_states() throws IOException {
        server = new StateServer();
        settings = GivenTerraformSettings.of(root(), server.address());
    }

    @AfterEach
    void close() {
        if (server != null) {
            server.close();
        }
    }

    // What a module is given, and answers

    @Test
    void a_start_applies_the_module_and_answers_with_its_outputs() {
        JobOutcome outcome = perform(work.with("size", "number", "3").start(BOX));

        assertThat(outcome)
                .isEqualTo(new JobOutcome.Succeeded(Map.of("size", "3", "name", "box-3", "password", "swordfish")));
        assertThat(server.state().orElseThrow()).contains("terraform_data");
        assertThat(server.lock()).isEmpty();
        assertThat(lines())
                .contains(
                        "terraform_data.box: Creating...",
                        "Apply complete! Resources: 1 added, 0 changed, 0 destroyed.")
                .noneMatch(line -> line.contains("\u001b") || line.contains("{\"") || line.contains("swordfish"));
        assertThat(jobFolders()).isEmpty();
    }

    @Test
    void a_second_apply_of_the_same_writes_nothing_new() {
        JobOutcome first = perform(work.with("size", "number", "3").start(BOX));
        String state = server.state().orElseThrow();

        JobOutcome again = perform(work.start(BOX));

        assertThat(again).isEqualTo(first);
        assertThat(server.state()).hasValue(state);
        assertThat(lines()).contains("Apply complete! Resources: 0 added, 0 changed, 0 destroyed.");
    }

    @Test
    void an_update_in_place_keeps_the_resource() {
        JobOutcome first = perform(work.with("size", "number", "3").start(BOX));
        JobOutcome updated = perform(work.with("size", "number", "4").start(BOX));

        assertThat(first).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(((JobOutcome.Succeeded) updated).outputs()).containsEntry("size", "4");
        assertThat(lines()).contains("Apply complete! Resources: 0 added, 1 changed, 0 destroyed.");
    }

    @Test
    void a_delete_destroys_what_the_state_lists() {
        JobOutcome started = perform(work.with("size", "number", "3").start(BOX));

        JobOutcome deleted = perform(work.written().delete(BOX));

        assertThat(started).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(deleted).isEqualTo(new JobOutcome.Succeeded(Map.of()));
        assertThat(server.state().orElseThrow()).contains("\"resources\":[]".replace(":[", ": ["));
    }

    @Test
    void a_state_that_was_never_written_is_destroyed_without_running_anything() {
        assertThat(perform(work.delete("this { is no module"))).isEqualTo(new JobOutcome.Succeeded(Map.of()));
        assertThat(server.calls()).isEmpty();
        assertThat(lines()).singleElement().asString().contains("no state was ever written", "may be left");
    }

    @Test
    void parameters_come_with_their_types_and_larder_tells_only_what_the_module_declares() {
        JobOutcome outcome = perform(work.with("zones", "list", "[\"a\",\"b\"]")
                .with("labels", "map", "{\"n\":{\"deep\":1}}")
                .with("fast", "bool", "true")
                .with("label", "string", "12")
                .start("""
                variable "zones" {}
                variable "labels" {}
                variable "fast" {}
                variable "label" {}
                variable "larder_workspace_id" {}
                variable "larder_workspace_name" {}
                variable "larder_owner" {}
                variable "larder_organization" { type = string }
                output "zones" { value = var.zones }
                output "deep" { value = var.labels.n.deep + 1 }
                output "fast" { value = var.fast ? "yes" : "no" }
                output "label" { value = "${var.label}!" }
                output "nothing" { value = null }
                output "told" { value = "${var.larder_workspace_name} ${var.larder_owner} ${var.larder_organization}" }
                output "id" { value = var.larder_workspace_id }
                """));

        assertThat(outcome)
                .isEqualTo(new JobOutcome.Succeeded(Map.of(
                        "zones",
                        "[\"a\",\"b\"]",
                        "deep",
                        "2",
                        "fast",
                        "yes",
                        "label",
                        "12!",
                        "told",
                        "box-1 system kitchen",
                        "id",
                        work.workspace.toString())));
        assertThat(lines()).noneMatch(line -> line.contains("undeclared"));
    }

    @Test
    void a_module_of_several_folders_runs_as_a_whole() {
        JobOutcome outcome = perform(
                work.file("modules/inner/main.tf", "output \"deep\" { value = \"found\" }")
                        .start(
                                "module \"inner\" { source = \"./modules/inner\" }\noutput \"deep\" { value = module.inner.deep }"));

        assertThat(outcome).isEqualTo(new JobOutcome.Succeeded(Map.of("deep", "found")));
    }

    @Test
    void a_module_that_brings_another_backend_is_kept_here_all_the_same() {
        JobOutcome outcome = perform(work.start("""
                terraform {
                  backend "http" { address = "http://127.0.0.1:1/elsewhere" }
                }
                resource "terraform_data" "a" {}
                """));

        assertThat(outcome).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(server.state()).isPresent();
    }

    @Test
    void the_tool_sees_nothing_of_the_workers_environment_but_what_is_named() {
        settings = settings.passing("LARDER_TEST_NONE", "USER");
        JobOutcome outcome = perform(work.start("""
                resource "terraform_data" "look" {
                  provisioner "local-exec" { command = "env | cut -d= -f1 | sort | tr '\\n' ' '" }
                }
                """));

        assertThat(outcome).isInstanceOf(JobOutcome.Succeeded.class);
        String names = lines().stream()
                .filter(line -> line.contains("(local-exec):") && line.contains("PATH"))
                .filter(line -> !line.contains("Executing"))
                .findFirst()
                .orElseThrow();
        assertThat(names.replaceFirst(".*\\(local-exec\\): ", "").strip().split(" "))
                .allMatch(name -> name.startsWith("TF_")
                        || name.startsWith("LARDER_")
                        || Set.of(
                                        "PATH",
                                        "HOME",
                                        "LANG",
                                        "TZ",
                                        "USER",
                                        "CHECKPOINT_DISABLE",
                                        "PWD",
                                        "SHLVL",
                                        "_",
                                        "OLDPWD")
                                .contains(name));
    }

    @Test
    void the_state_is_reached_with_the_jobs_own_credentials() {
        JobOutcome outcome = perform(work.start("resource \"terraform_data\" \"a\" {}"));

        String expected = "Basic " + Base64.getEncoder().encodeToString((work.mutation + ":" + TOKEN).getBytes());
        assertThat(outcome).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(server.credentials()).isNotEmpty().allMatch(expected::equals);
    }

    @Test
    void secrets_are_masked_wherever_the_module_prints_them() {
        JobOutcome outcome = perform(work.secret("password", "string", "tr0ub4dor\"3")
                .secret("keys", "map", "{\"a\":\"deep-secret\"}")
                .start("""
                variable "password" {}
                variable "keys" {}
                resource "terraform_data" "leak" {
                  input = "${var.password} ${var.keys.a}"
                  provisioner "local-exec" {
                    command = "echo '${var.password}' '${var.keys.a}' $TF_HTTP_PASSWORD"
                  }
                }
                resource "terraform_data" "fails" {
                  depends_on = [terraform_data.leak]
                  lifecycle {
                    postcondition {
                      condition     = var.password == ""
                      error_message = "It is ${var.password}."
                    }
                  }
                }
                """));

        assertThat(((JobOutcome.Failed) outcome).detail()).contains("***").doesNotContain("tr0ub4dor");
        assertThat(lines())
                .anyMatch(line -> line.contains("***"))
                .noneMatch(line -> line.contains("tr0ub4dor") || line.contains("deep-secret") || line.contains(TOKEN));
    }

    // Claims

    @Test
    void a_claim_applies_the_module_again_and_reports_what_it_made_anew() {
        String module = """
                variable "larder_claimed" {}
                resource "terraform_data" "box" {
                  input            = var.larder_claimed
                  triggers_replace = { who = var.larder_claimed ? "someone" : "stock" }
                }
                resource "terraform_data" "kept" { input = var.larder_claimed }
                output "claimed" { value = var.larder_claimed }
                """;
        JobOutcome started = perform(work.start(module));

        JobOutcome claimed = perform(work.claimed().start(module));

        assertThat(started).isEqualTo(new JobOutcome.Succeeded(Map.of("claimed", "false")));
        assertThat(claimed)
                .isEqualTo(new JobOutcome.Succeeded(
                        Map.of("claimed", "true"), Map.of("terraform_data.box", List.of("triggers_replace"))));
    }

    @Test
    void a_plan_that_deletes_without_making_anew_is_refused() {
        String module = """
                variable "larder_claimed" {}
                resource "terraform_data" "box" { count = var.larder_claimed ? 0 : 2 }
                """;
        JobOutcome started = perform(work.start(module));
        String state = server.state().orElseThrow();

        JobOutcome claimed = perform(work.claimed().start(module));

        assertThat(started).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(claimed)
                .isEqualTo(new JobOutcome.Failed(
                        "plan_deletes",
                        "The plan deletes resources and does not make them anew:"
                                + " terraform_data.box[0], terraform_data.box[1].",
                        ToolEnd.NOT_STARTED));
        assertThat(server.state()).hasValue(state);
        assertThat(server.lock()).isEmpty();
    }

    // Failures, and how far the record can be trusted after them

    @Test
    void a_module_that_does_not_parse_is_invalid_and_nothing_was_started() {
        assertFailed(perform(work.start("resource \"terraform_data\" {")), "module_invalid", ToolEnd.NOT_STARTED);
        assertThat(lines()).anyMatch(line -> line.startsWith("Error: ") && line.contains("main.tf, line 1"));
    }

    @Test
    void a_value_that_would_be_asked_for_fails_the_plan_by_its_name() {
        JobOutcome outcome = perform(work.start("variable \"forgotten\" {}"));

        assertFailed(outcome, "plan_failed", ToolEnd.NOT_STARTED);
        assertThat(((JobOutcome.Failed) outcome).detail()).contains("\"forgotten\"");
    }

    @Test
    void a_parameter_that_the_module_does_not_declare_fails_by_its_name() {
        JobOutcome outcome = perform(work.with("sise", "number", "3").start(BOX));

        assertFailed(outcome, "parameter_undeclared", ToolEnd.NOT_STARTED);
        assertThat(((JobOutcome.Failed) outcome).detail()).contains("sise");
        assertThat(server.state()).isEmpty();
    }

    @Test
    void a_module_that_does_not_parse_fails_as_such_with_its_file_and_line_and_not_by_a_parameter_behind_the_fault() {
        JobOutcome outcome = perform(work.with("size", "number", "3").start("locals {\n  a = [1\n}\n" + BOX));

        assertFailed(outcome, "module_invalid", ToolEnd.NOT_STARTED);
        assertThat(((JobOutcome.Failed) outcome).detail())
                .containsPattern("main.tf, line \\d")
                .doesNotContain("size");
    }

    @Test
    void a_provider_that_does_not_exist_fails_the_init() {
        settings = new GivenTerraformSettings(
                root(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.of(folder.toString()),
                Optional.of(server.address()),
                LONG);

        assertFailed(perform(work.start("""
                        terraform {
                          required_providers {
                            x = { source = "nobody/nothing" }
                          }
                        }
                        """)), "init_failed", ToolEnd.NOT_STARTED);
    }

    @Test
    void an_apply_that_fails_leaves_a_true_record() {
        JobOutcome outcome = perform(work.start("""
                resource "terraform_data" "made" {}
                resource "terraform_data" "fails" {
                  depends_on = [terraform_data.made]
                  provisioner "local-exec" { command = "exit 7" }
                }
                """));

        assertFailed(outcome, "apply_failed", ToolEnd.EXITED);
        assertThat(server.state().orElseThrow()).contains("\"made\"", "\"tainted\"");
        assertThat(server.lock()).isEmpty();
    }

    @Test
    void a_destroy_that_fails_keeps_what_is_left_in_the_record() {
        String module = """
                resource "terraform_data" "sticky" {
                  provisioner "local-exec" {
                    when    = destroy
                    command = "exit 7"
                  }
                }
                """;
        JobOutcome started = perform(work.start(module));

        JobOutcome deleted = perform(work.written().delete(module));

        assertThat(started).isInstanceOf(JobOutcome.Succeeded.class);
        assertFailed(deleted, "destroy_failed", ToolEnd.EXITED);
        assertThat(server.state().orElseThrow()).contains("sticky");
    }

    @Test
    void a_lock_that_another_holds_is_waited_for_and_then_passes_the_job_on() {
        server.lockedBy("somebody-else");

        JobOutcome outcome = perform(work.start("resource \"terraform_data\" \"a\" {}"));

        assertFailed(outcome, "state_locked", ToolEnd.NOT_STARTED);
        assertThat(server.state()).isEmpty();
    }

    @Test
    void a_state_that_the_tool_could_not_upload_is_uploaded_all_the_same() {
        server.failWrites(1);
        settings = settings.withBinary(impatient());

        JobOutcome outcome = perform(work.start("resource \"terraform_data\" \"a\" {}"));

        assertFailed(outcome, "state_not_kept", ToolEnd.EXITED);
        assertThat(server.state().orElseThrow()).contains("terraform_data");
        assertThat(server.lock()).isEmpty();
        assertThat(lines()).contains("the state that the tool could not upload was uploaded");
    }

    @Test
    void a_state_that_the_server_does_not_accept_is_kept_by_the_worker() throws IOException {
        server.refuseWrites();

        JobOutcome outcome = perform(work.start("resource \"terraform_data\" \"a\" {}"));

        assertFailed(outcome, "state_not_kept", ToolEnd.EXITED);
        try (Stream<Path> kept = Files.list(root().resolve("kept"))) {
            assertThat(kept.map(TerraformBackendTest::text).toList())
                    .singleElement()
                    .asString()
                    .contains("terraform_data");
        }
        assertThat(lines()).anyMatch(line -> line.contains("was not accepted (the server answered 409)"));
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    @Test
    void a_job_that_is_canceled_before_the_apply_changes_nothing() {
        Assignment job = work.with("size", "number", "1").start(BOX);
        settings = settings.withBinary(slow("plan"));
        TerraformBackend slow = backend();
        CompletableFuture<JobOutcome> running = begin(slow, job);
        until(() -> Files.exists(folder.resolve("slow")));

        assertThat(slow.stop(job)).isTrue();

        assertThat(running.join()).isEqualTo(new JobOutcome.Canceled(ToolEnd.NOT_STARTED));
        assertThat(server.state()).isEmpty();
    }

    @Test
    void a_module_that_hangs_in_init_is_ended_at_its_deadline_and_nothing_was_started() {
        settings = settings.withBinary(slow("init"));
        CompletableFuture<JobOutcome> running = begin(backend(), work.start(BOX));
        until(() -> Files.exists(folder.resolve("slow")));

        now.set(NOON.plus(LONG));

        assertFailed(running.join(), "timed_out", ToolEnd.NOT_STARTED);
    }

    @Test
    void an_apply_that_is_interrupted_ends_by_itself_and_its_record_is_true() {
        TerraformBackend backend = backend();
        Assignment job = work.start(waiting());
        CompletableFuture<JobOutcome> running = begin(backend, job);
        until(() -> Files.exists(folder.resolve("applying")));

        assertThat(backend.stop(job)).isTrue();

        assertThat(running.join()).isEqualTo(new JobOutcome.Canceled(ToolEnd.EXITED));
        assertThat(server.state().orElseThrow()).contains("\"first\"");
        assertThat(server.lock()).isEmpty();
    }

    @Test
    void an_apply_that_does_not_end_is_killed_and_its_record_cannot_be_trusted() {
        settings = settings.withDrain(Duration.ofMillis(200)).withBinary(slow("apply"));
        TerraformBackend backend = backend();
        Assignment job = work.with("size", "number", "1").start(BOX);
        CompletableFuture<JobOutcome> running = begin(backend, job);
        until(() -> Files.exists(folder.resolve("slow")));

        assertThat(backend.stop(job)).isTrue();

        assertThat(running.join()).isEqualTo(new JobOutcome.Canceled(ToolEnd.UNKNOWN));
    }

    @Test
    void a_tool_that_is_killed_by_someone_else_leaves_a_record_that_cannot_be_trusted() {
        CompletableFuture<JobOutcome> running = begin(backend(), work.start(waiting()));
        until(() -> Files.exists(folder.resolve("applying")));

        ProcessHandle.allProcesses()
                .filter(process -> process.info().command().orElse("").contains("terraform"))
                .filter(process ->
                        process.parent().filter(ProcessHandle.current()::equals).isPresent())
                .forEach(ProcessHandle::destroyForcibly);

        assertFailed(running.join(), "apply_failed", ToolEnd.UNKNOWN);
    }

    // The tool itself

    @Test
    void without_the_tool_the_backend_is_not_offered_and_says_why() {
        TerraformBackend nowhere =
                new TerraformBackend(settings.withBinary(folder.resolve("nothing")), clock, address());
        TerraformBackend another = new TerraformBackend(settings.withBinary(Path.of("/bin/sh")), clock, address());

        assertThat(nowhere.unusable().orElseThrow()).contains("larder.backend.terraform.binary", "nothing");
        assertThat(another.unusable().orElseThrow()).contains("is not Terraform or OpenTofu");
        assertThat(ToolBinary.find(Optional.empty(), folder.toString())).isEmpty();
    }

    // Helpers

    /** The first resource is made, the second one waits for SIGINT. */
    private String waiting() {
        return """
                resource "terraform_data" "first" {}
                resource "terraform_data" "waits" {
                  depends_on = [terraform_data.first]
                  provisioner "local-exec" { command = "touch %s; exec sleep 111" }
                }
                """.formatted(folder.resolve("applying"));
    }

    /** The tool, which waits for ever in one of its commands and does not hear SIGINT. */
    private Path slow(String command) {
        return script("""
                #!/bin/sh
                if [ "$1" = %s ]; then trap '' INT; touch %s; sleep 112 & wait; fi
                exec %s "$@"
                """.formatted(command, folder.resolve("slow"), TerraformTool.path()));
    }

    /** The tool, which does not try a second time to write its state. */
    private Path impatient() {
        return script("#!/bin/sh\nTF_HTTP_RETRY_MAX=0 exec " + TerraformTool.path() + " \"$@\"\n");
    }

    private Path script(String text) {
        try {
            Path script = Files.writeString(folder.resolve("tool-" + UUID.randomUUID()), text);
            assertThat(script.toFile().setExecutable(true)).isTrue();
            return script;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private Path root() {
        return folder.resolve("root");
    }

    private ServerAddress address() {
        return new ServerAddress(settings, ConfigProvider.getConfig());
    }

    private TerraformBackend backend() {
        TerraformBackend backend = new TerraformBackend(settings, clock, address());
        assertThat(backend.unusable()).isEmpty();
        return backend;
    }

    private CompletableFuture<JobOutcome> begin(TerraformBackend backend, Assignment job) {
        return backend.perform(job, log::add).subscribeAsCompletionStage();
    }

    private JobOutcome perform(Assignment job) {
        return begin(backend(), job).orTimeout(120, TimeUnit.SECONDS).join();
    }

    private static void assertFailed(JobOutcome outcome, String code, ToolEnd tool) {
        assertThat(outcome).isInstanceOfSatisfying(JobOutcome.Failed.class, failed -> {
            assertThat(failed.code()).as(failed.detail()).isEqualTo(code);
            assertThat(failed.tool()).isEqualTo(tool);
        });
    }

    private List<String> lines() {
        return log.stream().map(LogLine::line).toList();
    }

    private List<Path> jobFolders() {
        try (Stream<Path> jobs = Files.list(root().resolve("jobs"))) {
            return jobs.collect(Collectors.toList());
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static void until(BooleanSupplier condition) {
        long last = System.nanoTime() + 60_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("took too long").isLessThan(last);
            LockSupport.parkNanos(10_000_000);
        }
    }

    // Checks

    @ParameterizedTest
    @ValueSource(strings = {Assignment.DRIFT_CHECK, Assignment.CHANGESET})
    void a_check_reads_the_state_and_writes_none(String reason) {
        JobOutcome started = perform(work.with("size", "number", "3").start(BOX));
        String state = server.state().orElseThrow();

        JobOutcome checked = perform(work.written().check(reason, BOX));

        assertThat(started).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(checked).isInstanceOfSatisfying(JobOutcome.Succeeded.class, found -> {
            assertThat(found.outputs()).isEmpty();
            assertThat(found.findings().drift()).isEmpty();
            assertThat(found.findings().changes()).isEmpty();
            assertThat(found.findings().plan().isPresent()).isEqualTo(reason.equals(Assignment.CHANGESET));
        });
        assertThat(server.state()).hasValue(state);
        assertThat(server.lock()).isEmpty();
    }

    @Test
    void a_changeset_says_what_an_apply_would_change_even_deletes() {
        JobOutcome started = perform(work.with("size", "number", "3").start(BOX));

        JobOutcome staged = perform(work.written().check(Assignment.CHANGESET, """
                variable "size" {}
                resource "terraform_data" "crate" { input = "swordfish" }
                """));

        assertThat(started).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(((JobOutcome.Succeeded) staged).findings().changes())
                .containsExactlyInAnyOrder(
                        new Change("terraform_data.box", "terraform_data", "delete", List.of()),
                        new Change("terraform_data.crate", "terraform_data", "create", List.of()));
        assertThat(staged.toString()).doesNotContain("swordfish");
    }

    private static final String CRATE = """
            variable "size" {}
            resource "terraform_data" "crate" {
              input = "oak"
            }
            output "crate" { value = terraform_data.crate.output }
            """;

    private Optional<String> staged(String main) {
        return ((JobOutcome.Succeeded) perform(work.written().check(Assignment.CHANGESET, main)))
                .findings()
                .plan();
    }

    @Test
    void a_changeset_is_applied_where_the_plan_is_the_staged_one_even_if_it_deletes() {
        JobOutcome started = perform(work.with("size", "number", "3").start(BOX));
        Optional<String> plan = staged(CRATE);

        JobOutcome applied = perform(work.plan(plan).check(Assignment.APPLY, CRATE));

        assertThat(started).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(applied).isEqualTo(new JobOutcome.Succeeded(Map.of("crate", "oak")));
        assertThat(server.state().orElseThrow()).contains("\"crate\"").doesNotContain("\"box\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"input = \"pine\"", "input = \"oak\"\n  triggers_replace = [1]", ""})
    void a_plan_that_is_not_the_staged_one_is_not_applied(String body) {
        JobOutcome started = perform(work.with("size", "number", "3").start(BOX));
        Optional<String> plan = staged(CRATE);
        Optional<String> before = server.state();

        JobOutcome applied = perform(work.plan(plan).check(Assignment.APPLY, CRATE.replace("input = \"oak\"", body)));

        assertThat(started).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(applied).isInstanceOfSatisfying(JobOutcome.Failed.class, failed -> {
            assertThat(failed.code()).isEqualTo("plan_changed");
            assertThat(failed.tool()).isEqualTo(ToolEnd.NOT_STARTED);
        });
        assertThat(server.state()).isEqualTo(before);
    }

    @Test
    void without_a_staged_plan_nothing_is_applied() {
        JobOutcome started = perform(work.with("size", "number", "3").start(BOX));

        JobOutcome applied = perform(work.written().check(Assignment.APPLY, CRATE));

        assertThat(started).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(applied)
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("plan_changed"));
    }

    @Test
    void a_refresh_answers_with_the_outputs_again() {
        JobOutcome started = perform(work.with("size", "number", "3").start(BOX));

        JobOutcome refreshed = perform(work.written().check(Assignment.REFRESH, BOX));

        assertThat(refreshed).isEqualTo(started);
    }

    @Test
    void a_check_of_a_module_that_cannot_be_planned_fails_and_nothing_was_begun() {
        JobOutcome started = perform(work.with("size", "number", "3").start(BOX));

        JobOutcome checked =
                perform(work.written().check(Assignment.DRIFT_CHECK, "variable \"size\" {}\nthis { is no module"));

        assertThat(started).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(checked.tool()).isEqualTo(ToolEnd.NOT_STARTED);
    }

    /** One workspace and its jobs. */
    private static final class Work {

        private final UUID workspace = UUID.randomUUID();
        private final UUID mutation = UUID.randomUUID();
        private final Map<String, String> files = new TreeMap<>();
        private final Map<String, String> values = new HashMap<>();
        private final Map<String, String> types = new HashMap<>();
        private final Set<String> sensitive = new HashSet<>();
        private final List<UUID> jobs = new ArrayList<>();
        private boolean claimed;
        private long version;
        private Optional<String> plan = Optional.empty();

        Work with(String name, String type, String value) {
            values.put(name, value);
            types.put(name, type);
            return this;
        }

        Work secret(String name, String type, String value) {
            sensitive.add(name);
            return with(name, type, value);
        }

        Work file(String path, String text) {
            files.put(path, text);
            return this;
        }

        Work claimed() {
            claimed = true;
            return this;
        }

        /** Its state has a version. */
        Work written() {
            version = 1;
            return this;
        }

        /** The server tells this digest of a plan. */
        Work plan(Optional<String> digest) {
            plan = digest;
            return this;
        }

        Assignment start(String main) {
            return job(Transition.START, main);
        }

        Assignment delete(String main) {
            return job(Transition.DELETE, main);
        }

        Assignment check(String reason, String main) {
            return job(Transition.START, reason, main);
        }

        private Assignment job(Transition transition, String main) {
            return job(transition, claimed && transition == Transition.START ? Assignment.CLAIM : "prebuild", main);
        }

        private Assignment job(Transition transition, String reason, String main) {
            files.put("main.tf", main);
            jobs.add(UUID.randomUUID());
            Lease lease = new Lease(jobs.getLast(), UUID.randomUUID(), 1, workspace, transition, reason, true);
            return new Assignment(
                    lease,
                    NOON.plus(LONG),
                    jobs.size(),
                    new Target(
                            new Target.Workspace(
                                    "box-1",
                                    UUID.randomUUID(),
                                    "kitchen",
                                    UUID.randomUUID(),
                                    "system",
                                    !claimed,
                                    Map.of()),
                            new Target.Version(UUID.randomUUID(), "terraform", "boxes", "small", Map.copyOf(files)),
                            new Target.Parameters(Map.copyOf(values), Set.copyOf(sensitive), Map.copyOf(types)),
                            Optional.of(new StateAccess(UUID.randomUUID(), mutation, 1, version, TOKEN, plan))));
        }
    }
}
