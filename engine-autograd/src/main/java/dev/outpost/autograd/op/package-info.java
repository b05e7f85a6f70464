/** Differentiable operations, one file each: forward, its backward record, its formula. */
@NullMarked
package dev.outpost.autograd.op;

import org.jspecify.annotations.NullMarked;
