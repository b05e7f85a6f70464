/** The data owner's side: tuning the adapter through the emulator. */
@NullMarked
package dev.outpost.offsite.tune;

import org.jspecify.annotations.NullMarked;
