package dev.larder.wakeup;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The table of what wakes whom. */
class ChangeTest {

    @Test
    void a_change_wakes_the_loops_of_its_channels_once_each_and_no_others() {
        for (Change change : Change.values()) {
            WakeUps wakeUps = new WakeUps();
            List<Channel> woken = new ArrayList<>();
            for (Channel channel : Channel.values()) {
                wakeUps.onChange(channel, () -> woken.add(channel));
            }

            wakeUps.changed(change);

            assertThat(woken).as(change.name()).isEqualTo(change.channels()).doesNotHaveDuplicates();
        }
    }

    @Test
    void every_channel_is_woken_by_a_change() {
        assertThat(Arrays.stream(Change.values()).flatMap(change -> change.channels().stream()))
                .contains(Channel.values());
    }
}
