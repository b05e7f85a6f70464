#!/usr/bin/env python3
"""Kills a federation's server and parties with SIGKILL at random moments, cuts and stalls the line
between them, and compares the adapter it ends with to an undisturbed run's.

    kill_trials.py OUTPOST PLAN TEXTS OUT TRIALS [SEED]

OUTPOST is the launcher; PLAN a plan whose clients are the folders of TEXTS; OUT an empty folder. The
line goes through a proxy that, while trials run, ends connections and holds bytes back for a while.
Writes a line of JSON per trial to OUT/trials.jsonl.
"""
import hashlib, json, os, random, signal, socket, subprocess, sys, threading, time
from pathlib import Path

outpost, plan, texts, out, trials = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5])
seed = int(sys.argv[6]) if len(sys.argv) > 6 else 1
clients = [c for c in json.loads(plan.read_text())["clients"]]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Proxy:
    """Passes bytes on between PORT and the server; may cut or stall."""

    def __init__(self, target):
        self.target, self.pairs, self.stalled, self.open = target, set(), False, True
        self.cuts = self.stalls = 0
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.open:
            try:
                a, _ = self.listener.accept()
            except OSError:
                return
            b = socket.socket()
            try:
                b.connect(("127.0.0.1", self.target))
            except OSError:
                a.close()
                continue
            pair = (a, b)
            self.pairs.add(pair)
            for x, y in ((a, b), (b, a)):
                threading.Thread(target=self.pump, args=(x, y, pair), daemon=True).start()

    def pump(self, x, y, pair):
        try:
            while True:
                data = x.recv(65536)
                if not data:
                    break
                while self.stalled:
                    time.sleep(0.01)
                y.sendall(data)
        except OSError:
            pass
        for s in pair:
            try:
                s.close()
            except OSError:
                pass
        self.pairs.discard(pair)

    def cut(self):
        self.cuts += 1
        for pair in list(self.pairs):
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def stall(self, seconds):
        self.stalls += 1
        self.stalled = True
        time.sleep(seconds)
        self.stalled = False

    def close(self):
        self.open = False
        self.listener.close()
        self.cut()


class Run:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        self.server_port = free_port()
        self.proxy = Proxy(self.server_port)
        self.kills = {"server": 0, "clients": 0}
        # The kits of clients name the proxy, the server's its own port.
        subprocess.run([outpost, "provision", "--plan", plan, "--host", "localhost", "--port", str(self.proxy.port), "--out", folder / "kits", "-q"], check=True, stdout=subprocess.DEVNULL)
        kit = folder / "kits" / "server" / "kit.json"
        told = json.loads(kit.read_text())
        told["port"] = self.server_port
        kit.write_text(json.dumps(told))
        self.processes = {}

    def start(self, who):
        log = open(self.folder / f"{who}.log", "ab")
        if who == "server":
            words = ["serve", "--plan", plan, "--kit", self.folder / "kits/server", "--out", self.folder / "server", "--linger", "20"]
        else:
            words = ["join", "--kit", self.folder / "kits" / who, "--corpus", texts / who, "--out", self.folder / who]
        self.processes[who] = subprocess.Popen([outpost, *map(str, words), "--threads", "1"], stdout=log, stderr=log, start_new_session=True)

    def kill(self, who):
        p = self.processes[who]
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
            self.kills["server" if who == "server" else "clients"] += 1

    def adapter(self):
        return self.folder / "server/adapter/adapter.safetensors"

    def finish(self, disturb):
        for who in ["server", *clients]:
            self.start(who)
        began = time.time()
        while not all(p.poll() == 0 for p in self.processes.values()):
            if time.time() - began > 1800:
                raise SystemExit(f"{self.folder}: not done after half an hour")
            disturb(self, time.time() - began)
            for who, p in list(self.processes.items()):
                code = p.poll()
                if code not in (None, 0):
                    if code != -signal.SIGKILL and code != 137:
                        tail = (self.folder / f"{who}.log").read_text()[-2000:]
                        raise SystemExit(f"{who} ended with {code}:\n{tail}")
                    self.start(who)
            time.sleep(0.05)
        self.seconds = time.time() - began
        self.proxy.close()
        return hashlib.sha256(self.adapter().read_bytes()).hexdigest()


def main():
    out.mkdir(parents=True, exist_ok=True)
    calm = Run(out / "calm")
    wanted = calm.finish(lambda run, t: None)
    print(f"undisturbed: {wanted[:16]} in {calm.seconds:.0f} s", flush=True)
    same = 0
    with open(out / "trials.jsonl", "a") as lines:
        for trial in range(trials):
            r = random.Random(seed * 1000 + trial)
            # Later moments too, until as long as the undisturbed run took; then it may end in peace.
            moments = sorted(r.uniform(0.5, calm.seconds * 1.2) for _ in range(r.randint(2, 5)))

            def disturb(run, t, moments=moments, r=r):
                while moments and moments[0] < t:
                    moments.pop(0)
                    what = r.choice(["server", "client", "client", "cut", "stall"])
                    if what == "server":
                        run.kill("server")
                    elif what == "client":
                        run.kill(r.choice(clients))
                    elif what == "cut":
                        run.proxy.cut()
                    else:
                        run.proxy.stall(r.uniform(0.2, 3))

            run = Run(out / f"trial-{seed}-{trial:03d}")
            got = run.finish(disturb)
            audit = [json.loads(l) for l in (run.folder / "server/audit.jsonl").read_text().splitlines()]
            accepted = {(l["party"], l["round"]) for l in audit if l["event"] == "update-accepted"}
            line = {"trial": trial, "kills": run.kills, "cuts": run.proxy.cuts, "stalls": run.proxy.stalls,
                    "seconds": round(run.seconds, 1), "updates": len(accepted), "same": got == wanted}
            lines.write(json.dumps(line) + "\n")
            lines.flush()
            print(json.dumps(line), flush=True)
            same += got == wanted
    print(f"{same} of {trials} ended with the very bits of the undisturbed run")


main()
