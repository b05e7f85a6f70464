/** The arithmetic behind every operation, the one seam behind which a backend may be exchanged. */
@NullMarked
package dev.outpost.tensor.kernel;

import org.jspecify.annotations.NullMarked;
