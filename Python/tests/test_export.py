"""Trained networks in other tools, and what a run's folder holds for TensorBoard."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

import cafe

ort = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module", params=["pair", "flat"])
def run(request, tmp_path_factory):
    """A run of two iterations with each kind of network."""
    folder = tmp_path_factory.mktemp("runs") / request.param
    cafe.cli("train", "--iterations", "2", "--set", "episodes.tasks=[50]", "--set", "episodes.workers=[20]",
             "--set", f"network.policy={request.param}", "--out", folder, "--threads", "1", "--quiet")
    return cafe.load(folder)


def rows(n, c, d, k):
    """Random decisions with at least one allowed action each."""
    draw = np.random.default_rng(2)
    mask = (draw.random((n, k)) < 0.6).astype(np.float32)
    mask[:, -1] = 1
    return (
        draw.standard_normal((n, c)).astype(np.float32), draw.standard_normal((n, k, d)).astype(np.float32), mask,
    )


def sizes(path):
    with safe_open(path, "numpy") as file:
        facts = file.metadata()
    return facts, int(facts["context"]), int(facts["candidate"]), int(facts["actions"])


def layers(tensors, name, x):
    """A net of tanh layers as PyTorch's Linear would run it, in double precision."""
    count = sum(key.startswith(name + ".") and key.endswith(".weight") for key in tensors)
    for layer in range(count):
        x = x @ tensors[f"{name}.{layer}.weight"].T.astype(float) + tensors[f"{name}.{layer}.bias"]
        x = np.tanh(x) if layer < count - 1 else x
    return x


def test_onnx_and_safetensors_say_what_the_library_says(run, tmp_path):
    onnx, tensors = run.export(tmp_path / "policy.onnx"), run.export(tmp_path / "policy.safetensors")
    facts, c, d, k = sizes(tensors)
    context, candidates, mask = rows(64, c, d, k)
    ours = cafe.call("policy.outputs", {
        "run": str(run.folder), "context": context.tolist(), "candidates": candidates.tolist(),
        "mask": mask.astype(int).tolist(),
    })
    logits = np.array([[np.nan if x is None else x for x in row] for row in ours["logits"]])
    allowed = mask == 1
    assert np.array_equal(~np.isnan(logits), allowed)
    odds = np.where(allowed, np.exp(logits - np.nanmax(logits, axis=1, keepdims=True)), 0)
    odds /= odds.sum(axis=1, keepdims=True)

    session = ort.InferenceSession(str(onnx))
    theirs, probabilities, value = session.run(
        ["logits", "probabilities", "value"], {"context": context, "candidates": candidates, "mask": mask})
    assert np.abs(theirs - logits)[allowed].max() < 1e-6
    assert np.abs(probabilities - odds).max() < 1e-6
    assert np.abs(value - ours["values"]).max() < 1e-6

    weights = load_file(tensors)
    seen = candidates * mask[:, :, None]
    if facts["kind"] == "pair":
        scores = layers(weights, "actor", np.concatenate([candidates, np.repeat(context[:, None], k, 1)], 2))[..., 0]
    else:
        scores = layers(weights, "actor", np.concatenate([context, seen.reshape(64, -1)], 1))
    assert np.abs(scores - logits)[allowed].max() < 1e-6
    mean = seen.sum(1) / mask.sum(1, keepdims=True)
    values = layers(weights, "critic", np.concatenate([context, mean], 1))[:, 0]
    assert np.abs(values - ours["values"]).max() < 1e-6


def test_an_exported_policy_plays_the_game(run, tmp_path):
    """The candidates of an observation lie in the file's order but for "stay", which is the last one there."""
    session = ort.InferenceSession(str(run.export(tmp_path / "policy.onnx")))
    env = cafe.parallel_env(tasks=30, workers=8)
    seen, _ = env.reset(seed=1)
    c, d, k = env.games.context_width, env.games.candidate_width, env.games.actions
    while env.agents:
        observation = np.stack([seen[a]["observation"] for a in env.agents])
        mask = np.stack([seen[a]["action_mask"] for a in env.agents]).astype(np.float32)
        order = [*range(1, k), 0]
        candidates = observation[:, c:].reshape(len(env.agents), k, d)[:, order]
        (odds,) = session.run(
            ["probabilities"], {"context": observation[:, :c], "candidates": candidates, "mask": mask[:, order]})
        actions = (odds.argmax(1) + 1) % k
        seen, *_ = env.step(dict(zip(env.agents, actions)))
    assert env.status()["illegal"] == 0 and env.status()["revenue"] > 0


def test_a_run_without_a_network_is_refused(tmp_path):
    with pytest.raises(cafe.CafeError, match="policy.ckpt"):
        cafe.cli("export", tmp_path, "--format", "onnx")


def test_tensorboard_reads_a_run(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.folder))
    events.Reload()
    table = run.metrics
    tags = events.Tags()["scalars"]
    assert tags
    for tag in tags:
        points = events.Scalars(tag)
        column = table.set_index("iteration")[tag].dropna()
        assert [point.step for point in points] == list(column.index)
        assert np.allclose([point.value for point in points], column, rtol=1e-6, equal_nan=True)
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == len(table)
