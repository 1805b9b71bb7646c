"""Mean log loss and accuracy by pandas and scikit-learn: python pandas_sklearn.py PREDS LABELS position|id CLASSES|lists"""
# mypy: ignore-errors

import sys

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, log_loss

predictions, labels, match, classes = sys.argv[1:]
read, only = (pd.read_parquet, "columns") if predictions.endswith(".parquet") else (pd.read_csv, "usecols")
# scikit-learn wants the columns in the sorted order of the labels.
names = ["p"] if classes in ("2", "lists") else sorted(f"c{one}" for one in range(int(classes)))
if match == "id":
    rows = read(predictions).merge(read(labels), on="id", validate="one_to_one")
    p, y = rows[names], rows["label"]
else:
    p, y = read(predictions, **{only: names})[names], read(labels, **{only: ["label"]})["label"]

if classes == "2":
    p = p["p"]
    print(log_loss(y, p), accuracy_score(y, p > 0.5))
else:
    p = np.stack(p["p"]) if classes == "lists" else p.to_numpy()
    order = range(p.shape[1]) if classes == "lists" else names
    print(log_loss(y, p, labels=order), accuracy_score(y, np.asarray(order)[p.argmax(axis=1)]))
