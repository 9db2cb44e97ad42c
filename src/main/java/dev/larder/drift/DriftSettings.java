package dev.larder.drift;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** When infrastructure is compared with what is known of it. */
@ConfigMapping(prefix = "larder.drift")
public interface DriftSettings {

    /** Between two checks of an unclaimed prebuild, where its preset names no time of its own; {@code 0s}: never. */
    @WithDefault("6h")
    Duration interval();

    /** How many prebuilds are under a check by schedule at once, in the whole deployment. */
    @WithDefault("2")
    int atOnce();

    /** The most time that a check takes; less where the template's own is shorter. */
    @WithDefault("5m")
    Duration timeout();

    /** How often a server looks for checks and refreshes that are due; more than zero. */
    @WithDefault("10s")
    Duration round();
}
