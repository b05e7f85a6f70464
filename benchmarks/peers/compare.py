"""Outpost and its peers on this machine, in turns, and a table of the ratios.

  python benchmarks/peers/compare.py --only gemm            # gemm, ops, step or decode; several with commas
  python benchmarks/peers/compare.py --only step --names full-4x128,lora --rounds 2
  python benchmarks/peers/compare.py --only decode --llama 'llama-bench -m model-{weights}.gguf' --model DIR

Each turn is a process of its own: ours, then each peer, then ours again, so that what disturbs one disturbs the other and so that the
memory counted is that measurement's. Ratios above 1 mean that Outpost is faster (or, for memory, that it takes less). Peers that cannot
be imported are left out and named. Every line goes to a file under benchmarks/results as well. Needs ./outpost built; run it alone.
"""
import argparse
import datetime
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NAMES = {
    "gemm": ["gemm-1024-nn", "gemm-1024-nt", "gemm-1024-tn", "gemm-qkv-nn", "gemm-qkv-nt", "gemm-qkv-tn", "gemm-proj-nn", "gemm-fc1-nn",
             "gemm-fc1-nt", "gemm-fc1-tn", "gemm-fc2-nn", "gemm-lm_head-nt", "gemm-scores-nt", "gemm-context-nn", "gemv-fc1-nn",
             "gemv-fc1-nt", "gemv-lm_head-nt"],
    "ops": ["softmax", "layernorm", "layernorm-backward", "gelu-tanh", "gelu-tanh-backward", "silu", "add", "cross-entropy",
            "cross-entropy-gradient", "attention", "attention-backward", "adamw"],
    "step": [f"{mode}-{shape}" for mode in ("full", "ot-first2-last2", "emulator-2+4+2", "lora-r8") for shape in ("4x128", "2x512")],
    "decode": ["prefill-f32", "decode-f32", "prefill-bf16", "decode-bf16"],
}
BENCH = {"gemm": "kernels", "ops": "kernels", "step": "step", "decode": "decode"}


