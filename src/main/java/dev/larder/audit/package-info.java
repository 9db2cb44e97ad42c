/**
 * What was done by which user, and what admins were notified of: {@code audit.AuditStore} reads,
 * {@code audit.AuditResource} shows.
 *
 * <p><b>Owns</b> no writes: an audit entry and a notification are written by the statement that makes the
 * change, in its transaction, so neither exists without the other.
 *
 * <p><b>Authoritative</b>: the tables {@code audit} and {@code notifications}. The occasion of a notification is
 * unique, so each is told once, however many processes notice it.
 *
 * <p><b>States</b>: none; both are append-only. <b>Failures</b>: a change whose audit entry cannot be written is
 * undone.
 *
 * <p><b>Bounds.</b> Lists are paged. Nothing is deleted today.
 */
@NullMarked
package dev.larder.audit;

import org.jspecify.annotations.NullMarked;
