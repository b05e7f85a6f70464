/** Modules that speak their parameter names, and what passes through them. */
@NullMarked
package dev.outpost.transformer.module;

import org.jspecify.annotations.NullMarked;
