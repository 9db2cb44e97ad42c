package dev.larder.http;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** How many streams one server serves at once, and the shares of one user and organization (decision 0022). */
@ConfigMapping(prefix = "larder.follow")
public interface FollowSettings {

    /** Streams of logs. */
    @WithDefault("200")
    int logsMax();

    /** Streams of claims. */
    @WithDefault("1000")
    int claimsMax();

    /** Streams of events. */
    @WithDefault("1000")
    int eventsMax();

    /** Streams of rollouts. */
    @WithDefault("200")
    int rolloutsMax();

    /** The share of one organization, in percent. */
    @WithDefault("50")
    int organizationPercent();

    /** The share of one user, in percent. */
    @WithDefault("10")
    int userPercent();

    /** Places for calls of one kind. */
    default Shares shares(String code, String what, int max) {
        return new Shares(
                code, what, max, Shares.percent(organizationPercent(), max), Shares.percent(userPercent(), max));
    }
}
