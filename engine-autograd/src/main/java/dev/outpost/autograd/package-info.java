/** Derivatives: the tape that records a forward pass and the walk back over it. */
@NullMarked
package dev.outpost.autograd;

import org.jspecify.annotations.NullMarked;
