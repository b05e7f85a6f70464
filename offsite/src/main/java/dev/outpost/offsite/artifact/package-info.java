/** What travels between the parties, with the proof of what it belongs to. */
@NullMarked
package dev.outpost.offsite.artifact;

import org.jspecify.annotations.NullMarked;
