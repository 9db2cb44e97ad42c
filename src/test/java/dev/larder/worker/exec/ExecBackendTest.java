package dev.larder.worker.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.larder.model.Assignment;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.Target;
import dev.larder.model.Transition;
import dev.larder.worker.process.Cgroups;
import dev.larder.worker.process.FileTrees;
import dev.larder.worker.process.JobProcesses;
import io.smallrye.mutiny.subscription.Cancellable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExecBackendTest {

    private static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final String ANSWER = "echo '{\"a\": \"b\"}' > $LARDER_OUTPUTS\n";
    private static final JobOutcome ANSWERED = new JobOutcome.Succeeded(Map.of("a", "b"));
    private static final JobOutcome DONE = new JobOutcome.Succeeded(Map.of());

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path root;

    private final AtomicReference<Instant> now = new AtomicReference<>(NOON);
    private final InstantSource clock = now::get;
    private final List<LogLine> log = new CopyOnWriteArrayList<>();
    private final Work work = new Work();

    @AfterEach
    void leaves_no_process_behind() {
        var unused = new JobProcesses(Cgroups.detect(), work.workspace, workspaceFolder(), work.job, 1).killWorkspace();
    }

    // Inputs and outputs of scripts

    @Test
    void a_start_answers_with_what_its_script_wrote() {
        JobOutcome outcome = perform(work.start("""
                echo hello; echo trouble >&2
                echo '{"url": "http://localhost", "port": 8080, "tls": false}' > "$LARDER_OUTPUTS\""""));

        assertThat(outcome)
                .isEqualTo(new JobOutcome.Succeeded(Map.of("url", "http://localhost", "port", "8080", "tls", "false")));
        assertThat(log)
                .containsExactlyInAnyOrder(
                        new LogLine(NOON, "stdout", "hello"), new LogLine(NOON, "stderr", "trouble"));
    }

    @Test
    void a_script_knows_its_workspace_and_nothing_of_the_server() throws IOException {
        JobOutcome outcome = perform(work.with("zone", "eu").start("env -0 > $LARDER_WORKSPACE_DIR/env; " + ANSWER));

        Map<String, String> told = new HashMap<>();
        for (String entry : kept("env").split("\0")) {
            told.put(entry.split("=", 2)[0], entry.split("=", 2)[1]);
        }
        assertThat(outcome).isEqualTo(ANSWERED);
        assertThat(told)
                .containsEntry("LARDER_WORKSPACE_ID", work.workspace.toString())
                .containsEntry("LARDER_WORKSPACE_NAME", "box-1")
                .containsEntry("LARDER_ORGANIZATION", "kitchen")
                .containsEntry("LARDER_OWNER", "system")
                .containsEntry("LARDER_TEMPLATE", "boxes")
                .containsEntry("LARDER_PRESET", "small")
                .containsEntry("LARDER_TRANSITION", "start")
                .containsEntry("LARDER_PARAM_ZONE", "eu");
        assertThat(told.keySet())
                .allMatch(name -> name.startsWith("LARDER_")
                        || Set.of("PATH", "HOME", "LANG", "TZ", "PWD", "OLDPWD", "SHLVL", "_")
                                .contains(name));
    }

    @Test
    void a_claim_script_finds_the_outputs_of_the_start_and_may_leave_them() {
        Map<String, String> answered = Map.of("url", "http://localhost", "port", "8080");

        JobOutcome left = perform(work.claim("grep -q localhost \"$LARDER_OUTPUTS\"", answered));

        assertThat(left).isEqualTo(new JobOutcome.Succeeded(answered));
    }

    @Test
    void a_claim_script_may_answer_anew_and_knows_whose_the_workspace_is_now() {
        JobOutcome anew =
                perform(work.claim("echo '{\"for\": \"'$LARDER_OWNER'\"}' > $LARDER_OUTPUTS", Map.of("for", "nobody")));

        assertThat(anew).isEqualTo(new JobOutcome.Succeeded(Map.of("for", "system")));
    }

    @Test
    void a_claim_script_works_on_what_the_start_made() throws IOException {
        assertThat(perform(work.start("echo made > $LARDER_WORKSPACE_DIR/it; " + ANSWER)))
                .isEqualTo(ANSWERED);

        assertThat(perform(work.claim("echo claimed >> $LARDER_WORKSPACE_DIR/it", Map.of())))
                .isEqualTo(DONE);

        assertThat(kept("it")).isEqualTo("made\nclaimed\n");
    }

    @Test
    void what_a_claim_script_made_anew_is_told_with_its_paths() {
        JobOutcome outcome = perform(
                work.claim("echo '{\"disk.data\": [\"size\", \"zone\"]}' > \"$LARDER_REPLACED\"", Map.of("a", "b")));

        assertThat(outcome)
                .isEqualTo(new JobOutcome.Succeeded(Map.of("a", "b"), Map.of("disk.data", List.of("size", "zone"))));
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "{\"a\": \"b\"}", "{\"a\": [1]}", "{\"a\": [", "{\"a\": {}}"})
    void what_was_made_anew_must_be_lists_of_texts(String replaced) {
        JobOutcome outcome = perform(work.claim("echo '" + replaced + "' > \"$LARDER_REPLACED\"", Map.of()));

        assertThat(outcome)
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("replaced_invalid"));
    }

    @Test
    void a_claim_script_that_fails_or_spoils_the_outputs_fails_the_claim_step() {
        assertThat(perform(work.claim("exit 3", Map.of())))
                .isEqualTo(new JobOutcome.Failed("script_failed", "claim.sh ended with exit code 3"));
        assertThat(perform(work.claim("echo '{' > \"$LARDER_OUTPUTS\"", Map.of())))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("outputs_invalid"));
    }

    @Test
    void a_verification_reads_the_outputs_and_changes_none() {
        JobOutcome outcome = perform(work.verify(
                "grep -q hunter22 \"$LARDER_OUTPUTS\" && echo '{}' > \"$LARDER_OUTPUTS\"",
                Map.of("password", "hunter22")));

        assertThat(outcome).isEqualTo(new JobOutcome.Succeeded(Map.of()));
    }

    @Test
    void a_verification_that_ends_badly_says_so_and_tells_no_secret() {
        JobOutcome outcome = perform(work.verify("cat \"$LARDER_OUTPUTS\"; exit 4", Map.of("password", "hunter22")));

        assertThat(outcome).isEqualTo(new JobOutcome.Failed("script_failed", "verify.sh ended with exit code 4"));
        assertThat(lines()).hasSize(1).noneMatch(line -> line.contains("hunter22"));
    }

    @Test
    void a_reset_may_change_the_outputs_and_leave_them() {
        assertThat(perform(work.recycle(":", Map.of("url", "a"))))
                .isEqualTo(new JobOutcome.Succeeded(Map.of("url", "a")));
        assertThat(perform(work.recycle("echo '{\"url\": \"b\"}' > \"$LARDER_OUTPUTS\"", Map.of("url", "a"))))
                .isEqualTo(new JobOutcome.Succeeded(Map.of("url", "b")));
    }

    @Test
    void a_reset_has_succeeded_when_the_verification_after_it_has() {
        var unused = work.file("verify.sh", "test -e \"$LARDER_WORKSPACE_DIR/clean\"");

        assertThat(perform(work.recycle(":", Map.of())))
                .isEqualTo(new JobOutcome.Failed("script_failed", "verify.sh ended with exit code 1"));
        assertThat(perform(work.recycle("touch \"$LARDER_WORKSPACE_DIR/clean\"", Map.of())))
                .isEqualTo(new JobOutcome.Succeeded(Map.of()));
    }

    @Test
    void after_a_failed_reset_nothing_is_verified() {
        var unused = work.file("verify.sh", "echo verified");

        assertThat(perform(work.recycle("exit 5", Map.of())))
                .isEqualTo(new JobOutcome.Failed("script_failed", "reset.sh ended with exit code 5"));
        assertThat(lines()).isEmpty();
    }

    @Test
    void outputs_of_the_start_are_masked_even_when_the_claim_script_has_replaced_them() {
        JobOutcome outcome = perform(work.claim(
                "echo '{\"password\": \"fresh-one\"}' > \"$LARDER_OUTPUTS\"; echo rotated hunter22",
                Map.of("password", "hunter22")));

        assertThat(outcome).isEqualTo(new JobOutcome.Succeeded(Map.of("password", "fresh-one")));
        assertThat(lines()).hasSize(1).noneMatch(line -> line.contains("hunter22"));
    }

    @Test
    void outputs_of_the_start_are_masked_in_what_a_claim_script_prints() {
        JobOutcome outcome = perform(work.claim("cat \"$LARDER_OUTPUTS\"", Map.of("password", "hunter22")));

        assertThat(outcome).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(lines()).hasSize(1).noneMatch(line -> line.contains("hunter22"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "$(touch hacked)",
                "`touch hacked`",
                "; touch hacked #",
                "\"; touch hacked; \"",
                "' ; touch hacked '",
                "two\nlines",
                "--option",
                "%s%n\\0",
                "é\u00A0中"
            })
    void a_parameter_is_only_data(String value) throws IOException {
        JobOutcome outcome = perform(work.with("value", value)
                .start("printf '%s' \"$LARDER_PARAM_VALUE\" > \"$LARDER_WORKSPACE_DIR/value\"\n" + ANSWER
                        + "test ! -e hacked"));

        assertThat(outcome).isEqualTo(ANSWERED);
        assertThat(kept("value")).isEqualTo(value);
    }

    @Test
    void a_script_runs_among_its_files_by_its_own_interpreter_without_input() {
        JobOutcome outcome = perform(work.file("lib/answer.sh", "#!/bin/sh\n" + ANSWER)
                .start("#!/usr/bin/env bash\nset -eu\ncat\n[[ -n $BASH_VERSION ]]\n./lib/answer.sh"));

        assertThat(outcome).isEqualTo(ANSWERED);
    }

    @Test
    void an_environment_that_is_too_long_is_an_outcome() {
        assertThat(perform(work.with("value", "x".repeat(3_000_000)).start(ANSWER)))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("script_not_started"));
    }

    @Test
    void a_file_cannot_leave_its_folder() {
        assertThat(perform(work.file("../../escaped", "x").start(ANSWER)))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("files_invalid"));
        assertThat(root.resolve("jobs").resolve("escaped")).doesNotExist();
    }

    @Test
    void a_name_of_too_many_bytes_is_the_versions_fault() {
        assertThat(perform(work.file("lib/" + "ü".repeat(128), "x").start(ANSWER)))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("files_invalid"));
        assertThat(perform(work.start(ANSWER))).isInstanceOf(JobOutcome.Failed.class);
    }

    @Test
    void a_script_with_windows_line_ends_that_fails_says_so() {
        assertThat(perform(work.start("#!/bin/sh\r\nset -eu\r\n")))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.detail()).contains("its lines end as on Windows (CR LF)"));
    }

    // Failures

    @Test
    void a_script_that_fails_is_an_outcome() {
        assertThat(perform(work.start("exit 3")))
                .isEqualTo(new JobOutcome.Failed("script_failed", "start.sh ended with exit code 3"));
    }

    @Test
    void a_version_without_a_start_script_cannot_be_started() {
        assertThat(perform(work.job(Transition.START)))
                .isEqualTo(new JobOutcome.Failed("script_missing", "The version has no start.sh."));
    }

    @Test
    void a_start_without_outputs_fails() {
        assertThat(perform(work.start("exit 0")))
                .isEqualTo(new JobOutcome.Failed("outputs_missing", "start.sh ended well and wrote no outputs."));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"secret\": sesame}",
                "[\"sesame\"]",
                "{\"a\": {\"sesame\": 1}}",
                "{\"a\": null}",
                "{} {}",
                "{\"a\": \"sesame\", \"a\": 2}",
                "{\"a\""
            })
    void outputs_that_are_no_flat_object_fail_and_are_not_quoted(String outputs) {
        assertThat(perform(work.start("cat <<'END' > $LARDER_OUTPUTS\n" + outputs + "\nEND\n")))
                .isInstanceOfSatisfying(JobOutcome.Failed.class, failed -> {
                    assertThat(failed.code()).isEqualTo("outputs_invalid");
                    assertThat(failed.detail()).doesNotContain("sesame");
                });
    }

    @Test
    void outputs_of_more_than_64_KiB_fail() {
        assertThat(perform(work.start("printf '{\"a\": \"%065536d\"}' 0 > $LARDER_OUTPUTS")))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("outputs_invalid"));
    }

    @Test
    void stop_and_delete_need_no_script_and_delete_takes_the_folder() throws IOException {
        assertThat(perform(work.start("echo x > $LARDER_WORKSPACE_DIR/kept; " + ANSWER)))
                .isEqualTo(ANSWERED);
        assertThat(perform(work.job(Transition.STOP))).isEqualTo(DONE);
        assertThat(kept("kept")).isEqualTo("x\n");
        assertThat(perform(work.job(Transition.DELETE))).isEqualTo(DONE);
        assertThat(perform(work.job(Transition.DELETE))).isEqualTo(DONE);

        assertThat(workspaceFolder()).doesNotExist();
        assertThat(root.resolve("jobs")).isEmptyDirectory();
    }

    @Test
    void a_failing_delete_keeps_the_folder() throws IOException {
        assertThat(perform(work.start("echo x > $LARDER_WORKSPACE_DIR/kept; " + ANSWER)))
                .isEqualTo(ANSWERED);

        assertThat(perform(work.file("delete.sh", "exit 1").job(Transition.DELETE)))
                .isEqualTo(new JobOutcome.Failed("script_failed", "delete.sh ended with exit code 1"));
        assertThat(kept("kept")).isEqualTo("x\n");
    }

    // Readiness

    @Test
    void a_start_waits_until_the_ready_script_succeeds() throws IOException {
        JobOutcome outcome = perform(work.file(
                        "ready.sh",
                        "echo . >> $LARDER_WORKSPACE_DIR/asked; test $(wc -l < $LARDER_WORKSPACE_DIR/asked) = 3")
                .start(ANSWER));

        assertThat(outcome).isEqualTo(ANSWERED);
        assertThat(kept("asked")).isEqualTo(".\n.\n.\n");
    }

    @Test
    void a_workspace_that_is_not_ready_by_the_deadline_fails() {
        CompletableFuture<JobOutcome> outcome =
                begin(work.file("ready.sh", "echo asked; exit 1").start(ANSWER));
        until(() -> lines().contains("asked"));

        now.set(NOON.plusSeconds(600));

        assertThat(outcome.join())
                .isEqualTo(new JobOutcome.Failed("not_ready", "ready.sh did not succeed before the job's deadline."));
    }

    // Processes

    @Test
    void a_cancel_ends_a_script_that_ignores_it_and_its_children() {
        Cancellable job = backend()
                .perform(
                        work.start(
                                "trap '' INT TERM; sleep 600 & setsid sleep 600 & echo hangs; while :; do sleep 1; done"),
                        log::add)
                .subscribe()
                .with(never -> {});
        until(() -> lines().contains("hangs"));
        assertThat(processes()).hasSizeGreaterThanOrEqualTo(3);

        job.cancel();

        until(() -> processes().isEmpty());
        until(() -> isEmpty(root.resolve("jobs")));
    }

    @Test
    void a_cancelled_script_may_tidy_up() throws IOException {
        Cancellable job = backend()
                .perform(
                        work.start("trap 'echo tidied > $LARDER_WORKSPACE_DIR/end; exit 1' INT; echo hangs; "
                                + "while :; do sleep 0.05; done"),
                        log::add)
                .subscribe()
                .with(never -> {});
        until(() -> lines().contains("hangs"));

        job.cancel();

        until(() -> processes().isEmpty());
        assertThat(kept("end")).isEqualTo("tidied\n");
    }

    @Test
    void a_script_is_ended_at_the_deadline() {
        CompletableFuture<JobOutcome> outcome = begin(work.start("echo hangs; sleep 600"));
        until(() -> lines().contains("hangs"));

        now.set(NOON.plusSeconds(600));

        assertThat(outcome.join())
                .isEqualTo(new JobOutcome.Failed("timed_out", "start.sh was not done by the job's deadline."));
        assertThat(processes()).isEmpty();
    }

    @Test
    void children_end_with_their_script_and_what_detached_itself_ends_with_the_workspace() {
        assertThat(perform(work.start("sleep 600 & " + detached(601) + ANSWER))).isEqualTo(ANSWERED);
        assertThat(processes()).containsExactly("sleep 601");

        assertThat(perform(work.job(Transition.DELETE))).isEqualTo(DONE);
        assertThat(processes()).isEmpty();
    }

    @Test
    void nothing_is_left_of_a_failed_start() {
        assertThat(perform(work.start(detached(600) + "exit 1"))).isInstanceOf(JobOutcome.Failed.class);

        assertThat(processes()).isEmpty();
    }

    /**
     * Starts a process that clears its environment, leaves its session and folder, and closes all inherited files.
     */
    private static String hidden(int seconds) {
        return """
                env -i HERE="$LARDER_WORKSPACE_DIR" setsid nohup /bin/sh -c \
                    'cd /; exec 3>&- 4>&-; echo $$ > "$HERE/hidden"; exec env -i sleep %d' > /dev/null 2>&1 < /dev/null &
                until [ -s "$LARDER_WORKSPACE_DIR/hidden" ]; do sleep 0.01; done
                """.formatted(seconds);
    }

    private ProcessHandle hidden() throws IOException {
        return ProcessHandle.of(Long.parseLong(kept("hidden").strip())).orElseThrow();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_process_that_cleared_its_environment_is_killed_when_its_start_fails(boolean grouped) {
        Cgroups groups = grouped ? Cgroups.detect() : Cgroups.none();
        assumeTrue(groups.isUsable() == grouped, "groups can be made here");
        ExecBackend backend = new ExecBackend(new Given(root), clock, groups);

        assertThat(backend.perform(work.start(hidden(600) + "exit 1"), log::add)
                        .await()
                        .atMost(LONG))
                .isInstanceOf(JobOutcome.Failed.class);

        until(() -> !runs(600));
        assertThat(lines())
                .anyMatch(line -> line.matches("processes that had detached themselves were killed: [0-9]+ \\w+"));
    }

    @Test
    void a_process_that_cleared_its_environment_lives_until_its_workspace_is_deleted() throws IOException {
        assertThat(perform(work.start(hidden(607) + ANSWER))).isEqualTo(ANSWERED);
        ProcessHandle hidden = hidden();
        assertThat(perform(work.claim(":", Map.of()))).isEqualTo(DONE);
        assertThat(hidden.isAlive()).isTrue();
        work.reason = "deleted";

        assertThat(perform(work.job(Transition.DELETE))).isEqualTo(DONE);

        until(() -> !runs(607));
    }

    @Test
    void a_process_that_cleared_its_environment_is_killed_by_the_next_attempt() throws IOException {
        assertThat(perform(work.start(hidden(608) + ANSWER))).isEqualTo(ANSWERED);
        assertThat(hidden().isAlive()).isTrue();

        assertThat(perform(work.attempt(2).start(ANSWER))).isEqualTo(ANSWERED);

        until(() -> !runs(608));
        assertThat(lines()).anyMatch(line -> line.startsWith("processes of an earlier attempt were killed: "));
    }

    @Test
    void a_process_that_cleared_its_environment_is_removed_with_what_the_inventory_lists() throws IOException {
        assertThat(perform(work.start(hidden(609) + ANSWER))).isEqualTo(ANSWERED);

        remove(work.workspace);

        until(() -> !runs(609));
    }

    @Test
    void processes_that_fork_without_end_are_killed_where_there_are_control_groups() {
        Cgroups groups = Cgroups.detect();
        assumeTrue(groups.isUsable(), "groups can be made here");
        Assignment job = work.start("""
                setsid sh -c 'f() { sleep 0.01; f & exit; }; f & f & f & f' > /dev/null 2>&1 &
                sleep 0.1; exit 1""");

        assertThat(new ExecBackend(new Given(root), clock, groups)
                        .perform(job, log::add)
                        .await()
                        .atMost(LONG))
                .isInstanceOf(JobOutcome.Failed.class);

        assertThat(processes()).isEmpty();
    }

    /** Whether a process with this command line lives. A dead process that nothing waits for has no command line. */
    private static boolean runs(int seconds) {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : all) {
                if (read(process.resolve("cmdline")).equals("sleep\0" + seconds + "\0")) {
                    return true;
                }
            }
            return false;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    @Test
    void another_attempt_ends_what_the_earlier_one_left() {
        Assignment first = work.start("echo hangs; setsid sleep 600 & sleep 600");
        CompletableFuture<JobOutcome> lost = begin(first);
        until(() -> lines().contains("hangs"));

        JobOutcome outcome = perform(work.attempt(2).start(detached(602) + ANSWER));

        assertThat(outcome).isEqualTo(ANSWERED);
        assertThat(lost.join()).isInstanceOf(JobOutcome.Failed.class);
        assertThat(processes()).containsExactly("sleep 602");
    }

    @Test
    void a_server_that_stops_ends_its_scripts() throws InterruptedException {
        ExecBackend backend = backend();
        CompletableFuture<JobOutcome> outcome =
                backend.perform(work.start("echo hangs; sleep 600"), log::add).subscribeAsCompletionStage();
        until(() -> lines().contains("hangs"));

        backend.close();

        assertThat(outcome.join()).isEqualTo(new JobOutcome.Canceled());
        assertThat(processes()).isEmpty();
    }

    // Output

    @Test
    void gigabytes_of_output_are_read_and_not_kept() {
        JobOutcome outcome =
                perform(work.start("head -c 300000000 /dev/zero | tr '\\0' x; yes | head -c 300000000; " + ANSWER));

        assertThat(outcome).isEqualTo(ANSWERED);
        assertThat(log.getFirst().line())
                .hasSize(8192 + " … (line cut)".length())
                .endsWith(" … (line cut)");
        assertThat(lines())
                .filteredOn(line -> line.endsWith("were left out here"))
                .hasSize(1);
        assertThat(log.getLast()).isEqualTo(new LogLine(NOON, "stdout", "y"));
        assertThat(log.stream().mapToInt(line -> line.line().length() + 32).sum())
                .isLessThan(1_050_000);
    }

    @Test
    void of_a_long_log_the_beginning_and_the_end_are_kept() {
        JobOutcome outcome = perform(work.start("""
                echo first; seq 1 200000; echo why it failed >&2; seq 1 200000; echo last; exit 1"""));

        assertThat(outcome).isInstanceOf(JobOutcome.Failed.class);
        assertThat(lines()).startsWith("first", "1", "2").endsWith("199999", "200000", "last");
        assertThat(log).contains(new LogLine(NOON, "stderr", "why it failed"));
        assertThat(lines())
                .filteredOn(line -> line.endsWith("were left out here"))
                .hasSize(1);
    }

    @Test
    void a_log_within_the_limit_is_kept_whole() {
        assertThat(perform(work.start("seq 1 20000; " + ANSWER))).isEqualTo(ANSWERED);

        assertThat(lines().stream().filter(line -> line.matches("[0-9]+")))
                .containsExactly(IntStream.rangeClosed(1, 20_000)
                        .mapToObj(Integer::toString)
                        .toArray(String[]::new));
        assertThat(lines()).noneMatch(line -> line.contains("left out"));
    }

    @Test
    void secrets_are_masked_in_the_end_of_a_long_log() {
        JobOutcome outcome = perform(work.secret("key", "open sesame").start("""
                yes "$LARDER_PARAM_KEY" | head -n 100000
                echo '{"password": "hunter22"}' > "$LARDER_OUTPUTS"
                yes "hunter22 $LARDER_PARAM_KEY" | head -n 100000
                yes "$LARDER_PARAM_KEY" | head -n 1000 | tr -d '\\n'"""));

        assertThat(outcome).isInstanceOf(JobOutcome.Succeeded.class);
        assertThat(lines())
                .noneMatch(line -> line.contains("hunter22") || line.contains("sesame") || line.contains("open"));
        assertThat(lines()).contains("*** ***");
    }

    @Test
    void a_log_of_a_cancelled_job_holds_what_its_script_printed_while_it_stopped() {
        ExecBackend backend = backend();
        Assignment job = work.start("""
                trap 'echo stopping; seq 1 1000; echo stopped; exit 1' INT
                echo runs; while :; do sleep 0.02; done""");
        CompletableFuture<JobOutcome> outcome = backend.perform(job, log::add).subscribeAsCompletionStage();
        until(() -> lines().contains("runs"));

        assertThat(backend.stop(job)).isTrue();

        assertThat(outcome.join()).isEqualTo(new JobOutcome.Canceled());
        assertThat(lines()).contains("stopping", "1", "1000").endsWith("stopped");
        assertThat(backend.stop(job)).isFalse();
    }

    @Test
    void a_log_of_a_job_past_its_deadline_holds_what_its_script_printed_while_it_stopped() {
        CompletableFuture<JobOutcome> outcome = begin(
                work.start("trap 'echo stopping; echo stopped; exit 1' INT; echo runs; while :; do sleep 0.02; done"));
        until(() -> lines().contains("runs"));

        now.set(NOON.plusSeconds(600));

        assertThat(outcome.join())
                .isEqualTo(new JobOutcome.Failed("timed_out", "start.sh was not done by the job's deadline."));
        assertThat(lines()).endsWith("stopping", "stopped");
    }

    @Test
    void killed_processes_are_named_in_the_log_without_their_arguments() {
        String named = "sleep 600 & until grep -q sleep /proc/$!/comm; do sleep 0.01; done; ";

        assertThat(perform(work.start(named + ANSWER))).isEqualTo(ANSWERED);

        assertThat(lines()).hasSize(1);
        assertThat(lines().getFirst()).matches("start.sh ended and left processes behind, killed: [0-9]+ sleep");
    }

    @Test
    void a_script_that_outlasts_its_grace_is_named_in_the_log_and_what_had_detached_itself() {
        ExecBackend backend = backend();
        Assignment job = work.start(detached(604) + "trap '' INT; echo hangs; while :; do sleep 0.02; done");
        CompletableFuture<JobOutcome> outcome = backend.perform(job, log::add).subscribeAsCompletionStage();
        until(() -> lines().contains("hangs"));

        assertThat(backend.stop(job)).isTrue();

        assertThat(outcome.join()).isEqualTo(new JobOutcome.Canceled());
        assertThat(lines()).anyMatch(line -> line.matches("start.sh did not end within PT1S, killed: .*[0-9]+ sh.*"));
        assertThat(lines())
                .anyMatch(line -> line.matches("processes that had detached themselves were killed: [0-9]+ sleep"));
        assertThat(lines()).noneMatch(line -> line.contains("sleep 604"));
    }

    @Test
    void a_detached_process_that_goes_on_printing_holds_nothing_up() {
        assertThat(perform(work.start("setsid yes & sleep 0.1; " + ANSWER))).isEqualTo(ANSWERED);

        until(() -> processes().isEmpty());
    }

    // Repeated: the outputs file must be read after a line was read, never before.
    @RepeatedTest(20)
    void secrets_are_masked() {
        JobOutcome outcome = perform(work.secret("key", "open sesame")
                .secret("pem", "-----BEGIN\nMIIEvQ\n-----END")
                .start("""
                        echo "the key is $LARDER_PARAM_KEY."; echo "$LARDER_PARAM_PEM"
                        echo '{"password": "hunter22"}' > "$LARDER_OUTPUTS"
                        echo "and hunter22 >&2\""""));

        assertThat(outcome).isEqualTo(new JobOutcome.Succeeded(Map.of("password", "hunter22")));
        assertThat(lines()).containsExactly("the key is ***.", "***", "***", "***", "and *** >&2");
    }

    // Inventory

    private static Inventory inventory(ExecBackend backend) {
        return backend.inventory().await().atMost(LONG).orElseThrow();
    }

    private void remove(UUID workspace) {
        var done = backend().remove(workspace).await().atMost(LONG);
    }

    @Test
    void lists_the_folders_of_workspaces_whoever_made_them() throws IOException {
        assertThat(perform(work.start(ANSWER))).isEqualTo(ANSWERED);
        UUID left = UUID.randomUUID();
        var folder = Files.createDirectories(root.resolve("workspaces").resolve(left.toString()));
        var other = Files.createDirectories(root.resolve("workspaces").resolve("notes"));
        var file = Files.createFile(
                root.resolve("workspaces").resolve(UUID.randomUUID().toString()));

        List<Inventory.Item> things = inventory(backend()).things();

        assertThat(things)
                .filteredOn(thing -> thing.name().matches("workspaces/[0-9a-f-]{36}"))
                .extracting(Inventory.Item::workspace)
                .contains(work.workspace, left);
        assertThat(things).allMatch(thing -> thing.whole() && thing.madeAt() != null);
    }

    @Test
    void lists_strangers_in_the_root_and_removes_one_on_request() throws IOException {
        assertThat(perform(work.start(ANSWER))).isEqualTo(ANSWERED);
        UUID plain = UUID.randomUUID();
        Files.createDirectories(root.resolve("notes").resolve("deep"));
        Files.writeString(root.resolve("notes").resolve("deep").resolve("a"), "");
        Files.createFile(root.resolve("workspaces").resolve(plain.toString()));
        Files.createDirectories(root.resolve("jobs").resolve("mine"));
        Files.createFile(root.resolve("two\nlines" + "x".repeat(240)));

        List<Inventory.Item> things = inventory(backend()).things();

        assertThat(things)
                .extracting(Inventory.Item::name)
                .contains("notes", "jobs/mine", "workspaces/" + plain)
                .anyMatch(name -> name.startsWith("two?linesxxx"))
                .allMatch(name -> name.length() <= Inventory.NAME_CHARS_MAX)
                .hasSize(5);
        assertThat(things).extracting(Inventory.Item::workspace).doesNotContain(plain);
        UUID notes = things.stream()
                .filter(thing -> thing.name().equals("notes"))
                .findFirst()
                .orElseThrow()
                .workspace();
        remove(notes);

        assertThat(root.resolve("notes")).doesNotExist();
        assertThat(inventory(backend()).things()).hasSize(4);
    }

    // Leftovers of killed workers

    private static Path lock(Path folder) {
        return folder.resolveSibling(folder.getFileName() + ".lock");
    }

    private Path leftJob(int attempt) throws IOException {
        Path folder = Files.createDirectories(root.resolve("jobs").resolve(UUID.randomUUID() + "-" + attempt));
        Files.writeString(folder.resolve("outputs.json"), "{\"password\": \"hunter22\"}");
        return folder;
    }

    @Test
    void the_folder_of_a_killed_worker_is_removed_at_the_next_start_and_by_the_inventory() throws IOException {
        Path first = leftJob(1);
        Files.createFile(lock(first));
        assertThat(backend().unusable()).isEmpty();
        assertThat(first).doesNotExist();

        Path second = leftJob(7);
        Files.createFile(lock(second));
        assertThat(inventory(backend()).things()).isEmpty();
        assertThat(root.resolve("jobs")).isEmptyDirectory();
    }

    @Test
    void the_scripts_of_a_killed_worker_are_ended_with_its_folder() throws IOException {
        UUID job = UUID.randomUUID();
        Path folder = Files.createDirectories(root.resolve("jobs").resolve(job + "-1"));
        Files.createFile(lock(folder));
        ProcessBuilder script = new ProcessBuilder("sleep", "611");
        script.environment().put("LARDER_JOB_ID", job.toString());
        script.environment().put("LARDER_ATTEMPT", "1");
        Process left = script.start();

        assertThat(backend().unusable()).isEmpty();

        assertThat(left.onExit().join().isAlive()).isFalse();
        assertThat(folder).doesNotExist();
    }

    @Test
    void the_folder_of_a_job_that_succeeded_is_removed_and_its_processes_live_on() throws IOException {
        assertThat(perform(work.start(detached(612) + ANSWER))).isEqualTo(ANSWERED);
        Path folder = Files.createDirectories(root.resolve("jobs").resolve(work.job + "-1"));
        Files.writeString(lock(folder), "succeeded");

        assertThat(backend().unusable()).isEmpty();

        assertThat(folder).doesNotExist();
        assertThat(processes()).containsExactly("sleep 612");
    }

    @Test
    void the_folder_of_a_job_that_runs_is_left_alone() {
        ExecBackend backend = backend();
        CompletableFuture<JobOutcome> job = backend.perform(
                        work.start("until [ -e $LARDER_WORKSPACE_DIR/go ]; do sleep 0.01; done\n" + ANSWER), log::add)
                .subscribeAsCompletionStage();
        until(() -> Files.exists(workspaceFolder()));

        assertThat(backend().unusable()).isEmpty();
        assertThat(inventory(backend).things()).hasSize(1);

        write(workspaceFolder().resolve("go"));
        assertThat(job.join()).isEqualTo(ANSWERED);
    }

    @Test
    void a_folder_without_a_lock_goes_when_no_job_can_be_so_old() throws IOException {
        Path folder = leftJob(1);
        now.set(Instant.now());
        assertThat(backend().unusable()).isEmpty();
        assertThat(folder).exists();

        now.set(Instant.now().plus(Duration.ofHours(26)));
        assertThat(backend().unusable()).isEmpty();
        assertThat(folder).doesNotExist();
    }

    // Unusable roots

    @Test
    void a_root_that_cannot_be_used_is_told_in_one_sentence() throws IOException {
        Path file = Files.createFile(root.resolve("file"));

        assertThat(unusable(Path.of("/proc/nope")))
                .isEqualTo(
                        "Scripts cannot be run: larder.backend.exec.root /proc/nope does not exist and cannot be made.");
        assertThat(unusable(file))
                .isEqualTo("Scripts cannot be run: larder.backend.exec.root " + file + " is no folder.");
        assertThat(unusable(file.resolve("below")))
                .startsWith("Scripts cannot be run: ")
                .endsWith(".");
        assertThat(unusable(Path.of("/dev/null"))).endsWith("is no folder.");
        assertThat(unusable(root.resolve("new/and/deep"))).isEmpty();
    }

    private String unusable(Path where) {
        return new ExecBackend(new Given(where), clock).unusable().orElse("");
    }

    @Test
    void a_root_without_a_valid_identity_cannot_be_used() throws IOException {
        Files.writeString(root.resolve("location"), "nonsense");

        assertThat(unusable(root)).contains("holds no id");
    }

    @Test
    void a_root_where_nothing_can_be_executed_cannot_be_used() throws Exception {
        try (Mount mount = Mount.tmpfs(root.resolve("mounted"), "size=8m,noexec")) {
            assertThat(unusable(mount.at())).contains("lets no file be executed");
        }
    }

    @Test
    void a_full_disk_is_not_the_templates_fault() throws Exception {
        try (Mount mount = Mount.tmpfs(root.resolve("mounted"), "size=3m")) {
            ExecBackend small = new ExecBackend(new Given(mount.at()), clock);
            assertThat(small.unusable()).isEmpty();

            JobOutcome outcome = small.perform(
                            work.start("head -c 10000000 /dev/zero > $LARDER_WORKSPACE_DIR/all || exit 7"), log::add)
                    .await()
                    .atMost(LONG);
            assertThat(outcome)
                    .isEqualTo(new JobOutcome.Failed(
                            "backend_full", "The disk for scripts is full. start.sh ended with exit code 7"));
            assertThat(small.unusable().orElse("")).contains("is on a full disk");

            Assignment later = work.claim(":", Map.of("a", "b".repeat(5_000)));
            assertThat(small.perform(later, log::add).await().atMost(LONG))
                    .isInstanceOfSatisfying(
                            JobOutcome.Failed.class,
                            failed -> assertThat(failed.code()).isEqualTo("backend_full"));
        }
    }

    // Deletion

    @Test
    void a_folder_deeper_than_any_path_is_deleted() throws IOException {
        Path folder = Files.createDirectories(root.resolve("deep"));
        Path top = folder.resolve("top");
        for (int chain = 0; chain < 20; chain++) {
            Path next = folder.resolve("next");
            Path deepest = next;
            for (int level = 0; level < 15; level++) {
                deepest = deepest.resolve("n".repeat(200));
            }
            Files.createDirectories(deepest);
            Files.writeString(deepest.resolve("file"), "x");
            if (Files.exists(top)) {
                Files.move(top, deepest.resolve("below"));
            }
            Files.move(next, top);
        }

        FileTrees.delete(folder);

        assertThat(folder).doesNotExist();
    }

    @Test
    void whatever_a_script_leaves_is_deleted_and_nothing_beside_it() throws IOException {
        Path outside = Files.createDirectories(root.resolve("outside"));
        Files.writeString(outside.resolve("kept"), "x");
        String script = """
                cd "$LARDER_WORKSPACE_DIR"
                mkdir -p a/b/c a/.larder-moved-0 closed/below; ln -s %1$s link; ln -s %1$s a/b/link; ln -s nowhere a/dangling
                mkfifo a/b/pipe; touch "a/b/$(printf 'x\\377y')" 'a/b/two
                lines' a/b/read-only; chmod 400 a/b/read-only; chmod 000 closed/below closed a/b/c
                """.formatted(outside);
        assertThat(perform(work.start(script + ANSWER))).isEqualTo(ANSWERED);

        assertThat(perform(work.job(Transition.DELETE))).isEqualTo(DONE);

        assertThat(workspaceFolder()).doesNotExist();
        assertThat(outside.resolve("kept")).exists();
    }

    @Test
    void what_is_mounted_in_a_folder_is_never_deleted() throws Exception {
        assertThat(perform(work.start("mkdir $LARDER_WORKSPACE_DIR/disk; " + ANSWER)))
                .isEqualTo(ANSWERED);
        try (Mount mount = Mount.tmpfs(workspaceFolder().resolve("disk"), "size=1m")) {
            Path precious = Files.writeString(mount.at().resolve("precious"), "x");

            assertThat(perform(work.job(Transition.DELETE))).isInstanceOfSatisfying(JobOutcome.Failed.class, failed -> {
                assertThat(failed.code()).isEqualTo("backend_unavailable");
                assertThat(failed.detail()).contains("a file system is mounted at " + mount.at());
            });
            assertThat(precious).exists();
        }
        assertThat(perform(work.job(Transition.DELETE))).isEqualTo(DONE);
    }

    @Test
    void what_cannot_be_deleted_is_counted_and_the_rest_is_deleted() throws Exception {
        Path folder = Files.createDirectories(root.resolve("some").resolve("kept"));
        Path fixed = Files.writeString(folder.resolve("fixed"), "x");
        Path other = Files.writeString(folder.resolve("other"), "x");
        assumeTrue(exit("chattr", "+i", fixed.toString()) == 0, "files can be made immutable here");
        try {
            assertThatThrownBy(() -> FileTrees.delete(root.resolve("some"))).hasMessageContaining("cannot be deleted");
            assertThat(other).doesNotExist();
            assertThat(fixed).exists();
        } finally {
            assertThat(exit("chattr", "-i", fixed.toString())).isZero();
        }
        FileTrees.delete(root.resolve("some"));
        assertThat(root.resolve("some")).doesNotExist();
    }

    /** A separate file system, if the tests may mount one. */
    private record Mount(Path at) implements AutoCloseable {

        static Mount tmpfs(Path at, String options) throws Exception {
            Files.createDirectories(at);
            assumeTrue(exit("mount", "-t", "tmpfs", "-o", options, "tmpfs", at.toString()) == 0, "may mount here");
            return new Mount(at);
        }

        @Override
        public void close() throws Exception {
            assertThat(exit("umount", at.toString())).isZero();
        }
    }

    private static int exit(String... command) throws Exception {
        try {
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
        } catch (IOException noSuchCommand) {
            return -1;
        }
    }

    @Test
    void processes_without_a_folder_are_a_trace_and_those_of_another_root_are_none() throws IOException {
        assertThat(perform(work.start(detached(1_000) + ANSWER))).isEqualTo(ANSWERED);
        FileTrees.delete(workspaceFolder());
        Path elsewhere = root.resolve("elsewhere");

        Inventory here = inventory(backend());

        assertThat(here.things()).hasSize(1);
        assertThat(here.things().getFirst().workspace()).isEqualTo(work.workspace);
        assertThat(here.things().getFirst().whole()).isFalse();
        assertThat(inventory(new ExecBackend(new Given(elsewhere), clock)).things())
                .isEmpty();
    }

    @Test
    void a_place_is_its_root_and_the_same_for_all_who_look_first() {
        List<CompletableFuture<String>> all = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            all.add(CompletableFuture.supplyAsync(() -> inventory(backend()).location(), Thread.ofVirtual()::start));
        }

        Set<String> locations = new HashSet<>();
        all.forEach(one -> locations.add(one.join()));

        assertThat(locations).hasSize(1);
        assertThat(inventory(new ExecBackend(new Given(root.resolve("other")), clock))
                        .location())
                .isNotIn(locations);
    }

    @Test
    void what_cannot_be_listed_is_no_empty_listing() throws IOException {
        Path none = root.resolve("location");
        Files.writeString(none, "");

        assertThatThrownBy(() -> inventory(backend())).hasMessageContaining("holds no id");

        Files.delete(none);
        Files.writeString(root.resolve("workspaces"), "");
        assertThatThrownBy(() -> inventory(backend())).hasMessageContaining("workspaces");
    }

    @Test
    void a_root_that_has_an_identity_and_no_folder_of_workspaces_any_more_cannot_be_listed() throws IOException {
        assertThat(inventory(backend()).things()).isEmpty();
        Files.delete(root.resolve("workspaces"));

        assertThatThrownBy(() -> inventory(backend())).hasMessageContaining("workspaces");
    }

    @Test
    void a_link_in_place_of_a_folder_is_there_and_only_the_link_is_removed() throws IOException {
        assertThat(perform(work.start(ANSWER))).isEqualTo(ANSWERED);
        Path moved = root.resolve("moved");
        var there = Files.move(workspaceFolder(), moved);
        var link = Files.createSymbolicLink(workspaceFolder(), moved);

        assertThat(inventory(backend()).things())
                .extracting(Inventory.Item::name)
                .containsExactlyInAnyOrder("workspaces/" + work.workspace, "moved");

        remove(work.workspace);
        assertThat(inventory(backend()).things())
                .extracting(Inventory.Item::name)
                .containsExactly("moved");
        assertThat(moved).exists();
    }

    @Test
    void what_is_removed_lives_no_more_and_leaves_no_folder() {
        assertThat(perform(work.start(detached(1_000) + ANSWER))).isEqualTo(ANSWERED);
        assertThat(processes()).isNotEmpty();

        remove(work.workspace);
        remove(work.workspace);

        until(() -> processes().isEmpty());
        assertThat(workspaceFolder()).doesNotExist();
        assertThat(inventory(backend()).things()).isEmpty();
    }

    @Test
    void nothing_is_removed_of_another_root() {
        assertThat(perform(work.start(detached(1_000) + ANSWER))).isEqualTo(ANSWERED);
        ExecBackend other = new ExecBackend(new Given(root.resolve("elsewhere")), clock);

        var done = other.remove(work.workspace).await().atMost(LONG);

        assertThat(processes()).isNotEmpty();
        assertThat(workspaceFolder()).exists();
    }

    @Test
    void nothing_is_removed_beside_a_running_job() {
        ExecBackend backend = backend();
        CompletableFuture<JobOutcome> job = backend.perform(
                        work.start("until [ -e $LARDER_WORKSPACE_DIR/go ]; do sleep 0.01; done\n" + ANSWER), log::add)
                .subscribeAsCompletionStage();
        until(() -> Files.exists(workspaceFolder()));

        assertThatThrownBy(() -> backend.remove(work.workspace).await().atMost(LONG))
                .hasMessageContaining("is running");

        assertThat(workspaceFolder()).exists();
        write(workspaceFolder().resolve("go"));
        assertThat(job.join()).isEqualTo(ANSWERED);
        var done = backend.remove(work.workspace).await().atMost(LONG);
        assertThat(workspaceFolder()).doesNotExist();
    }

    private static void write(Path file) {
        try {
            Files.writeString(file, "");
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    // Vocabulary

    private record Given(Path root) implements ExecSettings {
        @Override
        public boolean enabled() {
            return true;
        }

        @Override
        public Duration stopGrace() {
            return Duration.ofSeconds(1);
        }

        @Override
        public Duration readyEvery() {
            return Duration.ofMillis(20);
        }

        @Override
        public int lineLimit() {
            return 8192;
        }

        @Override
        public int logLimit() {
            return 1_048_576;
        }
    }

    private static final class Work {

        final UUID workspace = UUID.randomUUID();
        private final UUID job = UUID.randomUUID();
        private final Map<String, String> files = new HashMap<>();
        private final Map<String, String> parameters = new HashMap<>();
        private final Set<String> sensitive = new HashSet<>();
        private int attempt = 1;

        Work file(String path, String text) {
            files.put(path, text);
            return this;
        }

        Work with(String name, String value) {
            parameters.put(name, value);
            return this;
        }

        Work secret(String name, String value) {
            sensitive.add(name);
            return with(name, value);
        }

        private String reason = "prebuild";
        private Map<String, String> outputs = Map.of();

        Work attempt(int number) {
            attempt = number;
            return this;
        }

        Assignment start(String script) {
            return file("start.sh", script).job(Transition.START);
        }

        Assignment job(Transition transition) {
            Lease lease = new Lease(
                    transition == Transition.START ? job : UUID.randomUUID(),
                    UUID.randomUUID(),
                    attempt,
                    workspace,
                    transition,
                    reason,
                    false);
            boolean first = transition == Transition.START && !Assignment.LATER_STARTS.contains(reason);
            return new Assignment(
                    lease,
                    NOON.plusSeconds(600),
                    first ? 1 : 2,
                    new Target.Workspace(
                            "box-1",
                            UUID.randomUUID(),
                            "kitchen",
                            UUID.randomUUID(),
                            "system",
                            true,
                            Map.copyOf(outputs)),
                    new Target.Version(UUID.randomUUID(), "exec", "boxes", "small", Map.copyOf(files)),
                    new Target.Parameters(Map.copyOf(parameters), Set.copyOf(sensitive)));
        }

        /** The claim step of a workspace whose start gave these outputs. */
        Assignment claim(String script, Map<String, String> answered) {
            return later(Assignment.CLAIM, "claim.sh", script, answered);
        }

        Assignment verify(String script, Map<String, String> answered) {
            return later(Assignment.VERIFY, "verify.sh", script, answered);
        }

        Assignment recycle(String script, Map<String, String> answered) {
            return later(Assignment.RECYCLE, "reset.sh", script, answered);
        }

        private Assignment later(String why, String name, String script, Map<String, String> answered) {
            reason = why;
            outputs = answered;
            return file(name, script).job(Transition.START);
        }
    }

    private ExecBackend backend() {
        return new ExecBackend(new Given(root), clock);
    }

    private CompletableFuture<JobOutcome> begin(Assignment assignment) {
        return backend().perform(assignment, log::add).subscribeAsCompletionStage();
    }

    private JobOutcome perform(Assignment assignment) {
        return backend().perform(assignment, log::add).await().atMost(LONG);
    }

    private List<String> lines() {
        return log.stream().map(LogLine::line).toList();
    }

    private Path workspaceFolder() {
        return root.resolve("workspaces").resolve(work.workspace.toString());
    }

    private String kept(String file) throws IOException {
        return Files.readString(workspaceFolder().resolve(file));
    }

    /** Continues when the process has a session of its own. */
    private static String detached(int seconds) {
        return """
                setsid sh -c 'echo > "$LARDER_WORKSPACE_DIR/up"; exec sleep %d' > /dev/null 2>&1 &
                until [ -e "$LARDER_WORKSPACE_DIR/up" ]; do sleep 0.01; done
                """.formatted(seconds);
    }

    private static boolean isEmpty(Path folder) {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            return !entries.iterator().hasNext();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** The command lines of the workspace's living processes. */
    private List<String> processes() {
        List<String> found = new ArrayList<>();
        String entry = "LARDER_WORKSPACE_ID=" + work.workspace;
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : all) {
                if (read(process.resolve("environ")).contains(entry)) {
                    found.add(
                            read(process.resolve("cmdline")).replace('\0', ' ').strip());
                }
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        return found;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException gone) {
            return "";
        }
    }

    private static void until(BooleanSupplier reached) {
        Instant end = InstantSource.system().instant().plus(LONG);
        while (!reached.getAsBoolean()) {
            assertThat(InstantSource.system().instant()).isBefore(end);
            LockSupport.parkNanos(5_000_000);
        }
    }
}
