/** Tests of infrastructure state. */
@NullMarked
package dev.larder.state;

import org.jspecify.annotations.NullMarked;
