/** Many emulators and tuning methods measured on the same work, one cell after another. */
@NullMarked
package dev.outpost.offsite.compare;

import org.jspecify.annotations.NullMarked;
