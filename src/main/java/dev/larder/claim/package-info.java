/**
 * Hands one ready workspace to one caller. The database decides who gets which; this room turns requests into that one
 * statement and its outcome into an answer.
 */
@NullMarked
package dev.larder.claim;

import org.jspecify.annotations.NullMarked;
