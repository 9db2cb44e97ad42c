/** What exists where workers build, compared with what should; a restored database. */
@NullMarked
package dev.larder.inventory;

import org.jspecify.annotations.NullMarked;
