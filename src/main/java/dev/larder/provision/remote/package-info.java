/** A worker's desk at a server elsewhere, over HTTP (design, section 4). */
@NullMarked
package dev.larder.provision.remote;

import org.jspecify.annotations.NullMarked;
