package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPairGenerator;
import java.util.Base64;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Keys, signatures and what they find, from the command line. */
class SealTest {
  @TempDir private static Path temporary;
  private static Path model;
  private static Path pack;
  private static Path adapter;
  private static Path owner;
  private static Path other;
  private static Path open;

  @BeforeAll
  static void story() throws Exception {
    owner = temporary.resolve("owner.key");
    other = temporary.resolve("other.key");
    open = temporary.resolve("owner.key.pub");
    Shell.ok("key", "--out", owner);
    Shell.ok("key", "--out", other);
    model = Parties.model(temporary.resolve("model"), 1);
    pack = temporary.resolve("package");
    adapter = temporary.resolve("adapter");
    Path text = Parties.text(temporary.resolve("private.txt"), Parties.PRIVATE);
    Shell.ok("emulate", "--model", model, "--split", "1-1-1", "--out", pack, "--sign", owner, "-q");
    Shell.ok(
        "tune",
        "--package",
        pack,
        "--verify",
        open,
        "--corpus",
        text,
        "--out",
        adapter,
        "--block",
        16,
        "--lora",
        2,
        "--steps",
        2,
        "--sign",
        other,
        "-q");
  }

  @Test
  void aSignedStoryGoesThrough() throws Exception {
    Path tuned = temporary.resolve("tuned");
    Path others = temporary.resolve("other.key.pub");
    Shell.ok(
        "plug", "--model", model, "--adapter", adapter, "--verify", others, "--out", tuned, "-q");
    JsonObject p = Shell.ok("inspect", pack, "--verify", open, "--json").result();
    assertThat(p.string("signature")).isEqualTo("of " + open);
    assertThat(p.object("made_by").string("java"))
        .startsWith(System.getProperty("java.vm.version"));
    JsonObject a = Shell.ok("inspect", adapter, "--json").result();
    assertThat(a.string("signature")).contains("not verified");
    assertThat(a.object("provenance").string("data_sha256")).hasSize(64);
    assertThat(a.object("provenance").string("package_sha256")).hasSize(64);
  }

  @Test
  void anyChangedByteOfAnyFileIsFound() throws Exception {
    for (Path folder : new Path[] {pack, adapter}) {
      Path key = folder == pack ? open : temporary.resolve("other.key.pub");
      assertThat(Parties.files(folder)).contains("manifest.json", "manifest.sig");
      for (String name : Parties.files(folder)) {
        byte[] whole = Files.readAllBytes(folder.resolve(name));
        for (int at : new int[] {0, whole.length / 2, whole.length - 1}) {
          Path copy = temporary.resolve("copy");
          Parties.send(folder, copy);
          Files.write(copy.resolve(name), flipped(whole, at));
          Shell.Outcome o = Shell.run("inspect", copy, "--verify", key);
          assertThat(o.code())
              .as("%s of %s, byte %d", name, folder, at)
              .isEqualTo(ExitCode.REFUSED);
          assertThat(o.err()).contains(name.equals("manifest.json") ? "manifest.sig" : name);
          for (String made : Parties.files(copy)) Files.delete(copy.resolve(made));
        }
      }
    }
  }

  private static byte[] flipped(byte[] whole, int at) {
    byte[] changed = whole.clone();
    changed[at] ^= 1;
    return changed;
  }

  @Test
  void aTokenizerThatWasChangedIsFoundWithoutAKeyToo() throws Exception {
    Path copy = Parties.send(pack, temporary.resolve("retokenized"));
    Path tokenizer = copy.resolve("tokenizer.json");
    Files.write(tokenizer, flipped(Files.readAllBytes(tokenizer), 40));
    refused("tokenizer.json", "changed or damaged", "inspect", copy);
  }

