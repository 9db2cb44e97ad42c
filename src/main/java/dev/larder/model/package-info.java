/**
 * The nouns all rooms share (design, section 1): values, states and the pure rules that derive one from another. Plain
 * Java: no framework, no clock, no I/O.
 */
@NullMarked
package dev.larder.model;

import org.jspecify.annotations.NullMarked;
