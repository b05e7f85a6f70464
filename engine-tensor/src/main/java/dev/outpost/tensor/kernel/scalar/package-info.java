/** Plain loops with double sums: the specification of every kernel and the oracle of its tests. */
@NullMarked
package dev.outpost.tensor.kernel.scalar;

import org.jspecify.annotations.NullMarked;
