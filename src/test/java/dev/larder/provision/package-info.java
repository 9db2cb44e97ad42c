/** What the in-process worker does with its leases when things go wrong around it. */
@NullMarked
package dev.larder.provision;

import org.jspecify.annotations.NullMarked;
