/**
 * Measurements of kernels, training steps and generation on the user's own machine, beside that
 * machine's limits. Prints nothing.
 */
@NullMarked
package dev.outpost.offsite.bench;

import org.jspecify.annotations.NullMarked;
