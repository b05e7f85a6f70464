/** Who owns the bytes of a step: buffers lent and taken back, and the meter that counts them. */
@NullMarked
package dev.outpost.tensor.memory;

import org.jspecify.annotations.NullMarked;
