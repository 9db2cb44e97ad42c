/**
 * What can be told of a Terraform module by reading its files, without the tool: {@code catalog} asks it before it
 * takes a declaration, {@code worker.terraform} before it runs the tool.
 */
@NullMarked
package dev.larder.model.module;

import org.jspecify.annotations.NullMarked;
