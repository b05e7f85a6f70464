/** Many data owners, one adapter: updates, how they are checked, and how they become one. */
@NullMarked
package dev.outpost.offsite.federated;

import org.jspecify.annotations.NullMarked;
