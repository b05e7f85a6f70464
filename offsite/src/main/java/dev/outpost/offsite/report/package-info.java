/** The five numbers of offsite-tuning, and how they are told. */
@NullMarked
package dev.outpost.offsite.report;

import org.jspecify.annotations.NullMarked;
