/**
 * Removes rows that are past their retention (decision 0036).
 *
 * <p><b>Owns</b> clean-up operations ({@code cleanup.Cleanups}, {@code cleanup.OperationStore},
 * {@code cleanup.CleanupResource}), what is configured for each type ({@code cleanup.CleanupSettings}), and the ages of
 * the oldest rows ({@code cleanup.CleanupMetrics}). The rows belong to other rooms: each says with a bean of
 * {@code database.CleanupType} which of its rows are removed, and how.
 *
 * <p><b>Authoritative</b>: the table {@code cleanup_operations}. A unique index lets one operation of a type run.
 *
 * <p><b>States</b> of an operation: running, completed, failed. It fails as abandoned after 5 minutes without a
 * batch, as interrupted when its process stops, as canceled by an owner, and when five batches in a row failed. The
 * work of an abandoned or interrupted one is taken up again by the next process that looks.
 *
 * <p><b>Failures.</b> A batch and its counts are committed together, so that counts are true whenever a process is
 * killed. A batch of an operation that has ended meanwhile is rolled back. A batch that failed is tried again with
 * fewer rows.
 *
 * <p><b>Bounds.</b> A process runs one batch at a time: at most 1,000 rows, 5 s per statement, 1 s for a lock. It rests
 * after each batch for as long as the batch took.
 */
@NullMarked
package dev.larder.cleanup;

import org.jspecify.annotations.NullMarked;
