/** A federation to look at while it runs: a page, and figures for Prometheus. */
@NullMarked
package dev.outpost.offsite.live;

import org.jspecify.annotations.NullMarked;
