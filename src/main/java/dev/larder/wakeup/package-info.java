/**
 * How a loop learns that there may be work. Nothing here is authoritative: a lost ring costs at most the loop's own
 * backstop (design, section 4.2). Rings stay in the process at once and reach the other processes through a
 * coalescing {@code pg_notify} pump, after commit, on a connection of its own.
 */
@NullMarked
package dev.larder.wakeup;

import org.jspecify.annotations.NullMarked;
