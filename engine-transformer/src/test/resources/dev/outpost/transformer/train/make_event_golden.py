"""Event files as TensorBoard's own writer makes them, and as its own reader reads ours.

pip install tensorboard==2.21.0
python make_event_golden.py                 writes golden.tfevents beside this file
python make_event_golden.py read FOLDER     prints what TensorBoard shows of a folder
"""
import pathlib, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

TIME = 1_700_000_000.25
SCALARS = [(7, "training/loss", 2.5), (8, "training/loss", float("nan")), (300, "Verlust/ä", -1e-3),
           (1 << 40, "t" * 200, float("inf")), (0, "first", 1.0)]


def golden(path):
    events = [event_pb2.Event(wall_time=TIME, file_version="brain.Event:2"),
              event_pb2.Event(wall_time=TIME, step=7,
                              session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START))]
    for step, tag, value in SCALARS:
        one = summary_pb2.Summary.Value(tag=tag, simple_value=value)
        events.append(event_pb2.Event(wall_time=TIME, step=step, summary=summary_pb2.Summary(value=[one])))
    with open(path, "wb") as f:
        writer = RecordWriter(f)
        for e in events:
            writer.write(e.SerializeToString())
        writer.flush()


def read(folder):
    runs = EventMultiplexer().AddRunsFromDirectory(folder)
    runs.Reload()
    for run in sorted(runs.Runs()):
        accumulator = EventAccumulator(str(pathlib.Path(folder, run)), size_guidance={"scalars": 0, "tensors": 0})
        accumulator.Reload()
        for tag in sorted(accumulator.Tags()["scalars"]):
            points = accumulator.Scalars(tag)
            print(run, tag, len(points), "points:", *[f"{p.step}:{p.value:.6g}" for p in points[:4]],
                  "...", *[f"{p.step}:{p.value:.6g}" for p in points[-2:]])


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        read(sys.argv[2])
    else:
        golden(pathlib.Path(__file__).with_name("golden.tfevents"))
