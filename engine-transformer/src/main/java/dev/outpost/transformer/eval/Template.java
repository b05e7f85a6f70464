package dev.outpost.transformer.eval;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.data.Whitespace;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Text with places for a document's fields: {@code Question: {{goal}}\nAnswer:}. A place may reach
 * into an object ({@code {{a.b}}}) and strip white space at the beginning ({@code {{a|lstrip}}}).
 */
record Template(List<Piece> pieces) {
  private static final Pattern PLACE =
      Pattern.compile("\\{\\{\\s*([\\w.]+)\\s*(?:\\|\\s*(\\w+)\\s*)?\\}\\}");
  private static final Set<String> FILTERS = Set.of("", "lstrip");

  /** Literal text, then a field; the last piece has none. */
  private record Piece(String text, String field, String filter) {}

  static Template parse(JsonObject source, String name, String text) throws FormatException {
    List<Piece> pieces = new ArrayList<>();
    Matcher m = PLACE.matcher(text);
    int at = 0;
    while (m.find()) {
      String filter = m.group(2) == null ? "" : m.group(2);
      if (!FILTERS.contains(filter))
        throw source.wrong(name, "knows the filter lstrip only, got " + filter);
      pieces.add(new Piece(text.substring(at, m.start()), m.group(1), filter));
      at = m.end();
    }
    String rest = text.substring(at);
    if (rest.contains("{{")) throw source.wrong(name, "has a place that is not {{field}}: " + rest);
    pieces.add(new Piece(rest, "", ""));
    return new Template(pieces);
  }

  String render(JsonObject document) throws FormatException {
    StringBuilder out = new StringBuilder();
    for (Piece p : pieces) {
      out.append(p.text);
      if (p.field.isEmpty()) continue;
      String value = text(document, p.field);
      out.append(p.filter.isEmpty() ? value : Whitespace.stripLeading(value));
    }
    return out.toString();
  }

  /** A field's text, also of one within an object; a number in its digits. */
  static String text(JsonObject document, String path) throws FormatException {
    int dot = path.indexOf('.');
    if (dot >= 0) return text(document.object(path.substring(0, dot)), path.substring(dot + 1));
    Object v = document.value(path);
    return v instanceof Long || v instanceof Double ? v.toString() : document.string(path);
  }

  /** A list of texts, also of one within an object. */
  static List<String> texts(JsonObject document, String path) throws FormatException {
    int dot = path.indexOf('.');
    return dot >= 0
        ? texts(document.object(path.substring(0, dot)), path.substring(dot + 1))
        : document.strings(path);
  }
}
