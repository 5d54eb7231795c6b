"""Aggregate crowd labels: which worker is good, and what is the answer to each task?"""

import numpy as np
import pandas as pd

from cafe import labels

draw = np.random.default_rng(0)
truth = draw.integers(0, 2, 300)
quality = {"ann": 0.95, "bob": 0.9, "cat": 0.6, "dan": 0.55, "eve": 0.5}
rows = [
    (f"task {task:03}", worker, "yes" if (draw.random() < right) == bool(truth[task]) else "no")
    for task in range(300)
    for worker, right in quality.items()
]
table = pd.DataFrame(rows, columns=["task", "worker", "label"])
answers = pd.Series(np.where(truth, "yes", "no"), index=[f"task {task:03}" for task in range(300)])
for aggregator in (labels.MajorityVote(), labels.DawidSkene(), labels.GLAD()):
    share = (aggregator.fit_predict(table) == answers).mean()
    print(f"{type(aggregator).__name__:14} {share:.3f} right")
print(labels.DawidSkene().fit(table).errors_.round(2))
