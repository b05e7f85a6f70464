/** The command line: the only place that prints. */
@NullMarked
package dev.outpost.offsite.app;

import org.jspecify.annotations.NullMarked;
