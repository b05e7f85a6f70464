/** Measurements of kernels, operations and whole models. */
@NullMarked
package dev.outpost.bench;

import org.jspecify.annotations.NullMarked;
