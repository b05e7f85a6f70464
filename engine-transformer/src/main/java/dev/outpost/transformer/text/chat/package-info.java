/** Chat templates: a conversation as the text a model was trained on. */
@NullMarked
package dev.outpost.transformer.text.chat;

import org.jspecify.annotations.NullMarked;
