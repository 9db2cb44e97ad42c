package dev.larder.history;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;

/**
 * How a run is to be.
 *
 * @param seed of every choice that is made by chance; what the processes make of it differs from run to run all the
 *     same
 * @param operations after how many calls it ends
 * @param atMost after how long it ends even if they are fewer
 * @param clients who call at the same time
 * @param members users the clients act as
 * @param presets declared; the last of them keeps nothing longer than a minute, and of the first there are few
 * @param instances wanted in stock of each preset but the first
 * @param killEvery how long after one server serves again the next is killed
 * @param crashes how often PostgreSQL is stopped as by a power cut
 * @param types what clients do
 * @param folder for the history, the database and the logs
 */
public record LoadPlan(
        long seed,
        int operations,
        Duration atMost,
        int servers,
        int clients,
        int members,
        int presets,
        int instances,
        Duration killEvery,
        int crashes,
        Set<OperationType> types,
        Path folder) {}
