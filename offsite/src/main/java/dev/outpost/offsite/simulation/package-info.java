/** Thousands of data owners in one program: whom they would be, what they would return, when. */
@NullMarked
package dev.outpost.offsite.simulation;

import org.jspecify.annotations.NullMarked;
