"""Mean log loss and accuracy by the shortest DuckDB query: python duckdb_query.py PREDS LABELS position|id CLASSES|lists"""
# mypy: ignore-errors

import sys

import duckdb

predictions, labels, match, classes = sys.argv[1:]
joined = "JOIN {} USING (id)" if match == "id" else "POSITIONAL JOIN {}"
rows = f"'{predictions}' " + joined.format(f"'{labels}'")

if classes == "2":
    true, hit = "CASE label WHEN 1 THEN p ELSE 1 - p END", "p_true > 0.5"
elif classes == "lists":
    true, hit = "p[label + 1]", "p_true = list_max(p)"
else:
    names = [f"c{one}" for one in range(int(classes))]
    true = f"CASE label {' '.join(f'WHEN {name!r} THEN {name}' for name in names)} END"
    hit = f"p_true = greatest({', '.join(names)})"
query = f"SELECT -avg(ln(p_true)), avg(hit::INT) FROM (SELECT {true} AS p_true, {hit} AS hit FROM {rows})"
print(*duckdb.sql(query).fetchall()[0])
