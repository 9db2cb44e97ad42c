/**
 * From what a pool is to what it should be. {@code Plan} and {@code Desired} decide and know neither clock nor
 * database; {@code Reconciler} and {@code Cycle} perform. The database arbitrates: a cycle that lost its lock can still
 * not create more than is wanted, because each creation is conditional on the attempt number it was decided on.
 */
@NullMarked
package dev.larder.reconcile;

import org.jspecify.annotations.NullMarked;
