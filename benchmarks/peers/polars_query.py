"""Mean log loss and accuracy by the shortest Polars query: python polars_query.py PREDS LABELS position|id CLASSES|lists"""
# mypy: ignore-errors

import sys

import polars as pl

predictions, labels, match, classes = sys.argv[1:]
scan = pl.scan_parquet if predictions.endswith(".parquet") else pl.scan_csv
p, y = scan(predictions), scan(labels)
names = ["p"] if classes in ("2", "lists") else [f"c{one}" for one in range(int(classes))]
beside = [p.select(names), y.select("label")]
rows = p.join(y, on="id") if match == "id" else pl.concat(beside, how="horizontal")

label = pl.col("label")
if classes == "2":
    true = pl.when(label == 1).then("p").otherwise(1 - pl.col("p"))
    hit = true > 0.5
elif classes == "lists":
    true = pl.col("p").list.get(label)
    hit = pl.col("p").list.arg_max() == label
else:
    true = pl.coalesce(pl.when(label == name).then(name) for name in names)
    hit = true == pl.max_horizontal(names)
print(*rows.select(-true.log().mean(), hit.mean().alias("accuracy")).collect(engine="streaming").row(0))
