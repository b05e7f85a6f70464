/** Singular values of weight matrices. */
@NullMarked
package dev.outpost.offsite.svd;

import org.jspecify.annotations.NullMarked;
