/** Seeded random streams, one for each purpose, the same on every machine. */
@NullMarked
package dev.outpost.tensor.random;

import org.jspecify.annotations.NullMarked;
