/** Parameter-efficient tuning: small trainable parts attached to a frozen model. */
@NullMarked
package dev.outpost.transformer.peft;

import org.jspecify.annotations.NullMarked;
