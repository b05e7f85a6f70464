package dev.outpost.offsite.compare;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** The page is well-formed, holds every number and needs nothing from elsewhere. */
final class ComparePageTest {
  private static final String NASTY = "a <b> & \"c\" 'd' </script> \u0001 ä 😀";

  private static JsonObject cell(String recipe, long seed, double base) {
    JsonObject c =
        JsonObject.create()
            .put("kind", "cell")
            .put("key", recipe + seed)
            .put("model", NASTY)
            .put("recipe", recipe)
            .put("method", "full")
            .put("task", "prose")
            .put("seed", seed)
            .put("metric", "perplexity");
    for (String s : Summary.SETTINGS) c.put(s, new Figure(base++ + seed, 0.25).toJson());
    return c.put("emulator_parameters", 600)
        .put("full_parameters", 1000)
        .put("trained_parameters", 1234)
        .put("retained_blocks", 2)
        .put("middle_blocks", 4)
        .put("seconds", 12.5)
        .put("peak_workspace_bytes", 3 << 20)
        .put(
            "curve",
            JsonObject.create()
                .put("train", List.of(List.of(1, 5.5), List.of(2, 5.25)))
                .put("validation", List.of(List.of(2, 5.75))));
  }

  private static JsonObject reread(JsonObject o) throws Exception {
    return JsonObject.parse("line", o.toLine());
  }

  private static Document page(List<JsonObject> failed) throws Exception {
    List<JsonObject> lines = new ArrayList<>();
    for (long seed : new long[] {1, 3}) {
      lines.add(reread(cell("one", seed, 40)));
      lines.add(reread(cell(NASTY, seed, 60)));
    }
    lines.add(
        reread(
            JsonObject.create()
                .put("kind", "ranking")
                .put("key", "r")
                .put("model", NASTY)
                .put("ranking", "ranking")
                .put("group", 2)
                .put("scores", List.of(0.5, -0.125))));
    lines.add(
        reread(
            JsonObject.create()
                .put("kind", "emulator")
                .put("key", "e")
                .put("model", NASTY)
                .put("recipe", "one")
                .put("seed", 1)
                .put("parameters", 600)
                .put("retained_blocks", 2)
                .put("middle_blocks", 4)
                .put("seconds", 7.25)
                .put("peak_workspace_bytes", 0)));
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", false);
    String html = ComparePage.html(lines, failed);
    return factory
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(html.getBytes(StandardCharsets.UTF_8)));
  }

  private static List<Element> all(Document page, String tag) {
    NodeList nodes = page.getElementsByTagName(tag);
    List<Element> out = new ArrayList<>();
    for (int i = 0; i < nodes.getLength(); i++) out.add((Element) nodes.item(i));
    return out;
  }

  @Test
  void everyNumberStandsInATable() throws Exception {
    List<String> texts = all(page(List.of()), "td").stream().map(Element::getTextContent).toList();
    // Seeds 1 and 3 of values 41…45 + 0 and 2: means 42…46, standard error 1.
    assertThat(texts)
        .contains("42.00 ± 1.00", "43.00 ± 1.00", "44.00 ± 1.00", "45.00 ± 1.00", "46.00 ± 1.00")
        .contains("62.00 ± 1.00", "66.00 ± 1.00")
        .contains("60.0 %", "1,234", "12.5", "3.0 MiB", "+0.500", "-0.125", "2 of 4", "7.3");
    // ln 41 − ln 44 and ln 43 − ln 46, their mean and standard error.
    double a = Math.log(41.0 / 44);
    double b = Math.log(43.0 / 46);
    assertThat(texts)
        .contains(
            String.format(java.util.Locale.ROOT, "%+.3f ± %.3f", (a + b) / 2, Math.abs(a - b) / 2));
  }

  @Test
  void namesAreTextWhateverTheyHold() throws Exception {
    Document page =
        page(
            List.of(
                JsonObject.create()
                    .put("kind", "cell")
                    .put("recipe", NASTY)
                    .put("reason", "less < more")));
    String shown = NASTY.replace('\u0001', '\uFFFD');
    assertThat(all(page, "td")).anyMatch(e -> e.getTextContent().equals(shown));
    assertThat(all(page, "h2")).anyMatch(e -> e.getTextContent().equals(shown + " · prose"));
    assertThat(all(page, "li")).anyMatch(e -> e.getTextContent().endsWith("less < more"));
  }

  @Test
  void everyPlotHasItsDataAndNothingIsFetched() throws Exception {
    Document page = page(List.of());
    List<String> canvases = all(page, "canvas").stream().map(e -> e.getAttribute("id")).toList();
    List<Element> scripts = all(page, "script");
    JsonObject data = JsonObject.parse("data", scripts.getFirst().getTextContent());
    List<String> drawn = new ArrayList<>();
    for (JsonObject chart : data.objects("charts")) drawn.add(chart.string("id"));
    assertThat(drawn).hasSize(4).containsExactlyElementsOf(canvases);
    assertThat(data.toLine()).contains("[2,5.25]", "[2,5.75]", "[0.5,-0.125]");
    assertThat(scripts).hasSize(3);
    assertThat(scripts.get(1).getTextContent()).contains("Chart.js v");
    for (String tag : List.of("script", "link", "img", "iframe", "a"))
      for (Element e : all(page, tag)) {
        assertThat(e.hasAttribute("src")).isFalse();
        assertThat(e.hasAttribute("href")).isFalse();
      }
  }
}
