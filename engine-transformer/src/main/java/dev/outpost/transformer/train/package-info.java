/** Training: batches, objectives, checkpoints and bit-exact resume. */
@NullMarked
package dev.outpost.transformer.train;

import org.jspecify.annotations.NullMarked;
