package dev.larder.http;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** How many calls may last at one server at once, and whose (decision 0022). */
@ConfigMapping(prefix = "larder.follow")
public interface FollowSettings {

    /** Logs that are followed. */
    @WithDefault("200")
    int logsMax();

    /** Claims that are followed. */
    @WithDefault("1000")
    int claimsMax();

    /** So many in a hundred of them may be one organization's. */
    @WithDefault("50")
    int organizationPercent();

    /** So many in a hundred of them may be one user's. */
    @WithDefault("10")
    int userPercent();

    /** Places for calls of one kind. */
    default Shares shares(String code, String what, int max) {
        return new Shares(
                code, what, max, Shares.percent(organizationPercent(), max), Shares.percent(userPercent(), max));
    }
}
