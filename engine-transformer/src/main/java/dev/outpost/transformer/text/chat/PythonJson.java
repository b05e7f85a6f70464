package dev.outpost.transformer.text.chat;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** JSON as Python's {@code json.dumps} lays it out, characters beyond ASCII as they are. */
final class PythonJson {
  private final StringBuilder out = new StringBuilder();
  private final int indent;

  private PythonJson(int indent) {
    this.indent = indent;
  }

  /**
   * @param indent spaces for each level; negative for one line
   */
  static String write(@Nullable Object value, int indent) {
    PythonJson json = new PythonJson(indent);
    json.value(value, 0);
    return json.out.toString();
  }

  private void value(@Nullable Object v, int level) {
    Values.requireShallow(level);
    Values.requireRoom(out.length());
    switch (v) {
      case null -> out.append("null");
      case Boolean b -> out.append(b);
      case Long n -> out.append(n);
      case Double d -> out.append(Values.number(d));
      case String s -> text(s);
      case List<?> list -> {
        out.append('[');
        String separator = "";
        for (Object item : list) {
          separate(separator, level + 1);
          separator = indent < 0 ? ", " : ",";
          value(item, level + 1);
        }
        if (!list.isEmpty()) separate("", level);
        out.append(']');
      }
      case Map<?, ?> map -> {
        out.append('{');
        String separator = "";
        for (Map.Entry<?, ?> e : map.entrySet()) {
          separate(separator, level + 1);
          separator = indent < 0 ? ", " : ",";
          text(Values.text(e.getKey()));
          out.append(": ");
          value(e.getValue(), level + 1);
        }
        if (!map.isEmpty()) separate("", level);
        out.append('}');
      }
      default -> throw new TemplateException("tojson: a " + Values.kind(v) + " has no JSON");
    }
  }

  private void separate(String separator, int level) {
    out.append(separator);
    if (indent >= 0) out.append('\n').repeat(' ', indent * level);
  }

  private void text(String s) {
    out.append('"');
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < ' ') out.append(String.format("\\u%04x", (int) c));
          else out.append(c);
        }
      }
    }
    out.append('"');
  }
}