  @Test
  void whatIsMissingOrTooMuchIsNamed() throws Exception {
    Path copy = Parties.send(pack, temporary.resolve("unsigned"));
    Files.delete(copy.resolve("manifest.sig"));
    refused("manifest.sig: no such file", "--sign", "inspect", copy, "--verify", open);
    Path more = Parties.send(pack, temporary.resolve("more"));
    Files.writeString(more.resolve("added_tokens.json"), "{}");
    refused("does not list", "added_tokens.json", "inspect", more, "--verify", open);
    Path less = Parties.send(pack, temporary.resolve("less"));
    Files.delete(less.resolve("tokenizer.json"));
    refused("tokenizer.json", "no such file", "inspect", less, "--verify", open);
    refused("only packages and adapters", "", "inspect", model, "--verify", open);
  }

  @Test
  void aNewPackageInTheFolderTakesTheOldSignatureAway() throws Exception {
    Path copy = Parties.send(pack, temporary.resolve("again"));
    Shell.ok("emulate", "--model", model, "--split", "1-1-1", "--out", copy, "-q");
    assertThat(copy.resolve("manifest.sig")).doesNotExist();
    assertThat(Shell.ok("inspect", copy, "--json").result().string("signature")).isEqualTo("none");
  }

  @Test
  void anotherKeyIsRefusedByEveryCommand() throws Exception {
    Path wrong = temporary.resolve("other.key.pub");
    Path out = temporary.resolve("never");
    refused("another key", "changed", "inspect", pack, "--verify", wrong);
    refused(
        "another key",
        "",
        "tune",
        "--package",
        pack,
        "--corpus",
        model,
        "--out",
        out,
        "--verify",
        wrong);
    refused(
        "another key",
        "",
        "plug",
        "--model",
        model,
        "--adapter",
        adapter,
        "--out",
        out,
        "--verify",
        open);
    assertThat(out).doesNotExist();
  }

  @Test
  void keysAreForTheirOwnerAloneAndNeverOverwritten() throws Exception {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(owner)))
        .isEqualTo("rw-------");
    assertThat(Files.readString(owner)).startsWith("-----BEGIN PRIVATE KEY-----\n");
    assertThat(Files.readString(open)).startsWith("-----BEGIN PUBLIC KEY-----\n");
    String before = Files.readString(owner);
    Shell.Outcome o = Shell.run("key", "--out", owner);
    assertThat(o.code()).isEqualTo(ExitCode.IO);
    assertThat(o.err()).contains("owner.key", "not overwritten");
    assertThat(Files.readString(owner)).isEqualTo(before);
    Path half = temporary.resolve("half.key");
    Files.writeString(temporary.resolve("half.key.pub"), "mine");
    assertThat(Shell.run("key", "--out", half).code()).isEqualTo(ExitCode.IO);
    assertThat(half).doesNotExist();
  }

  @Test
  void keysThatAreNoneAreRefusedBeforeTheWork() throws Exception {
    Path bad = temporary.resolve("bad.key");
    String whole = Files.readString(owner);
    emulate(bad, whole.substring(0, whole.length() / 2), "cut off");
    emulate(bad, whole.replace("MC4CAQAwBQYDK2VwBCIEI", ""), "holds no Ed25519 key");
    emulate(bad, Files.readString(open), "begins with -----BEGIN PUBLIC KEY-----");
    emulate(bad, "hello", "no PEM file");
    byte[] rsa = KeyPairGenerator.getInstance("EC").generateKeyPair().getPrivate().getEncoded();
    String ec = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(rsa);
    emulate(
        bad,
        "-----BEGIN PRIVATE KEY-----\n" + ec + "\n-----END PRIVATE KEY-----\n",
        "holds no Ed25519 key");
    refused("begins with -----BEGIN PRIVATE KEY-----", "", "inspect", pack, "--verify", owner);
  }

  private void emulate(Path key, String content, String reason) throws Exception {
    Files.writeString(key, content);
    Path out = temporary.resolve("no-package");
    refused(
        "bad.key", reason, "emulate", "--model", model, "--split", "1-1-1", "--out", out, "--sign",
        key);
    assertThat(out).doesNotExist();
  }

  private static void refused(String reason, String also, Object... words) {
    Shell.Outcome o = Shell.run(words);
    assertThat(o.code()).as(o.err()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains(reason).contains(also);
  }
}
