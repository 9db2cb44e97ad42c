package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.testing.Eventually;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChildCommandTest {

    @TempDir
    Path folder;

    private static ChildCommand shell(String script, Path file) throws ChildCommand.NotStarted {
        return ChildCommand.start(List.of("/bin/sh", "-c", script), Map.of("FILE", file.toString()));
    }

    private static void awaitFile(Path file) {
        Eventually.see(() -> Files.exists(file), found -> found);
    }

    private static int refused(List<String> words) {
        try {
            ChildCommand unused = ChildCommand.start(words, Map.of());
            throw new AssertionError("started: " + words);
        } catch (ChildCommand.NotStarted refused) {
            return refused.exit();
        }
    }

    @Test
    void passes_the_exit_code_on() throws Exception {
        assertThat(shell("exit 0", folder).await()).isZero();
        assertThat(shell("exit 3", folder).await()).isEqualTo(3);
        assertThat(shell("exit 255", folder).await()).isEqualTo(255);
    }

    @Test
    void a_signal_that_ends_it_is_128_and_its_number() throws Exception {
        assertThat(shell("kill -KILL $$", folder).await()).isEqualTo(128 + 9);
        assertThat(shell("kill -SEGV $$", folder).await()).isEqualTo(128 + 11);
    }

    @Test
    void has_the_variables() throws Exception {
        Path file = folder.resolve("file");

        assertThat(ChildCommand.start(
                                List.of("/bin/sh", "-c", "printf %s \"$TEXT\" > \"$FILE\""),
                                Map.of("FILE", file.toString(), "TEXT", "a=b\nc 'd'"))
                        .await())
                .isZero();

        assertThat(file).hasContent("a=b\nc 'd'");
    }

    @Test
    void what_cannot_be_started_has_the_exit_codes_of_shells() throws Exception {
        Path plain = Files.writeString(folder.resolve("plain"), "#!/bin/sh\n");
        Path orphan = Files.writeString(folder.resolve("orphan"), "#!/no/such/interpreter\n");
        Path unused = Files.setPosixFilePermissions(orphan, PosixFilePermissions.fromString("rwx------"));

        assertThat(refused(List.of("no-such-command-here"))).isEqualTo(127);
        assertThat(refused(List.of(folder.resolve("none").toString()))).isEqualTo(127);
        assertThat(refused(List.of(orphan.toString()))).isEqualTo(127);
        assertThat(refused(List.of(plain.toString()))).isEqualTo(126);
        assertThat(refused(List.of(folder.toString()))).isEqualTo(126);
    }

    @Test
    void says_which_command_was_not_found() {
        assertThatThrownBy(() -> ChildCommand.start(List.of("no-such-command-here", "secret"), Map.of()))
                .hasMessage("no-such-command-here: command not found");
    }

    @Test
    void passes_signals_on() throws Exception {
        // One that the processes in the background of a script do not ignore, as they ignore INT and HUP.
        Path file = folder.resolve("ready");
        ChildCommand child = shell("trap 'exit 8' USR1; : > \"$FILE\"; while :; do sleep 0.05; done", file);
        awaitFile(file);

        child.signal("USR1");

        assertThat(child.await()).isEqualTo(8);
        child.signal("USR1");
    }

    @Test
    void ends_gently_first_and_kills_after_the_grace() throws Exception {
        Path gentle = folder.resolve("gentle");
        ChildCommand child = shell("trap 'exit 5' TERM; : > \"$FILE\"; while :; do sleep 0.05; done", gentle);
        awaitFile(gentle);
        child.end(Duration.ofSeconds(20));
        assertThat(child.await()).isEqualTo(5);

        Path stubborn = folder.resolve("stubborn");
        child = shell("trap '' TERM; : > \"$FILE\"; while :; do sleep 0.05; done", stubborn);
        awaitFile(stubborn);
        child.end(Duration.ofMillis(50));
        assertThat(child.await()).isEqualTo(128 + 9);
    }

    @Test
    void a_process_in_the_foreground_of_its_terminal_shares_ctrl_c_with_its_children() {
        // pid (name) state ppid pgrp session tty_nr tpgid
        assertThat(SignalTrap.isForeground("77 (java) S 1 70 60 34816 70 4194304 1"))
                .isTrue();
        assertThat(SignalTrap.isForeground("77 (java) S 1 70 60 34816 71 4194304 1"))
                .isFalse();
        assertThat(SignalTrap.isForeground("77 (a) b (java) S 1 70 60 0 -1 4194304 1"))
                .isFalse();
    }
}
