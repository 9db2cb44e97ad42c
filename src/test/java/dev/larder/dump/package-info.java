/** The postgres backend with a server of its own, because the tests look at all databases of the server. */
@NullMarked
package dev.larder.dump;

import org.jspecify.annotations.NullMarked;
