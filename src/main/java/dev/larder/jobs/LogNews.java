package dev.larder.jobs;

import dev.larder.events.Watch;
import dev.larder.wakeup.WakeUps;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The followers of logs of this process, which are told of new lines by a wake-up. Lines are no events: they are many.
 */
@ApplicationScoped
class LogNews {

    private final Map<UUID, Set<Watch>> followers = new ConcurrentHashMap<>();

    LogNews(WakeUps wakeUps) {
        wakeUps.onLogged(this::tell);
    }

    /** From now on lines of this job's log end the wait of the watch, until {@link #leave}. */
    void join(UUID job, Watch watch) {
        followers.computeIfAbsent(job, unseen -> ConcurrentHashMap.newKeySet()).add(watch);
    }

    /** Idempotent. */
    void leave(UUID job, Watch watch) {
        followers.computeIfPresent(job, (same, all) -> {
            all.remove(watch);
            return all.isEmpty() ? null : all;
        });
    }

    private void tell(Set<UUID> jobs) {
        if (jobs.isEmpty()) {
            followers.values().forEach(LogNews::wake);
        } else {
            jobs.forEach(job -> wake(followers.getOrDefault(job, Set.of())));
        }
    }

    private static void wake(Collection<Watch> all) {
        all.forEach(Watch::wake);
    }
}
