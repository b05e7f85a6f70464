package dev.outpost.offsite.live;

import dev.outpost.offsite.page.Html;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/**
 * The page: one piece of HTML that asks {@code live.json} again and again and needs nothing else.
 *
 * @param html of it
 * @param policy what a browser may do with it: run and style what it carries, by digest, and ask
 *     the server it came from; nothing more
 */
record LivePage(String html, String policy) {
  static LivePage of(String federation) throws IOException {
    String style = Html.resource(LivePage.class, "page.css");
    String charts = Html.script(Html.charts());
    String code = Html.script(Html.resource(LivePage.class, "page.js"));
    String html =
        Html.resource(LivePage.class, "page.html")
            .replace("{style}", style)
            .replace("{code}", code)
            .replace("{charts}", charts)
            .replace("{federation}", Html.escape(federation));
    String policy =
        "default-src 'none'; script-src "
            + digest(charts)
            + " "
            + digest(code)
            + "; style-src "
            + digest(style)
            + "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
            + "frame-ancestors 'none'";
    return new LivePage(html, policy);
  }

  private static String digest(String text) {
    try {
      byte[] sha =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return "'sha256-" + Base64.getEncoder().encodeToString(sha) + "'";
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