def lines(command, env=None):
    """The JSON lines of a process; an empty list, and the reason on standard error, when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT)
    if done.returncode:
        print(f"{shlex.join(map(str, command))[:120]}: exit {done.returncode}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return []
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]


def ours(part, names, a):
    # A name may be part of another (softmax, softmax-backward): take exactly ours.
    command = [ROOT / "outpost", "bench", BENCH[part], "--json", "-q", "--only", ",".join(names), "--threads", str(a.threads), "--rounds", str(a.inner)]
    if a.model and part in ("step", "decode"):
        command += ["--model", a.model]
    rows = lines(command)
    return {r["name"]: r for r in rows if r["name"] in names and r["threads"] == a.threads}


def theirs(peer, part, name, a):
    rows = lines([sys.executable, HERE / "peers.py", peer, name, "--part", part, "--threads", str(a.threads), "--rounds", str(a.inner)]
                 + (["--fused"] if a.fused else []))
    return rows[0] if rows else None


def llama(name, a):
    """llama-bench -o json, or anything that prints the same fields: n_prompt, n_gen, samples_ts."""
    kind, weights = name.split("-", 1)
    command = shlex.split(a.llama.replace("{weights}", weights.upper())) + ["-t", str(a.threads), "-r", str(a.inner), "-o", "json"]
    command += ["-p", "512", "-n", "0"] if kind == "prefill" else ["-p", "0", "-n", "64"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"llama: exit {done.returncode}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    samples = json.loads(done.stdout)[0]["samples_ts"]
    return dict(bench="peer", peer="llama.cpp", part="decode", name=name, threads=a.threads, median=statistics.median(samples), best=max(samples), worst=min(samples))


def importable(module):
    return subprocess.run([sys.executable, "-c", "import " + module], capture_output=True).returncode == 0


def ratio(x, y):
    """Median of the turns' ratios, and their spread."""
    all_ = sorted(p / q for p, q in zip(x, y))
    return f"{statistics.median(all_):6.2f} ({all_[0]:.2f}–{all_[-1]:.2f})" if all_ else "-"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default="gemm,ops,step,decode", help="parts, with commas")
    p.add_argument("--names", default="", help="rows whose names contain one of these, with commas")
    p.add_argument("--rounds", type=int, default=2, help="turns of ours and each peer")
    p.add_argument("--inner", type=int, default=3, help="timed rounds within a turn")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--fused", action="store_true", help="PyTorch's fused AdamW in steps (its default is not)")
    p.add_argument("--model", help="a model folder of your own for ours; then compare with --llama")
    p.add_argument("--llama", help="a llama-bench command; {weights} becomes F32, BF16, Q8_0, …")
    p.add_argument("--out", type=pathlib.Path, help="JSON lines; default benchmarks/results/peers-DATE.jsonl")
    a = p.parse_args()
    parts = a.only.split(",")
    for part in parts:
        if part not in NAMES:
            p.error(f"--only: {part}: must be among {', '.join(NAMES)}")
    peers = [m for m in ("torch", "numpy") if importable(m)]
    for missing in {"torch", "numpy"} - set(peers):
        print(f"left out: {missing} cannot be imported by {sys.executable}", file=sys.stderr)
    out = a.out or ROOT / "benchmarks" / "results" / f"peers-{datetime.date.today()}.jsonl"
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out, "a") as file:
        def keep(row, turn):
            file.write(json.dumps(dict(row, turn=turn)) + "\n")
            file.flush()

        for part in parts:
            wanted = [n for n in NAMES[part] if not a.names or any(w in n for w in a.names.split(","))]
            if a.model and part == "decode":
                wanted = [n for n in ("prefill-model", "decode-model") if not a.names or any(w in n for w in a.names.split(","))]
            # Steps and generation one process each, for their memory; kernels share one.
            groups = [[n] for n in wanted] if part in ("step", "decode") else [wanted]
            here = [x for x in peers if x == "torch" or part == "gemm"]
            if a.model and part in ("step", "decode"):
                here = []
            for group in groups:
                mine = {n: [] for n in group}
                other = {}
                for turn in range(a.rounds):
                    rows = ours(part, group, a)
                    for name in group:
                        if name not in rows:
                            continue
                        keep(rows[name], turn)
                        mine[name].append(rows[name])
                        for peer in here:
                            row = theirs(peer, part, name, a)
                            if row:
                                keep(row, turn)
                                other.setdefault((name, peer), []).append(row)
                        if a.llama and part == "decode":
                            row = llama(name, a)
                            if row:
                                keep(row, turn)
                                other.setdefault((name, "llama.cpp"), []).append(row)
                for name in group:
                    table(name, mine[name], {peer: rows for (n, peer), rows in other.items() if n == name})
    print("\nJSON lines:", out)


def table(name, mine, other):
    if not mine:
        print(f"{name:26} ours failed")
        return
    rate = statistics.median(r["median"] for r in mine)
    share = [r.get("fraction_of_peak", r.get("fraction_of_bandwidth")) for r in mine]
    limit = f"{100 * statistics.median(share):4.0f} %" if None not in share else "      "
    cells = []
    for peer, rows in other.items():
        cells.append(f"{peer} {statistics.median(r['median'] for r in rows):9.1f} ×{ratio([r['median'] for r in mine], [r['median'] for r in rows])}")
        memory = [(r.get("peak_rss_bytes"), m.get("peak_rss_bytes")) for r, m in zip(rows, mine)]
        if mine[0]["bench"] == "step" and all(x and y for x, y in memory):
            x, y = memory[0]
            cells.append(f"RSS {y / 1e6:.0f} against {x / 1e6:.0f} MB: {y / x:.2f}")
    print(f"{name:26} {rate:9.1f} {mine[0]['unit']:8} {limit}  " + "   ".join(cells), flush=True)


if __name__ == "__main__":
    main()
