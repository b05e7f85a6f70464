package dev.outpost.transformer.text.chat;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A piece of a template. */
sealed interface Node {
  record Text(String text) implements Node {}

  record Print(Expr value, int line) implements Node {}

  record If(List<Expr> conditions, List<List<Node>> bodies, List<Node> otherwise, int line)
      implements Node {}

  record For(
      List<String> names,
      Expr over,
      @Nullable Expr condition,
      List<Node> body,
      List<Node> otherwise,
      int line)
      implements Node {}

  /**
   * @param attribute of a namespace; null for a plain name
   */
  record Set(List<String> names, @Nullable String attribute, Expr value, int line)
      implements Node {}

  record SetBlock(String name, List<Node> body) implements Node {}

  record Macro(String name, List<String> parameters, List<@Nullable Expr> defaults, List<Node> body)
      implements Node {}

  /** What {@code generation} marks: text as any other. */
  record Group(List<Node> body) implements Node {}

  record Leave(boolean forGood) implements Node {}
}
