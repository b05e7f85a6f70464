/** Differential privacy of training: what a run with noise may give away, and the noise itself. */
@NullMarked
package dev.outpost.transformer.privacy;

import org.jspecify.annotations.NullMarked;
