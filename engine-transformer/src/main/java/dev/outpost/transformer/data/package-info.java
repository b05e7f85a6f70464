/**
 * What models are trained on: examples read from text and JSON lines, their tokens on disk, and the
 * rows of a batch made of them.
 */
@NullMarked
package dev.outpost.transformer.data;

import org.jspecify.annotations.NullMarked;
