/** What the in-process worker does with its leases when things go wrong around it. */
@NullMarked
package dev.larder.worker;

import org.jspecify.annotations.NullMarked;
