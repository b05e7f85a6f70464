package dev.outpost.offsite.app;

import dev.outpost.offsite.federated.ClientName;
import dev.outpost.offsite.federated.FederationPlan;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** {@code outpost provision}: who may talk to whom. */
@CommandLine.Command(
    name = "provision",
    description = {
      "Owner: write a start kit for the server and one for each client of a federation's plan.",
      "A kit is a folder with its party's name, certificate and secret key, and whom it trusts. Give each client its own by a way you both trust, and keep the folder ca: with it new kits can be made, by anyone who has it."
    },
    footer = {
      "",
      "Example: outpost provision --plan federation.json --host owner.example --port 7443 --out kits"
    })
final class ProvisionCommand extends Command {
  @Option(
      names = "--plan",
      required = true,
      paramLabel = "FILE",
      description = "The federation, as JSON; see docs/federation.md.")
  Path plan;

  @Option(
      names = "--host",
      required = true,
      paramLabel = "NAME",
      description =
          "Name or address by which clients reach the server; may be given several times.")
  List<String> hosts;

  @Option(
      names = "--port",
      paramLabel = "N",
      description = "Port of the server. Default: ${DEFAULT-VALUE}.")
  int port = 7443;

  @Option(
      names = "--days",
      paramLabel = "N",
      description = "How long the certificates hold. Default: ${DEFAULT-VALUE}.")
  int days = 365;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for the kits, one folder each.")
  Path out;

  ProvisionCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    BadInput.unless(port >= 1 && port <= 65535, "--port: must be from 1 to 65535, got " + port);
    BadInput.unless(days >= 1 && days <= 36500, "--days: must be from 1 to 36500, got " + days);
    FederationPlan federation = FederationPlan.read(plan);
    List<String> clients = new ArrayList<>(federation.clients().keySet());
    clients.remove(ClientName.SERVER);
    Transports.find()
        .provision(out, federation.name(), hosts, port, clients, Duration.ofDays(days));
    console.say(
        "kits of federation "
            + federation.name()
            + " written to "
            + out
            + ", good for "
            + days
            + " days: "
            + ClientName.SERVER
            + ", "
            + String.join(", ", clients));
    console.say("keep " + out.resolve("ca") + " to yourself: who has it can make further kits");
    console.emit(
        JsonObject.create()
            .put("event", "result")
            .put("kits", out.toString())
            .put("clients", clients));
    return ExitCode.OK;
  }
}
