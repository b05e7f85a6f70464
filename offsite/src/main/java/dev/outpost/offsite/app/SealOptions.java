package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.Seal;
import dev.outpost.offsite.artifact.SigningKey;
import dev.outpost.offsite.artifact.VerifyingKey;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Who made what comes in, and who answers for what goes out. */
final class SealOptions {
  @Mixin Verifying in;
  @Mixin Signing out;

  /** Before the work: the input is whose it should be, and the key can be read. */
  void check(Path input) throws IOException {
    in.check(input);
    out.read();
  }

  void sign(Console console, Path folder) throws IOException {
    out.sign(console, folder);
  }

  /** Signing what a command writes. */
  static final class Signing {
    @Option(
        names = "--sign",
        paramLabel = "KEY",
        description =
            "Sign the result with this private key, as 'outpost key' makes it. Default: it is not signed.")
    Path key;

    private @Nullable SigningKey read;

    /** Reads the key before hours of work rather than after. */
    void read() throws IOException {
      if (key != null) read = SigningKey.read(key);
    }

    void sign(Console console, Path folder) throws IOException {
      if (read == null) return;
      Seal.sign(folder, read);
      console.note("signed with " + key);
    }
  }

  /** Verifying what a command reads. */
  static final class Verifying {
    @Option(
        names = "--verify",
        paramLabel = "PUB",
        description =
            "Refuse the package or adapter unless this public key signed it, every file of it. Default: any is taken.")
    Path verify;

    void check(@Nullable Path folder) throws IOException {
      if (verify != null && folder != null) Seal.verify(folder, VerifyingKey.read(verify));
    }
  }
}
