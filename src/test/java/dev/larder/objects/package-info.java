/** Tests of object stores. */
@NullMarked
package dev.larder.objects;

import org.jspecify.annotations.NullMarked;
