/**
 * What can be told of a Terraform module by reading its files, without the tool: {@code catalog} asks it before it
 * takes a declaration, {@code worker.terraform} before it runs the tool.
 *
 * <p><b>Owns</b> the names that Larder gives to variables and files of a module ({@code model.module.TerraformModule}).
 *
 * <p><b>Authoritative</b>: the tool. What is read here decides what is refused early and what the module is given.
 *
 * <p><b>States.</b> None: plain values.
 *
 * <p><b>Failures.</b> A file that does not parse is read as far as it can be.
 *
 * <p><b>Bounds.</b> One pass over each file, two levels of blocks, no recursion.
 */
@NullMarked
package dev.larder.model.module;

import org.jspecify.annotations.NullMarked;
