@NullMarked
package dev.larder.cli.client;

import org.jspecify.annotations.NullMarked;
