package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.SigningKey;
import dev.outpost.offsite.artifact.VerifyingKey;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** {@code outpost key}: what packages and adapters are signed with. */
@CommandLine.Command(
    name = "key",
    description = {
      "Make an Ed25519 key pair. FILE is the private half, readable by you alone; give FILE.pub to those who shall verify what you sign, by a way you both trust.",
      "Neither file is ever overwritten."
    },
    footer = {
      "",
      "Example: outpost key --out owner.key",
      "         outpost emulate … --sign owner.key",
      "         outpost tune --package package --verify owner.key.pub …"
    })
final class KeyCommand extends Command {
  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "Where the private key goes; its public half goes to FILE.pub.")
  Path out;

  KeyCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    BadInput.unless(out.getFileName() != null, "--out: " + out + " is no file name");
    VerifyingKey made = SigningKey.create(out);
    Path open = SigningKey.publicHalf(out);
    console.say("private key in " + out + ": keep it; whoever has it signs as you");
    console.say("public key in " + open + ", SHA-256 " + made.fingerprint());
    console.emit(
        JsonObject.create()
            .put("event", "result")
            .put("private", out.toString())
            .put("public", open.toString())
            .put("sha256", made.fingerprint()));
    return ExitCode.OK;
  }
}
