/**
 * What was asked of several real servers under load, kills and restarts, what they answered, and whether all of it can be
 * true (goals R1 to R3).
 *
 * <p>{@link dev.larder.history.Load} drives and records; {@link dev.larder.history.Checker} judges. They meet in a
 * {@link dev.larder.history.History}, which is a file: a run can be judged again without being run again. The checker knows
 * nothing of Larder's code, only what Larder promises.
 */
@NullMarked
package dev.larder.history;

import org.jspecify.annotations.NullMarked;
