"""The mean log loss by pandas and scikit-learn, as one writes it by hand: python pandas_sklearn.py PREDS LABELS position|id"""

import sys

import pandas as pd
from sklearn.metrics import log_loss

predictions, labels, match = sys.argv[1:]
read = pd.read_parquet if predictions.endswith(".parquet") else pd.read_csv
p, y = read(predictions), read(labels)
if match == "id":
    p = p.merge(y, on="id", validate="one_to_one")
    y = p
columns = [name for name in p.columns if name not in ("id", "label")]
print(repr(float(log_loss(y["label"], p[columns].to_numpy().squeeze()))))
