package dev.outpost.offsite.live;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class ExpositionTest {
  @Test
  void labelsAreEscapedAsTheFormatAsks() {
    assertThat(Exposition.label("reason", "a\\b \"c\"\nd ä 😀"))
        .isEqualTo("reason=\"a\\\\b \\\"c\\\"\\nd ä 😀\"");
  }

  @Test
  void everySampleBelongsToTheFamilyAboveIt() {
    List<String> lines =
        Exposition.of(new Fictitious(5, 9).run(4).view.snapshot()).lines().toList();
    String family = "";
    String type = "";
    Set<String> families = new HashSet<>();
    Set<String> samples = new HashSet<>();
    for (String line : lines) {
      if (line.startsWith("# HELP ")) {
        family = line.split(" ", 4)[2];
        assertThat(families.add(family)).as(line).isTrue();
      } else if (line.startsWith("# TYPE ")) {
        assertThat(line.split(" ", 4)[2]).isEqualTo(family);
        type = line.split(" ", 4)[3];
        assertThat(type).isIn("gauge", "counter", "histogram");
        assertThat(type.equals("counter")).as(family).isEqualTo(family.endsWith("_total"));
      } else {
        assertThat(line)
            .matches("[a-z_]+(\\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*})? -?[0-9.]+(E-?[0-9]+)?");
        String name = line.replaceAll("[{ ].*", "");
        assertThat(type.equals("histogram") ? name.replaceAll("_(bucket|sum|count)$", "") : name)
            .isEqualTo(family);
        assertThat(samples.add(line.substring(0, line.lastIndexOf(' ')))).as(line).isTrue();
      }
    }
  }

  @Test
  void figuresAreThoseOfTheSnapshot() {
    Fictitious f = new Fictitious(2, 3);
    f.view.restore(Fictitious.base(), List.of());
    f.view.measured(0, 20);
    f.open(1, java.util.Map.of("ward-000", "half", "ward-001", "deep"));
    f.fetched("ward-000", 7000);
    f.later(4);
    f.uploaded("ward-000", 300);
    f.accepted(1, "ward-000", 3, 2.5);
    f.later(16);
    f.accepted(1, "ward-001", Double.NaN, Double.NaN);
    f.close(
        1,
        List.of(
            Fictitious.party("ward-000", "half", 3, 2.5),
            Fictitious.party("ward-001", "deep", 5, Double.NaN)));
    f.refused("turned-away", "-", "nobody");
    assertThat(Exposition.of(f.view.snapshot()))
        .contains("outpost_federation_info{federation=\"wards\",base=\"0123456789ab\"} 1\n")
        .contains("outpost_rounds_planned 3\n", "outpost_rounds_done 1\n")
        .contains("outpost_round_loss{when=\"before\"} 4\n", "{when=\"after\"} 2.5\n")
        .contains("outpost_round_updates 2\n", "outpost_updates_accepted_total 2\n")
        .contains("outpost_plug_in_perplexity 20\n")
        .contains("outpost_clients{state=\"handed_in\"} 2\n", "{state=\"missing\"} 0\n")
        .contains("outpost_clients_by_emulator{emulator=\"half\"} 1\n")
        .contains("outpost_client_sent_bytes_total{client=\"ward-000\"} 7000\n")
        .contains("outpost_client_received_bytes_total{client=\"ward-000\"} 300\n")
        .contains("outpost_turned_away_total 1\n")
        .contains("outpost_update_delay_seconds_bucket{le=\"1\"} 0\n")
        .contains("outpost_update_delay_seconds_bucket{le=\"5\"} 1\n")
        .contains("outpost_update_delay_seconds_bucket{le=\"60\"} 2\n")
        .contains("outpost_update_delay_seconds_bucket{le=\"+Inf\"} 2\n")
        .contains("outpost_update_delay_seconds_sum 24\n", "_seconds_count 2\n");
  }
}
