/** Who changed what, and what template admins were told. */
@NullMarked
package dev.larder.audit;

import org.jspecify.annotations.NullMarked;
