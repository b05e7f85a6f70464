package dev.outpost.offsite.live;

import dev.outpost.tensor.io.JsonObject;
import java.time.Instant;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A snapshot as the page reads it. Times are seconds since 1970; what is not known is null. */
final class LiveJson {
  private LiveJson() {}

  static JsonObject of(LiveSnapshot s) {
    Runtime java = Runtime.getRuntime();
    LiveSnapshot.Totals t = s.totals();
    return JsonObject.create()
        .put("at", time(s.at()))
        .put("federation", s.federation())
        .put("base", s.base())
        .put("planned", s.planned())
        .put("done", s.done())
        .put("emulators", s.emulators())
        .put("memory", java.totalMemory() - java.freeMemory())
        .put("memory_limit", java.maxMemory())
        .put("plug_in_before", number(s.plugInBefore()))
        .put(
            "totals",
            JsonObject.create()
                .put("accepted", t.accepted())
                .put("late", t.late())
                .put("missing", t.missing())
                .put("refused", t.refused())
                .put("turned_away", t.turnedAway())
                .put("sent", t.sent())
                .put("received", t.received()))
        .put("rounds", s.rounds().stream().map(LiveJson::round).toList())
        .put("clients", s.clients().stream().map(LiveJson::client).toList())
        .put("incidents", s.incidents().stream().map(LiveJson::incident).toList());
  }

  private static JsonObject round(LiveSnapshot.Round r) {
    return JsonObject.create()
        .put("round", r.round())
        .put("opened", time(r.opened()))
        .put("closed", time(r.closed()))
        .put("over", r.over())
        .put("asked", r.asked())
        .put("handed_in", r.handedIn())
        .put("late", r.late())
        .put("missing", r.missing())
        .put("refused", r.refused())
        .put("emulators", r.emulators())
        .put("delay_least", number(r.delays().least()))
        .put("delay_median", number(r.delays().median()))
        .put("delay_most", number(r.delays().most()))
        .put("loss_before", number(r.lossBefore()))
        .put("loss_after", number(r.lossAfter()))
        .put("change", number(r.change()))
        .put("plug_in", number(r.plugIn()))
        .put("sent", r.sent())
        .put("received", r.received());
  }

  private static JsonObject client(LiveSnapshot.Client c) {
    return JsonObject.create()
        .put("name", c.name())
        .put("state", c.state().name().toLowerCase(Locale.ROOT))
        .put("emulator", c.emulator())
        .put("asked", c.asked())
        .put("handed_in", c.handedIn())
        .put("late", c.late())
        .put("missing", c.missing())
        .put("refused", c.refused())
        .put("sent", c.sent())
        .put("received", c.received())
        .put("delay", number(c.delay()))
        .put("loss_before", number(c.lossBefore()))
        .put("loss_after", number(c.lossAfter()))
        .put("seen", time(c.seen()))
        .put("outcomes", c.outcomes())
        .put("choices", c.choices().stream().map(String::valueOf).collect(Collectors.joining(" ")));
  }

  private static JsonObject incident(LiveSnapshot.Incident i) {
    return JsonObject.create()
        .put("at", time(i.at()))
        .put("party", i.party())
        .put("what", i.what())
        .put("reason", i.reason());
  }

  private static @Nullable Double number(double v) {
    return Double.isFinite(v) ? v : null;
  }

  private static @Nullable Double time(@Nullable Instant t) {
    return t == null ? null : t.toEpochMilli() / 1e3;
  }
}
