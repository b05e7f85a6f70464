"""Writes a tiny trained GPT-2, invented documents in the data sets' formats and lm-eval's figures on them.

    pip install lm-eval==0.4.13 torch==2.13.0 transformers==5.18.0 tokenizers==0.23.2 datasets==5.0.1
    python make_eval_goldens.py

lm-eval imports packages that these tasks do not use (evaluate, sqlitedict, pytablewriter, ...); empty
modules of these names serve where they cannot be installed.
"""
import importlib.metadata
import json
import os
import random
import sys
import tempfile

import datasets
import lm_eval
import tokenizers
import torch
import transformers
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
LM_EVAL = os.path.join(os.path.dirname(lm_eval.__file__), "tasks")
COUNT = 40
RNG = random.Random(7)

THINGS = ["stone", "glass", "paper", "iron nail", "feather", "cork", "candle", "ice cube", "rubber ball", "café cup"]
VERBS = ["melt", "float", "sink", "burn", "bounce", "break", "rust", "fly"]
PLACES = ["in water", "in the sun", "on a table", "near a fire", "under snow", "at 20 °C", "in the naïve test"]
NAMES = ["Ada", "Grace", "Émilie", "Blaise", "Niels", "Mária", "Ibn Sina", "Émilie du Châtelet"]


def thing():
    return RNG.choice(THINGS)


def phrase():
    return f"{RNG.choice(VERBS)} {RNG.choice(PLACES)}"


def phrases(n):
    out = []
    while len(out) < n:
        p = phrase() + RNG.choice(["", ".", " slowly", " very quickly and for a long time"])
        if p not in out:
            out.append(p)
    return out


def labelled(i):
    labels = ["1", "2", "3", "4"] if i % 5 == 0 else ["A", "B", "C", "D"]
    return {"text": phrases(4), "label": labels}, RNG.choice(labels)


def openbookqa(i):
    choices, key = labelled(i)
    return {"id": str(i), "question_stem": f"A {thing()} will" + RNG.choice(["", " "]), "choices": choices, "answerKey": key}


def piqa(i):
    a, b = phrases(2)
    return {"goal": f"How to make a {thing()} {RNG.choice(VERBS)}?", "sol1": a, "sol2": b, "label": RNG.randrange(2)}


def arc(i):
    choices, key = labelled(i)
    return {"id": str(i), "question": f"What does a {thing()} do?", "choices": choices, "answerKey": key}


def hellaswag(i):
    mark = RNG.choice(["", " [title] Tips", " [step]  Then", " [substeps]"])
    return {
        "ind": i, "activity_label": "Testing things" if i % 2 else "Home and Garden",
        "ctx_a": f"{RNG.choice(NAMES)} takes a {thing()}.{mark}", "ctx_b": RNG.choice(["", "she", "the NEXT person", "émilie"]),
        "endings": [p + mark for p in phrases(4)], "label": str(RNG.randrange(4)),
    }


def sciq(i):
    p = phrases(4)
    return {
        "question": f"Which may a {thing()} do?", "distractor1": p[0], "distractor2": p[1], "distractor3": p[2],
        "correct_answer": p[3], "support": RNG.choice(["", " A support. " + phrase(), f"All {thing()}s {p[3]}."]),
    }


def webqs(i):
    n = RNG.choice(NAMES[:6])
    answers = [n] + ([n + " Smith"] if i % 3 == 0 else []) + ([RNG.choice(NAMES)] if i % 4 == 0 else [])
    return {"url": f"http://example.org/{i}", "question": f"who saw the {thing()} {RNG.choice(PLACES)}?", "answers": answers}


def race(i):
    problems = []
    for j in range(RNG.randrange(1, 4)):
        end = RNG.choice(["?", "  _  ."])
        problems.append({"question": f"What did {RNG.choice(NAMES)}'s \"{thing()}\" do" + end, "answer": RNG.choice("ABCD"), "options": phrases(4)})
    article = " ".join(f"The {thing()} may {phrase()}." for _ in range(RNG.randrange(2, 7)))
    return {"article": article, "problems": str(problems)}


def wikitext(i):
    body = "\n ".join(
        f"The {thing()} ( also \" {thing()} \" ) may {phrase()} , {phrase()} ; it 's 1 @,@ 000 @-@ {RNG.randrange(99)} . {RNG.choice(NAMES)} 's N = = = x = = =  "
        for _ in range(RNG.randrange(1, 5)))
    return {"page": f" = {thing()} = \n \n {body}\n"}


