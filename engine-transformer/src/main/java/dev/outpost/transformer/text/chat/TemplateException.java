package dev.outpost.transformer.text.chat;

/** A template that is wrong, or refuses a conversation; the message says where and why. */
final class TemplateException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  TemplateException(String message) {
    super(message);
  }
}
