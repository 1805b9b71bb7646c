"""Reading alone by pyarrow, only the columns needed: python reading.py PREDS LABELS position|id CLASSES|lists"""
# mypy: ignore-errors

import sys

predictions, labels, match, classes = sys.argv[1:]
names = ["p"] if classes in ("2", "lists") else [f"c{one}" for one in range(int(classes))]
ids = ["id"] if match == "id" else []
for path, columns in ((predictions, [*ids, *names]), (labels, [*ids, "label"])):
    if path.endswith(".parquet"):
        import pyarrow.parquet as pq

        with pq.ParquetFile(path, pre_buffer=False) as file:
            for _ in file.iter_batches(1 << 16, columns=columns):
                pass
    else:
        import pyarrow.csv as pacsv

        pacsv.read_csv(path, convert_options=pacsv.ConvertOptions(include_columns=columns))
