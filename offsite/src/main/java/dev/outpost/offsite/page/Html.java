package dev.outpost.offsite.page;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** What pages are made of: text that is no markup, and scripts that lie within the page. */
public final class Html {
  private Html() {}

  /** Text within an element or an attribute. */
  public static String escape(String text) {
    StringBuilder s = new StringBuilder();
    text.codePoints()
        .forEach(c -> {
          switch (c) {
            case '&' -> s.append("&amp;");
            case '<' -> s.append("&lt;");
            case '>' -> s.append("&gt;");
            case '"' -> s.append("&quot;");
            case '\'' -> s.append("&#39;");
            default -> {
              // What XML does not allow is shown rather than dropped.
              boolean fine = c >= 0x20 && (c < 0xD800 || c > 0xDFFF) && c != 0xFFFE && c != 0xFFFF;
              s.appendCodePoint(fine || c == '\n' || c == '\t' ? c : 0xFFFD);
            }
          }
        });
    return s.toString();
  }

  /** What stands between {@code <script>} and {@code </script>} so that it is XML too. */
  public static String script(String code) {
    if (code.contains("]]>") || code.contains("</script"))
      throw new IllegalStateException("a script of the page would end within itself");
    return "/*<![CDATA[*/\n" + code + "\n/*]]>*/";
  }

  /** Chart.js, for {@link #script}. */
  public static String charts() throws IOException {
    return resource(Html.class, "chart.umd.min.js");
  }

  /** A text that lies beside a class. */
  public static String resource(Class<?> beside, String name) throws IOException {
    try (InputStream in = beside.getResourceAsStream(name)) {
      if (in == null)
        throw new IllegalStateException(name + " is missing in this build; run ./mvnw package");
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
