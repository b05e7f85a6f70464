/** The cut of a model into adapter, middle and adapter. */
@NullMarked
package dev.outpost.offsite.split;

import org.jspecify.annotations.NullMarked;
