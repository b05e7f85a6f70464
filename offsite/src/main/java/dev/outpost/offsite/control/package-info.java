/**
 * Who tunes in a round and through which emulator: controllers, a federation to train them in, and
 * proximal policy optimisation with action branching.
 */
@NullMarked
package dev.outpost.offsite.control;

import org.jspecify.annotations.NullMarked;
