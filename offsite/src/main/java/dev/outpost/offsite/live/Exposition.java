package dev.outpost.offsite.live;

import dev.outpost.offsite.live.LiveSnapshot.State;
import dev.outpost.offsite.live.LiveSnapshot.Totals;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A snapshot as Prometheus scrapes it: its text format 0.0.4. A family is its help, its type and
 * its samples; what is not known has no sample.
 */
final class Exposition {
  /** Content type of the text. */
  static final String TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private final StringBuilder out = new StringBuilder();

  private Exposition() {}

  static String of(LiveSnapshot s) {
    Exposition e = new Exposition();
    e.federation(s);
    e.totals(s.totals());
    e.clients(s);
    e.family("outpost_heap_used_bytes", "gauge", "Memory that this process's heap uses.");
    Runtime java = Runtime.getRuntime();
    e.sample("outpost_heap_used_bytes", "", (double) (java.totalMemory() - java.freeMemory()));
    return e.out.toString();
  }

  private void federation(LiveSnapshot s) {
    family("outpost_federation_info", "gauge", "The federation and its base; always 1.");
    sample(
        "outpost_federation_info",
        label("federation", s.federation()) + "," + label("base", s.base()),
        1);
    gauge("outpost_rounds_planned", "Rounds in all.", s.planned());
    gauge("outpost_rounds_done", "Rounds that are done.", s.done());
    LiveSnapshot.Round last = null;
    for (LiveSnapshot.Round r : s.rounds()) if (r.over()) last = r;
    if (last != null) {
      gauge("outpost_round_updates", "Updates that the last round was made of.", last.handedIn());
      gauge("outpost_round_asked", "Clients that the last round asked.", last.asked());
      family(
          "outpost_round_loss",
          "gauge",
          "Nats per token on what clients hold back, mean over those that tell it, before and"
              + " after the last round's tuning.");
      sample("outpost_round_loss", label("when", "before"), last.lossBefore());
      sample("outpost_round_loss", label("when", "after"), last.lossAfter());
      gauge(
          "outpost_round_change",
          "Euclidean norm of the global adapter's change in the last round.",
          last.change());
    }
    double plugIn = s.plugInBefore();
    for (LiveSnapshot.Round r : s.rounds()) if (Double.isFinite(r.plugIn())) plugIn = r.plugIn();
    gauge("outpost_plug_in_perplexity", "Of the full model with the latest adapter.", plugIn);
    family("outpost_clients", "gauge", "Clients by how they stand in the latest round.");
    for (State state : State.values())
      sample(
          "outpost_clients",
          label("state", state.name().toLowerCase(Locale.ROOT)),
          (double) s.clients().stream().filter(c -> c.state() == state).count());
    family("outpost_clients_by_emulator", "gauge", "Clients by the emulator of the latest round.");
    if (!s.rounds().isEmpty())
      s.rounds()
          .getLast()
          .emulators()
          .forEach((name, n) -> sample("outpost_clients_by_emulator", label("emulator", name), n));
  }

  private void totals(Totals t) {
    counter("outpost_updates_accepted", "Updates that rounds were made of.", t.accepted());
    counter("outpost_updates_late", "Updates that came when their round was over.", t.late());
    counter("outpost_updates_missing", "Clients asked without whom rounds ended.", t.missing());
    counter("outpost_updates_refused", "Updates and messages refused.", t.refused());
    counter("outpost_turned_away", "Connections and calls turned away.", t.turnedAway());
    String delay = "outpost_update_delay_seconds";
    family(delay, "histogram", "From a round's opening to an update.");
    List<Long> counts = t.delays();
    for (int i = 0; i < Totals.BOUNDS.size(); i++)
      sample(delay + "_bucket", label("le", number(Totals.BOUNDS.get(i))), counts.get(i));
    sample(delay + "_bucket", label("le", "+Inf"), counts.getLast());
    sample(delay + "_sum", "", t.delaySeconds());
    sample(delay + "_count", "", counts.getLast());
  }

  private void clients(LiveSnapshot s) {
    String sent = "outpost_client_sent_bytes_total";
    family(sent, "counter", "Bytes of files that a client was sent.");
    for (LiveSnapshot.Client c : s.clients())
      sample(sent, label("client", c.name()), (double) c.sent());
    String received = "outpost_client_received_bytes_total";
    family(received, "counter", "Bytes of files that a client handed in.");
    for (LiveSnapshot.Client c : s.clients())
      sample(received, label("client", c.name()), (double) c.received());
    String seen = "outpost_client_seen_timestamp_seconds";
    family(seen, "gauge", "When a client last called.");
    for (LiveSnapshot.Client c : s.clients())
      sample(
          seen,
          label("client", c.name()),
          c.seen() == null ? Double.NaN : c.seen().toEpochMilli() / 1e3);
  }

  private void gauge(String name, String help, double value) {
    family(name, "gauge", help);
    sample(name, "", value);
  }

  private void counter(String name, String help, long value) {
    family(name + "_total", "counter", help);
    sample(name + "_total", "", (double) value);
  }

  private void family(String name, String type, String help) {
    out.append("# HELP ").append(name).append(' ').append(help).append('\n');
    out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  private void sample(String name, String labels, double value) {
    if (Double.isNaN(value)) return;
    out.append(name);
    if (!labels.isEmpty()) out.append('{').append(labels).append('}');
    out.append(' ').append(number(value)).append('\n');
  }

  /** Whole numbers without a fraction: counters of bytes are read by people too. */
  private static String number(double v) {
    return v == Math.rint(v) && Math.abs(v) < 1e15 ? Long.toString((long) v) : Double.toString(v);
  }

  /** A label; within quotes a backslash, a quote and a line's end are escaped. */
  static String label(String name, String value) {
    return value
        .codePoints()
        .mapToObj(c ->
            switch (c) {
              case '\\' -> "\\\\";
              case '"' -> "\\\"";
              case '\n' -> "\\n";
              default -> Character.toString(c);
            })
        .collect(Collectors.joining("", name + "=\"", "\""));
  }
}
