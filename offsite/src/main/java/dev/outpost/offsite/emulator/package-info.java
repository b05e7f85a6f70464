/** Steps that turn the middle of a model into a smaller stand-in. */
@NullMarked
package dev.outpost.offsite.emulator;

import org.jspecify.annotations.NullMarked;
