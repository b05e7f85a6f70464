/** Optimisers, clipping and learning-rate schedules; every state can be saved and restored. */
@NullMarked
package dev.outpost.autograd.optim;

import org.jspecify.annotations.NullMarked;
