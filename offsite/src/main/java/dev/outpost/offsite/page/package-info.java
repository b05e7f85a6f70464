/** Pages of HTML that need nothing from elsewhere. */
@NullMarked
package dev.outpost.offsite.page;

import org.jspecify.annotations.NullMarked;
