package dev.outpost.wire;

import dev.outpost.offsite.federated.AuditLog;
import dev.outpost.offsite.federated.Coordinator;
import dev.outpost.offsite.federated.Federation;
import dev.outpost.offsite.federated.Transport;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;

/** Parties reach each other by gRPC over TLS 1.3, both sides showing certificates. */
public final class WireTransport implements Transport {
  /** Found as a service. */
  public WireTransport() {}

  @Override
  public void provision(
      Path folder,
      String federation,
      List<String> hosts,
      int port,
      List<String> clients,
      Duration validity)
      throws IOException {
    Provision.write(
        folder, federation, hosts, port, clients, validity, InstantSource.system().instant());
  }

  @Override
  public Coordinator connect(Path kit, Path folder) throws IOException {
    return WireCoordinator.open(
        Kit.readClient(kit, InstantSource.system()), folder, Limits.STANDARD);
  }

  @Override
  public Listening listen(Path kit, Federation federation, AuditLog log) throws IOException {
    return WireServer.start(
        Kit.readServer(kit, InstantSource.system()), Rounds.of(federation), log, Limits.STANDARD);
  }
}
