package dev.outpost.offsite.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PolicyTest {
  @TempDir Path folder;

  private static Policy policy() {
    return new Policy(
        PolicyNetwork.init(Features.count(2), 8, 2 * (3 + 2), 1),
        2,
        3,
        JsonObject.create().put("seed", 7));
  }

  private Path written(String policy, Map<String, HeapWeight> weights) throws Exception {
    Path file = folder.resolve("policy.safetensors");
    SafetensorsWriter.write(
        file, weights, null, Map.of("format", "outpost-policy-1", "policy", policy));
    return file;
  }

  @Test
  void comesBackAsItWas() throws Exception {
    Path file = folder.resolve("p.safetensors");
    Policy policy = policy();
    policy.write(file);
    Policy read = Policy.read(file);
    assertThat(read.devices()).isEqualTo(2);
    assertThat(read.levels()).isEqualTo(3);
    assertThat(read.about().integer("seed")).isEqualTo(7);
    read.network()
        .weights()
        .forEach((name, w) ->
            assertThat(w.tensor().toArray())
                .as(name)
                .containsExactly(policy.network().weights().get(name).tensor().toArray()));
  }

  @Test
  void refusesWhatIsNoPolicy() throws Exception {
    String said = "{\"devices\":2,\"levels\":3,\"about\":{}}";
    Map<String, HeapWeight> whole = policy().network().weights();
    Map<String, HeapWeight> lacking = new LinkedHashMap<>(whole);
    lacking.remove("trunk.1.bias");
    Map<String, HeapWeight> more = new LinkedHashMap<>(whole);
    more.put("extra", HeapWeight.of(Tensor.zeros(1)));
    Map<String, HeapWeight> odd = new LinkedHashMap<>(whole);
    odd.put("trunk.1.weight", HeapWeight.of(Tensor.zeros(8, 7)));
    Map<String, HeapWeight> flat = new LinkedHashMap<>(whole);
    flat.put("trunk.0.weight", HeapWeight.of(Tensor.zeros(8)));
    Map<String, HeapWeight> broken = new LinkedHashMap<>(whole);
    Tensor nan = Tensor.zeros(8);
    nan.fill(Float.NaN);
    broken.put("trunk.0.bias", HeapWeight.of(nan));
    refused(written(said, lacking), "trunk.1.bias is missing");
    refused(written(said, more), "holds tensors besides");
    refused(written(said, odd), "trunk.1 must be");
    refused(written(said, flat), "trunk.0.weight is missing or has another rank");
    refused(written(said, broken), "trunk.0.bias holds NaN");
    refused(written("{\"devices\":5,\"levels\":3,\"about\":{}}", whole), "does not fit 5 devices");
    refused(written("{\"devices\":0,\"levels\":3,\"about\":{}}", whole), "devices must be between");
    refused(written("{\"levels\":3}", whole), "devices is missing");
    Path other = folder.resolve("other.safetensors");
    SafetensorsWriter.write(other, whole, null, Map.of());
    refused(other, "is no policy");
  }

  private static void refused(Path file, String why) {
    assertThatThrownBy(() -> Policy.read(file))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(file.getFileName().toString())
        .hasMessageContaining(why);
  }

  @Test
  void aJointActionIsAsLikelyAsItsParts() {
    Branches b = Branches.of(List.of(3, 2));
    float[] logits = {0, (float) Math.log(2), (float) Math.log(3), 1, 1};
    double[] p = new double[5];
    double[] log = new double[5];
    b.softmax(logits, 0, p, log);
    assertThat(b.joint(log, new int[] {2, 0})).isCloseTo(Math.log(0.5 * 0.5), within(1e-7));
    assertThat(p).containsExactly(new double[] {1 / 6.0, 2 / 6.0, 0.5, 0.5, 0.5}, within(1e-7));
    assertThat(b.mode(logits, 0)).containsExactly(2, 0);
    RandomStream random = RandomStream.of(1, "choices");
    int n = 20_000;
    int[] counts = new int[5];
    for (int i = 0; i < n; i++) {
      int[] choices = b.sample(p, random);
      counts[choices[0]]++;
      counts[3 + choices[1]]++;
    }
    double[] want = {1 / 6.0, 2 / 6.0, 0.5, 0.5, 0.5};
    for (int j = 0; j < 5; j++)
      assertThat((double) counts[j] / n).isCloseTo(want[j], within(5 * 0.5 / Math.sqrt(n)));
    assertThatThrownBy(() -> Branches.of(List.of(2, 0))).hasMessageContaining("branch 1 has 0");
  }
}
