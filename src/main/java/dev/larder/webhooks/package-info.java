/**
 * Sends events and notifications to addresses that organizations name (design, section 9; decision 0041).
 *
 * <p><b>Owns</b> webhooks ({@code webhooks.WebhookStore}, {@code webhooks.WebhookResource}), the cursor over what has
 * happened ({@code webhooks.FanOut}, {@code webhooks.FanOutStore}), deliveries ({@code webhooks.DeliveryStore},
 * {@code webhooks.DeliveryReads}, {@code webhooks.DeliveryResource}) and the requests to receivers
 * ({@code webhooks.Sender}, {@code webhooks.Transport}).
 *
 * <p><b>Authoritative</b>: the cursor's row, for what has its deliveries; a delivery's row, for what became of it. The
 * cursor and the deliveries of a page are committed together, so an event has its deliveries however servers end. A
 * unique key of webhook and event keeps it from having two.
 *
 * <p><b>States</b> of a delivery: pending, then delivered or failed. A pending one waits until it is due, or is leased
 * to a server until its lease ends. Of a webhook: enabled, disabled by a user, or disabled because its receiver is
 * gone, fails for long, or has too many deliveries pending.
 *
 * <p><b>Failures.</b> A server that dies leaves its leases, which end after 40 s; the event may then arrive twice. An
 * attempt that fails is repeated after 5 s to an hour, for 24 h. Of an answer only the status is kept.
 *
 * <p><b>Bounds.</b> 20 webhooks of an organization; 200 events a turn; 32 requests of a server at once, 4 of one
 * webhook, one of a webhook that fails and 16 of all those; 10 s an attempt, 64 KiB of an answer; 100,000 pending
 * deliveries of a webhook.
 */
@NullMarked
package dev.larder.webhooks;

import org.jspecify.annotations.NullMarked;