MAKERS = {
    "openbookqa": ("openbookqa/openbookqa.yaml", openbookqa), "piqa": ("piqa/piqa.yaml", piqa),
    "arc_easy": ("arc/arc_easy.yaml", arc), "arc_challenge": ("arc/arc_challenge.yaml", arc),
    "hellaswag": ("hellaswag/hellaswag.yaml", hellaswag), "sciq": ("sciq/sciq.yaml", sciq), "webqs": ("webqs/webqs.yaml", webqs),
    "race": ("race/race.yaml", race), "wikitext": ("wikitext/wikitext.yaml", wikitext),
}


def write(path, docs):
    with open(path, "w", encoding="utf8", newline="\n") as f:
        for d in docs:
            f.write(json.dumps(d, ensure_ascii=False) + "\n")


def train(texts, folder):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    fast = PreTrainedTokenizerFast(tokenizer_object=tok, bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>")
    torch.manual_seed(5)
    model = GPT2LMHeadModel(GPT2Config(
        vocab_size=len(fast), n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=fast.bos_token_id, eos_token_id=fast.eos_token_id,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0))
    stream = torch.tensor(sum((fast.encode(t) + [fast.eos_token_id] for t in texts), []))
    blocks = stream[: len(stream) // 64 * 64].view(-1, 64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(150):
        batch = blocks[torch.randint(len(blocks), (16,))]
        loss = model(input_ids=batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("loss", loss.item())
    model.eval().save_pretrained(folder)
    fast.save_pretrained(folder)


def evaluate(model, name, source, shots=0, other=False):
    with tempfile.TemporaryDirectory() as dir:
        with open(os.path.join(dir, "task.yaml"), "w") as f:
            f.write(f"""include: {LM_EVAL}/{source}
task: local_{name}
dataset_path: json
dataset_name: null
dataset_kwargs:
  data_files:
    test: {HERE}/{name}.jsonl
    train: {HERE}/{name}.jsonl
training_split: {"train" if other else "null"}
fewshot_split: {"train" if other else "test"}
validation_split: null
test_split: test
""" + ("" if name == "wikitext" or name == "webqs" or name == "race" else """metric_list:
  - metric: acc
  - metric: acc_norm
  - metric: acc_bytes
"""))
        out = lm_eval.simple_evaluate(
            model=model, tasks=[f"local_{name}"], num_fewshot=shots, log_samples=True, bootstrap_iters=100,
            task_manager=TaskManager(include_path=dir))
    results = out["results"][f"local_{name}"]
    figures = {k.split(",")[0]: v for k, v in results.items() if isinstance(v, float)}
    samples = sorted(out["samples"][f"local_{name}"], key=lambda s: s["doc_id"])
    logs = [[float(r[0][0]) if isinstance(r[0], tuple) else float(r[0]) for r in s["resps"]] for s in samples]
    return {"shots": shots, "shots_from": "another file" if other else "the same file", "figures": figures, "log_likelihoods": logs}


if __name__ == "__main__":
    folder = os.path.join(HERE, "model")
    # With names of tasks: only these, with the model and documents as they lie.
    only = sys.argv[1:]
    if not only:
        documents = {name: [make(i) for i in range(COUNT if name != "wikitext" else 12)] for name, (_, make) in MAKERS.items()}
        for name, docs in documents.items():
            write(os.path.join(HERE, name + ".jsonl"), docs)
        texts = [f"Question: {d['goal']}\nAnswer: {d['sol1']}" for d in documents["piqa"]]
        texts += [f"Question: {d['question']}\nAnswer: {sorted(d['answers'])[0]}" for d in documents["webqs"]]
        texts += [d["page"] for d in documents["wikitext"]]
        texts += [f"{d['support']}\nQuestion: {d['question']}\nAnswer: {d['correct_answer']}" for d in documents["sciq"]]
        texts += [d["article"] for d in documents["race"]]
        train(texts, folder)
    model = HFLM(pretrained=folder, device="cpu", dtype="float32", batch_size=8)
    out = os.path.join(HERE, "golden.json")
    golden = {"tasks": {}}
    if only:
        with open(out, encoding="utf8") as f:
            golden = json.load(f)
    golden["versions"] = {m.__name__: m.__version__ for m in (torch, transformers, tokenizers, datasets)}
    golden["versions"]["lm_eval"] = importlib.metadata.version("lm_eval")
    runs = {name: (name, 0, False) for name in MAKERS}
    runs["piqa_shots"] = ("piqa", 2, False)
    runs["sciq_shots"] = ("sciq", 1, True)
    for run, (name, shots, other) in runs.items():
        if not only or run in only:
            golden["tasks"][run] = evaluate(model, name, MAKERS[name][0], shots, other)
            print(run, golden["tasks"][run]["figures"])
    with open(out, "w", encoding="utf8", newline="\n") as f:
        json.dump(golden, f, indent=1)
        f.write("\n")
