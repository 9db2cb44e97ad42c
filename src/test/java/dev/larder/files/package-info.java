@NullMarked
package dev.larder.files;

import org.jspecify.annotations.NullMarked;
