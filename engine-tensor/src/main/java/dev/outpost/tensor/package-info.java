/** Dense, contiguous, row-major arrays of numbers: shapes, element types, tensors. */
@NullMarked
package dev.outpost.tensor;

import org.jspecify.annotations.NullMarked;
