"""Reading alone, all columns by pyarrow, which every program has to do: python reading.py PREDS LABELS position|id"""

import sys

for path in sys.argv[1:3]:
    if path.endswith(".parquet"):
        import pyarrow.parquet as pq

        with pq.ParquetFile(path, pre_buffer=False) as file:
            for _ in file.iter_batches(1 << 16):
                pass
    else:
        import pyarrow.csv as pacsv

        pacsv.read_csv(path)
