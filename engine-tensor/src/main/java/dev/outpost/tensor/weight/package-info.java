/** Weights of a model: frozen and mapped from a file, or trainable on the heap. */
@NullMarked
package dev.outpost.tensor.weight;

import org.jspecify.annotations.NullMarked;
