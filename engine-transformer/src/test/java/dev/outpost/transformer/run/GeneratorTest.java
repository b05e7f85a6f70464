package dev.outpost.transformer.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.Block;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class GeneratorTest {
  private static final int CONTEXT = 24;
  private final TransformerModel model = TinyModels.random(2, 8);
  private final Kernels kernels = TinyModels.best();
  private final Generator generator = new Generator(model, kernels);

  @Test
  void eachTokenIsTheBestOneGivenAllBefore() {
    List<Integer> made = generate(new int[] {3, 1, 4}, 12);
    int[] all = {3, 1, 4};
    for (int token : made) {
      assertThat(token).isEqualTo(bestAfter(all));
      all = Arrays.copyOf(all, all.length + 1);
      all[all.length - 1] = token;
    }
    assertThat(made.stream().distinct().count())
        .as("a varied text, or the test says little")
        .isGreaterThan(2);
  }

  @Test
  void promptsInPiecesAndWholeGiveTheScoresOfThePrompt() {
    for (int length = 1; length < CONTEXT; length++) {
      int[] prompt = TinyModels.tokens(length, 23, length);
      assertThat(generate(prompt, 1)).containsExactly(bestAfter(prompt));
    }
  }

  @Test
  void aSequenceThatGoesOnComputesOnlyWhatIsNew() {
    int[] positions = new int[1];
    List<Slot> slots = new ArrayList<>(model.slots());
    slots.set(0, slots.get(0).with(new Counting(slots.get(0).block(), positions)));
    Generator g = new Generator(model.withSlots(slots), kernels);
    int[] sequence = TinyModels.tokens(20, 23, 4);
    int[] other = Arrays.copyOf(sequence, 15);
    other[12] = (other[12] + 1) % 23;
    record Step(int[] sequence, int computed) {}
    for (Step step :
        List.of(
            new Step(Arrays.copyOf(sequence, 10), 10),
            new Step(Arrays.copyOf(sequence, 14), 4),
            new Step(Arrays.copyOf(sequence, 14), 1),
            new Step(sequence, 6),
            new Step(other, 3),
            new Step(Arrays.copyOf(sequence, 3), 1))) {
      positions[0] = 0;
      int best = Sampling.greedy().choose(g.scores(step.sequence), RandomStream.of(0, "none"));
      assertThat(positions[0]).isEqualTo(step.computed);
      assertThat(best).isEqualTo(bestAfter(step.sequence));
    }
  }

  /** Short texts turn otherwise than long ones, so what was kept of one is no use to the other. */
  @Test
  void aSequenceThatCrossesLongRopesSwitchIsComputedAnew() {
    TransformerModel turning = TinyModels.longRope(CONTEXT, 9, 23);
    Generator g = new Generator(turning, kernels);
    int[] sequence = TinyModels.tokens(20, 23, 4);
    int[] early = sequence.clone();
    early[3] = (early[3] + 1) % 23;
    int[] late = early.clone();
    late[14] = (late[14] + 1) % 23;
    for (int[] s :
        List.of(
            Arrays.copyOf(sequence, 5),
            Arrays.copyOf(sequence, 9),
            Arrays.copyOf(sequence, 10),
            Arrays.copyOf(sequence, 15),
            early,
            late,
            Arrays.copyOf(late, 8))) {
      float[] got = g.scores(s);
      Tensor want = scoresAfter(turning, s);
      for (int i = 0; i < got.length; i++)
        assertThat(got[i]).as("%s tokens", s.length).isCloseTo(want.get(i), within(1e-5f));
    }
  }

  /** Counts the positions that pass through a block. */
  private record Counting(Block block, int[] positions) implements Block {
    @Override
    public Var forward(Pass pass, Var x) {
      positions[0] += pass.time();
      return block.forward(pass, x);
    }

    @Override
    public void visit(String path, ParameterVisitor visitor) {
      block.visit(path, visitor);
    }

    @Override
    public Block rewrite(String path, Rewriter r) {
      return new Counting(block.rewrite(path, r), positions);
    }
  }

  @Test
  void warmingUpEndsWhenAsked() {
    int[] asked = new int[1];
    Generator.warmUp(model, kernels, () -> asked[0]++ == 9);
    assertThat(asked[0]).isEqualTo(10);
  }

  @Test
  void aSecondTextKnowsNothingOfTheFirst() {
    List<Integer> first = generate(new int[] {3, 1, 4}, 8);
    generate(new int[] {9, 9, 9, 9, 9}, 8);
    assertThat(generate(new int[] {3, 1, 4}, 8)).isEqualTo(first);
  }

  @Test
  void samplingIsReproducibleBySeed() {
    Sampling hot = new Sampling(1.5f, 0, 0.9f);
    List<Integer> a = new ArrayList<>();
    List<Integer> b = new ArrayList<>();
    generator.generate(new int[] {1}, 15, hot, RandomStream.of(3, "sample"), a::add);
    new Generator(model, Kernels.scalar())
        .generate(new int[] {1}, 15, hot, RandomStream.of(3, "sample"), b::add);
    assertThat(a).hasSize(15).isEqualTo(b);
  }

  @Test
  void stopsAtTheWantedNumber() {
    assertThat(generate(new int[] {1}, 5)).hasSize(5);
    assertThat(generate(new int[] {1}, 0)).isEmpty();
  }

  @Test
  void stopsWhenTheReaderHasEnough() {
    List<Integer> made = new ArrayList<>();
    int n =
        generator.generate(
            new int[] {1},
            100,
            Sampling.greedy(),
            RandomStream.of(1, "sample"),
            token -> {
              made.add(token);
              return made.size() < 4;
            });
    assertThat(n).isEqualTo(4);
    assertThat(made).hasSize(4);
  }

  @Test
  void stopsWhenTheContextIsFull() {
    // The last token needs no position of its own: prompt + n - 1 positions are computed.
    assertThat(generate(new int[] {1, 2, 3, 4}, 1000)).hasSize(CONTEXT - 4 + 1);
    assertThat(generate(new int[CONTEXT], 1000)).hasSize(1);
  }

  @Test
  void aPromptMustFit() {
    assertThatThrownBy(() -> generate(new int[0], 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("at least one token");
    assertThatThrownBy(() -> generate(new int[CONTEXT + 1], 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("25 tokens", "24", "shorten");
  }

  private List<Integer> generate(int[] prompt, int most) {
    List<Integer> made = new ArrayList<>();
    int n =
        generator.generate(
            prompt, most, Sampling.greedy(), RandomStream.of(1, "sample"), made::add);
    assertThat(n).isEqualTo(made.size());
    return made;
  }

  private int bestAfter(int[] ids) {
    Tensor scores = scoresAfter(model, ids);
    int best = 0;
    for (int i = 1; i < scores.size(); i++) if (scores.get(i) > scores.get(best)) best = i;
    return best;
  }

  private Tensor scoresAfter(TransformerModel model, int[] ids) {
    Tape tape = Tape.evaluating(kernels, new Workspace());
    Pass pass = Pass.of(tape, 1, ids.length);
    return model.logits(pass, model.hidden(pass, ids), ids.length - 1, ids.length);
  }
}
