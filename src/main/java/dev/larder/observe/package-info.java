/**
 * Read-only windows: metrics, health, notifications. Nothing here changes what the pools are.
 */
@NullMarked
package dev.larder.observe;

import org.jspecify.annotations.NullMarked;
