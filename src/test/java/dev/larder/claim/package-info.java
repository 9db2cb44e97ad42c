/** Claims as a caller sees them: through HTTP, against the running application. */
@NullMarked
package dev.larder.claim;

import org.jspecify.annotations.NullMarked;
