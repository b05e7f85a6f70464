package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Tape;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.report.HiddenStates;
import dev.outpost.offsite.report.LinearCka;
import dev.outpost.offsite.report.Pooling;
import dev.outpost.offsite.split.Split;
import dev.outpost.offsite.split.SplitPlan;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.train.Blocks;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CrashTest {
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(12 * 8, 23, 1), 8);
  private final TransformerModel full = TinyModels.random(8, 3);
  private final Workshop shop = Workshop.of(TinyModels.best(), 1).withText(TEXT, null);
  @TempDir Path folder;

  private static Crash step(String text) {
    return (Crash) EmulatorSteps.read(StepSettings.parse(text));
  }

  private Draft draft(String split) {
    return Draft.of(full, SplitPlan.parse(split).of(full));
  }

  private static List<String> names(List<Slot> slots) {
    return slots.stream().map(Slot::name).toList();
  }

  /** Links .9 .5 .8 .8 .1: first 0-1, then the left of the two equal ones, then the other. */
  @Test
  void mergesTheStrongestLinkFirst() {
    double[] links = {.9, .5, .8, .8, .1};
    assertThat(Crash.cluster(links, 6)).hasSize(6);
    assertThat(Crash.cluster(links, 5))
        .containsExactly(List.of(0, 1), List.of(2), List.of(3), List.of(4), List.of(5));
    assertThat(Crash.cluster(links, 4))
        .containsExactly(List.of(0, 1), List.of(2, 3), List.of(4), List.of(5));
    assertThat(Crash.cluster(links, 3))
        .containsExactly(List.of(0, 1), List.of(2, 3, 4), List.of(5));
    assertThat(Crash.cluster(links, 1)).containsExactly(List.of(0, 1, 2, 3, 4, 5));
  }

  @Test
  void theStatesAreWhatComesOutOfEachBlock() {
    Workspace ws = new Workspace();
    var batch = TEXT.batch(new int[] {2, 5});
    List<Tensor> all = HiddenStates.of(full, TinyModels.best(), ws, batch, Pooling.TOKENS);
    List<Tensor> last = HiddenStates.of(full, TinyModels.best(), ws, batch, Pooling.LAST);
    List<Tensor> mean = HiddenStates.of(full, TinyModels.best(), ws, batch, Pooling.MEAN_WEIGHTED);
    Pass pass = batch.pass(Tape.evaluating(TinyModels.best(), ws));
    float[] want =
        TransformerModel.stack(pass, full.slots().subList(0, 3), full.embed(pass, batch.input()))
            .value()
            .toArray();
    assertThat(all).hasSize(8);
    assertThat(all.get(2).toArray()).isEqualTo(want);
    int c = full.spec().width();
    for (int j = 0; j < c; j++) {
      assertThat(last.get(2).get(c + j)).isEqualTo(want[15 * c + j]);
      double sum = 0;
      for (int t = 0; t < 8; t++) sum += (t + 1) / 36.0 * want[(8 + t) * c + j];
      assertThat(mean.get(2).get(c + j)).isCloseTo((float) sum, within(1e-5f));
    }
  }

  @Test
  void keepsOneBlockOfEachClusterOfLikeNeighbours() {
    LinearCka cka = LinearCka.adjacent(shop.kernels(), 8);
    HiddenStates.of(full, shop.kernels(), TEXT, 512, 8, Pooling.TOKENS, cka::add);
    double[] links = Arrays.copyOfRange(cka.values(), 1, 6);
    List<List<Integer>> clusters = Crash.cluster(links, 3);
    for (String stays : new String[] {"first", "centre", "last"}) {
      List<String> want = new ArrayList<>();
      for (List<Integer> c : clusters)
        want.add(
            "blocks."
                + (1
                    + switch (stays) {
                      case "first" -> c.getFirst();
                      case "last" -> c.getLast();
                      default -> c.get(c.size() / 2);
                    }));
      Draft made =
          step("crash:clusters=3,share=false,pooling=tokens,stays=" + stays)
              .apply(draft("1-1"), shop);
      assertThat(names(made.middle())).isEqualTo(want);
    }
  }

  /** Of 0 … 7 the blocks 0, 3 and 7 are adapter; 4 stays, and 1. */
  @Test
  void fillsThePlacesWithTheNearestBlockThatStays() {
    Draft d = draft("0,3,7");
    List<Slot> all = step("crash:blocks=1+4").apply(d, shop).middle();
    assertThat(names(all)).isEqualTo(names(d.middle()));
    assertThat(all.stream().map(s -> lender(s)).toList()).containsExactly(1, 3, 4, 4, 7);
    List<Slot> own = step("crash:blocks=1+4,lenders=middle").apply(d, shop).middle();
    assertThat(own.stream().map(s -> lender(s)).toList()).containsExactly(1, 1, 4, 4, 4);
    assertThat(names(step("crash:blocks=1+4,share=false").apply(d, shop).middle()))
        .containsExactly("blocks.1", "blocks.4");
  }

  /** Two as near: the upper one, as the released code. */
  @Test
  void theUpperOfTwoAsNearLends() {
    List<Slot> all = step("crash:blocks=1+3,lenders=middle").apply(draft("0,7"), shop).middle();
    assertThat(all.stream().map(s -> lender(s)).toList()).containsExactly(1, 3, 3, 3, 3, 3);
  }

  private int lender(Slot s) {
    for (Slot own : full.slots()) if (own.block() == s.block()) return Split.index(own);
    return -1;
  }

  @Test
  void clustersEndAtAdapterBlocks() {
    Draft made = step("crash:clusters=2,share=false").apply(draft("0,3,7"), shop);
    assertThat(made.middle()).hasSize(2);
    assertThat(made.split().segments(made.middle())).hasSize(2);
    assertThatThrownBy(() -> step("crash:clusters=1").apply(draft("0,3,7"), shop))
        .hasMessageContaining("clusters must be from 2");
    assertThatThrownBy(() -> step("crash:clusters=6").apply(draft("0,3,7"), shop))
        .hasMessageContaining("to 5");
  }

  @Test
  void sharedBlocksAreStoredOnceAndTheAdapterIsTunedAlone() throws Exception {
    Draft made = step("crash:clusters=2").apply(draft("1-1"), shop);
    assertThat(made.model().slots()).hasSize(8);
    OffsitePackage.write(
        folder,
        made.model(),
        made.split().adapterSlots(),
        BaseFingerprint.of(full),
        new Gpt2().write(full.spec(), 0),
        JsonObject.create(),
        null);
    try (OffsitePackage p = OffsitePackage.open(folder)) {
      var sent = TinyModels.numbers(made.model());
      TinyModels.numbers(p.model())
          .forEach((name, got) -> assertThat(got).as(name).isEqualTo(sent.get(name)));
      long blocks = p.model().slots().stream().map(Slot::block).distinct().count();
      assertThat(blocks).isEqualTo(4);
      TransformerModel tuned = p.model().trainable(n -> Split.owns(p.adapterSlots(), n));
      tuned.visit((name, w) ->
          assertThat(w.trainable())
              .as(name)
              .isEqualTo(Split.owns(Set.of("blocks.0", "blocks.7"), name)));
    }
  }

  @Test
  void theNumberOfThreadsChangesNothing() {
    List<List<Slot>> made = new ArrayList<>();
    for (int threads = 1; threads <= 2; threads++)
      made.add(
          Crash.paper(3)
              .apply(
                  draft("1-1"), Workshop.of(Kernels.best(Team.of(threads)), 1).withText(TEXT, null))
              .middle());
    assertThat(made.get(0)).isEqualTo(made.get(1));
  }

  @Test
  void theOwnCutSpreadsTheAdapterOverTheDepth() {
    EmulatorRecipe found = new CrashCut(5, 2).recipe(full, TEXT, shop.kernels());
    Set<Integer> adapter = found.split().blocks();
    Set<Integer> middle = ((Crash) found.steps().getFirst()).blocks();
    assertThat(adapter).hasSize(2);
    assertThat(middle).hasSize(3).doesNotContainAnyElementsOf(adapter);
    List<Integer> stay = new ArrayList<>(middle);
    stay.addAll(adapter);
    stay.sort(null);
    assertThat(adapter).containsExactly(stay.getFirst(), stay.getLast());
    // One of each cluster of the whole model.
    LinearCka cka = LinearCka.adjacent(shop.kernels(), 8);
    HiddenStates.of(full, shop.kernels(), TEXT, 512, 8, Pooling.MEAN_WEIGHTED, cka::add);
    List<List<Integer>> clusters = Crash.cluster(cka.values(), 5);
    for (int i = 0; i < 5; i++) assertThat(clusters.get(i)).contains(stay.get(i));
    assertThat(found.needsText()).isFalse();
    assertThatThrownBy(() -> new CrashCut(9, 5).recipe(full, TEXT, shop.kernels()))
        .hasMessageContaining("9 clusters of 8 blocks");
  }

  @Test
  void theOwnCutIsReadFromASplit() {
    assertThat(CrashCut.parse("crash:12,4")).contains(new CrashCut(12, 4));
    assertThat(CrashCut.parse("2-8-2")).isEmpty();
    for (String bad : new String[] {"crash:", "crash:12", "crash:a,b", "crash:4,4", "crash:4,0"})
      assertThatThrownBy(() -> CrashCut.parse(bad))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("crash");
  }

  @Test
  void settingsReadBack() throws Exception {
    for (Crash c : new Crash[] {Crash.paper(3), Crash.paper(Set.of(2, 4))})
      assertThat(EmulatorSteps.read(StepSettings.of(json(c)))).isEqualTo(c);
    assertThatThrownBy(() -> step("crash")).hasMessageContaining("either clusters");
    assertThatThrownBy(() -> step("crash:clusters=2,blocks=3+4"))
        .hasMessageContaining("either clusters");
    assertThatThrownBy(() -> step("crash:clusters=2,pooling=max"))
        .hasMessageContaining("mean-weighted");
    assertThat(step("crash:clusters=2").needsText()).isTrue();
    assertThat(step("crash:blocks=2").needsText()).isFalse();
    assertThatThrownBy(
            () -> step("crash:clusters=2").apply(draft("1-1"), Workshop.of(shop.kernels(), 1)))
        .hasMessageContaining("needs public text");
  }

  private static JsonObject json(EmulatorStep step) {
    try {
      return JsonObject.parse("step", step.describe().toText());
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
