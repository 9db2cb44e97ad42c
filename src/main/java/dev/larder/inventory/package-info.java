/**
 * What exists where workers build, compared with what should exist (decision 0016), and what to do after a restore
 * of the database (decision 0029).
 *
 * <p><b>Owns</b> what workers list ({@code inventory.ListingStore}), its comparison with what should exist
 * ({@code inventory.MissingStore}), requests to list and to remove ({@code inventory.InventoryRequestStore}), what
 * is shown of it ({@code inventory.InventoryReads}, {@code inventory.InventoryResource}), the intake of listings
 * ({@code inventory.InventoryIntake}), and the restore guard ({@code inventory.RestoreGuard},
 * {@code inventory.RestoreStore}, {@code inventory.RestoreResource}).
 *
 * <p><b>Authoritative</b>: for what exists, a worker's complete listing of one place, begun at an instant of the
 * database's time, which the server tells the worker with each heartbeat (decision 0023); for what should exist,
 * the table {@code workspaces}.
 *
 * <p><b>States</b> of a thing: owned, settling, leaked, unknown, missing. Of a place: listed, suspicious (more
 * than three workspaces and more than half of the place are missing at once: nothing follows until they reappear
 * or an owner accepts the loss). Of the database: trusted, or suspect since a restore was noticed.
 *
 * <p><b>Failures.</b> A listing that fails is no empty listing: it says nothing. A missing prebuild is deleted and
 * replaced; a missing claimed workspace is shown, and template admins are notified. Nothing that only the
 * inventory found is removed unless a person asks; templates that no version needs are. A suspect database refuses
 * claims (503 {@code database_suspect}) and leases nothing until an owner has spoken.
 *
 * <p><b>Bounds.</b> A part of a listing has at most 2,000 things. Rows of a place that no worker lists go after 30
 * days.
 */
@NullMarked
package dev.larder.inventory;

import org.jspecify.annotations.NullMarked;
