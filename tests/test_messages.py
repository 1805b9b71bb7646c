"""The exact text of every error and note. A case: files (with escapes for bytes), the call or command if it is not the usual one, the text."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

import celoss
from celoss import CelossError
from celoss.conventions import CONVENTIONS
from celoss.errors import UsageError
from celoss.files import check_targets
from celoss.report import check_metric
from tests.conftest import process

SOURCES = Path(__file__).parent.parent
FILES = {
    "preds.csv": r"id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,0.80,0.10\nc,0.20,0.20,0.60\n",
    "labels.csv": r"id,label\na,cat\nb,dog\nc,owl\n",
}
# What is wrong whatever is in the files: exit status 2.
WRONG_CALLS = {
    "E106",
    "E109",
    "E110",
    "E600",
    "E601",
    "E603",
    "E604",
    "E605",
    "E606",
    "E607",
    "E608",
    "E609",
    "E610",
    "E611",
    "E612",
    "E613",
    "E614",
    "E615",
    "E701",
    "E702",
    "E705",
}

CASES = r"""
> call: pred.csv labels.csv
error[E101]: no file at 'pred.csv'
  --> argument PREDS
  = help: did you mean 'preds.csv'?
----
> runs/a.csv: id
> runs/b.csv: id
> call: runs labels.csv
error[E102]: 'runs' is a directory
  --> argument PREDS
  = found: 2 files
  = help: name one file; to compare them all: celoss compare runs/*.csv -l LABELS
----
> preds.csv:
error[E103]: 'preds.csv' is empty
  --> preds.csv
----
> preds.csv: id,cat,dog\n
error[E103]: 'preds.csv' has a header but no rows
  --> preds.csv:1
  = help: expected one row per case; the program that wrote it may have stopped early
----
> preds.csv: version https://git-lfs.github.com/spec/v1\noid sha256:0\n
error[E104]: 'preds.csv' is not a table
  = found: bytes starting "version https://git-lfs.github.com/spec/"
  = help: this is a Git LFS pointer; fetch the data with `git lfs pull`
----
> labels.csv: id,label\na,cat\nb,d\xf6g\nc,owl\n
error[E105]: 'labels.csv' is not UTF-8
  --> labels.csv:3, column "label"
  = found: "d\xf6g"
  = help: if it is Windows-1252 or Latin-1, convert: iconv -f WINDOWS-1252 -t UTF-8 labels.csv > utf8.csv
----
> call: - -
error[E106]: both inputs are standard input
  --> arguments PREDS and LABELS
  = help: only one of them can be '-'; write the other to a file
----
> preds.csv: \x1f\x8b\x08\0\0\0\0
error[E108]: 'preds.csv' is a damaged or incomplete gzip-compressed file
  --> preds.csv
  = found: Truncated compressed stream
----
> call: preds.csv preds.csv
error[E109]: both inputs are 'preds.csv'
  --> arguments PREDS and LABELS
  = help: when the labels are a column of the predictions, give the file once
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,0.80\nc,0.20,0.60\n
error[E201]: line 3 has 3 fields, the header has 4
  --> preds.csv:3
  1 | id,cat,dog,owl
  3 | b,0.10,0.80
  = 1 more: line 4 (3 fields)
  = help: the line may be cut off, or a value holds a line break that is not quoted
----
> labels.csv: id,label\na,cat\nb,dog,brown\nc,owl\n
error[E201]: line 3 has 3 fields, the header has 2
  --> labels.csv:3
  1 | id,label
  3 | b,dog,brown
  = help: an unquoted comma inside a value does this, or a missing column name; quote such values with "
----
> preds.csv: id;cat;dog\na;0.7;0.3\n
> with: {"input_format": "csv"}
error[E202]: 'preds.csv' has one column, 'id;cat;dog'
  --> preds.csv:1
  = help: the fields are separated by ';'. Add --input-format 'csv:;'
----
> preds.csv: id,cat,cat\na,0.7,0.3\n
error[E203]: two columns are called "cat"
  --> preds.csv:1
  = found: columns 2 and 3
  = help: give every column its own name
----
> preds.csv: a,0.7,0.2,0.1\nb,0.1,0.8,0.1\n
error[E204]: the header of preds.csv looks like data
  --> preds.csv:1
  1 | a,0.7,0.2,0.1
  = found: 3 numbers among 4 column names
  = help: add a first line with a name for every column, such as id,cat,dog
----
> preds.csv: p_no,p_yes\n0.4,0.6\n0.7,0.3\n
> labels.csv: yes\nno\nyes\n
error[E204]: the header of labels.csv looks like data
  --> labels.csv:1
  1 | yes
  = found: "yes" is a label as well
  = help: add a first line with a name for every column, such as id,label
----
> preds.csv: 0\n0.4\n0.6\n
error[E204]: the header of preds.csv looks like data
  --> preds.csv:1
  1 | 0
  = found: 1 number among 1 column name
  = help: if 0 is no value but the name that pandas makes up, replace it by a name; else add a first line with a name for every column, such as id,cat,dog
----
> with: {"id": "ID"}
error[E205]: no column "ID" in preds.csv
  --> option --id ID
  = found columns: id, cat, dog, owl
  = help: did you mean --id id?
----
> preds.jsonl: {"id": "a", "cat": 0.5, "dog": 0.5, "owl": 0}\n[0.5, 0.5]\n
> call: preds.jsonl labels.csv
error[E206]: line 2 is not a JSON object
  --> preds.jsonl:2
  2 | [0.5, 0.5]
  = found: a JSON list
  = help: JSON Lines has one object per line, such as {"id": "a", "p": 0.5}
----
> preds.csv: id,cat,dog,owl\na,"0.70,0.20,0.10\nb,0.10,0.80,0.10\nc,0.20,0.20,0.60\n
error[E207]: a quote " is opened and not closed
  --> preds.csv:2
  2 | a,"0.70,0.20,0.10
  = found: a value that goes on to the end of the file
  = help: close it; a quote that belongs to a value is written "" inside quotes
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,0.80,0.1\0\nc,0.20,0.20,0.60\n
error[E207]: line 3 of 'preds.csv' holds NUL bytes
  --> preds.csv:3
  3 | b,0.10,0.80,0.1\x00
  = help: the file is damaged, or no text
----
> call: https://example.org/preds.csv labels.csv
error[E107]: 'https://example.org/preds.csv' is an address, and celoss reads only files
  --> argument PREDS
  = help: fetch it first: curl -sSfL https://example.org/preds.csv | celoss eval - labels.csv
----
> labels.csv: label\ncat\n
error[E301]: preds.csv has 3 rows, labels.csv has 1
  --> preds.csv
  = found: no column in common, so rows are matched by position
  = help: put the same id column in both files, or name it: --id NAME (--id A=B where the names differ)
----
> preds.csv: id,cat,dog,owl\nb,0.10,0.80,0.10\n
error[E302]: 2 labelled rows have no prediction
  --> labels.csv:2, id "a"
  = 1 more: line 4, id "c"
  = help: every row of labels.csv needs a prediction; to score only the rows in both files: --id-match inner
----
> labels.csv: id,label\na,cat\nb ,dog\nc,owl\n
error[E302]: 1 labelled row has no prediction
  --> labels.csv:3, id "b "
  = found: "b" in preds.csv and "b " in labels.csv differ only in spaces around it
  = help: write these ids alike in both files

error[E303]: 1 prediction has no label
  --> preds.csv:3, id "b"
  = help: write these ids alike in both files
----
> labels.csv: id,label\na,cat\nc,owl\n
error[E303]: 1 prediction has no label
  --> preds.csv:3, id "b"
  = help: every row of preds.csv needs a label; to score only the rows in both files: --id-match inner
----
> labels.csv: id,label\na,cat\nb,dog\nc,owl\na,dog\nb,dog\nc,dog\na,dog\n
error[E304]: id "a" occurs twice in labels.csv
  --> labels.csv:5, id "a"
  = 3 more: line 6, id "b"; line 7, id "c"; and 1 not shown
  = first at labels.csv:2
  = help: keep one row per id in labels.csv
----
> preds.csv: id,p\n1,0.5\n2,0.5\n
> labels.csv: id,label\n001,1\n002,0\n
error[E305]: no id of preds.csv is in labels.csv
  --> preds.csv:2, id "1"
  = found: "1", "2" in preds.csv and "001", "002" in labels.csv
  = help: the ids differ by leading zeros; a spreadsheet may have removed them. Write both alike
----
> preds.csv: id,fold,p\n1,1,0.5\n2,1,0.5\n
> labels.csv: id,fold,label\n1,1,1\n2,1,0\n
error[E306]: which column matches the rows?
  --> labels.csv:1
  = found "id", "fold" in both files
  = help: choose one: --id id   or all of them together: --id id --id fold
----
> preds.csv: ID,p\n1,0.5\n2,0.5\n
> labels.csv: id,label\n2,1\n1,0\n
error[E306]: which column matches the rows?
  --> labels.csv:1
  = found "ID" in preds.csv and "id" in labels.csv, which look alike
  = help: if they are ids: --id ID=id; to match by the order of rows: --id '#'
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\n,0.10,0.80,0.10\n
> labels.csv: id,label\na,cat\n
error[E307]: 1 id is empty
  --> preds.csv:3, column "id"
  3 | ,0.10,0.80,0.10
    | ^
  = help: give every row an id, or match by row order: --id '#'
----
> preds.csv: id,cat,dog,owl\na,0.70,,0.10\nb,,0.80,0.10\nc,0.20,0.20,\n
> with: {"missing": "drop"}
error[E308]: no row is left to score
  --> preds.csv
  = found: 3 rows with a missing value
  = help: run it without --missing drop to see where
----
> preds.csv: id,cat,dog,owl\na,0.70,,0.10\nb,0.10,0.80,0.10\nc,0.20,0.20,0.60\n
> labels.csv: id,label\nx,cat\na,dog\n
> with: {"missing": "drop", "id_match": "inner"}
error[E308]: no row is left to score
  --> preds.csv
  = found: 1 row with a missing value
  = found: 2 predictions without a label
  = help: run it without --missing drop and --id-match inner to see where
----
> labels.csv: id,kind,site\na,cat,dog\nb,dog,cat\nc,owl,owl\n
error[E401]: which column holds the label?
  --> labels.csv:1
  = found columns: id, kind, site
  = help: say which: --label kind   or --label site
----
> labels.csv: id,guess\na,cat\nb,dog\nc,owl\n
error[E401]: which column holds the label?
  --> labels.csv:1
  = found columns: id, guess
  = help: "guess" sounds like the answer of the model; if it is the truth: --label guess
----
> call: preds.csv
error[E401]: which column holds the label?
  --> preds.csv:1
  = found columns: id, cat, dog, owl
  = help: give the labels file as the second argument, or name the column: --label NAME
----
> preds.csv: id,label\na,cat\nb,dog\n
> labels.csv: id,cat,dog\na,0.7,0.3\nb,0.4,0.6\n
error[E401]: which column holds the label?
  --> labels.csv:1
  = found columns: id, cat, dog
  = help: the two files look swapped: the predictions come first, then the labels
----
> labels.csv: id,label\na,cat\nb,bird\nc,cow\n
error[E402]: label "bird" is not one of the predicted classes
  --> labels.csv:3, column "label"
  = 1 more: line 4, column "label" (cow)
  = found 2 rows with such labels; predicted classes: cat, dog, owl
  = help: add a column "bird" to preds.csv, or fix the label
----
> labels.csv: id,label\na,cat\nb,Dog\nc,owl\n
error[E402]: label "Dog" is not one of the predicted classes
  --> labels.csv:3, column "label"
  = found 1 row with such labels; predicted classes: cat, dog, owl
  = help: the class "dog" differs from it only in upper and lower case; write both alike
----
> labels.csv: id,label\na,x\nb,y\nc,z\n
error[E402]: label "x" is not one of the predicted classes
  --> labels.csv:2, column "label"
  = found labels: x, y, z; predicted classes: cat, dog, owl
----
> labels.csv: id,label\na,0\nb,1\nc,2\n
> with: {"classes": {"0": "cat", "1": "dog"}}
error[E402]: label "2" is not one of the predicted classes
  --> labels.csv:4, column "label"
  = found 1 row with such labels; predicted classes: cat, dog, owl
  = help: say what it means as well: --classes …,2=CLASS
----
> preds.csv: id,x,y\na,0.5,0.2\nb,0.5,0.2\nc,0.5,0.2\n
error[E402]: label "cat" is not one of the predicted classes
  --> labels.csv:2, column "label"
  = found labels: cat, dog, owl; columns of numbers: x, y
  = help: name every probability column after its class
----
> labels.csv: id,label\na,cat\nb,\nc,  \n
error[E403]: 2 labels are empty
  --> labels.csv:3, column "label"
  3 | b,
    |   ^
  = 1 more: line 4, column "label" (  )
  = help: give every row a label, or leave such rows out: --missing drop
----
> labels.csv: id,label\na,\nb,\nc,\n
error[E403]: all labels are empty
  --> labels.csv:1, column "label"
  = help: choose another column: --label NAME
----
> preds.csv: id,score\na,0.5\nb,0.5\nc,0.5\n
> labels.csv: id,label\na,stay\nb,churn\nc,stay\n
error[E404]: which class is the positive one?
  --> preds.csv:1, column "score"
  = found labels: churn (1), stay (2)
  = help: say what "score" is the probability of: --positive stay   or --positive churn
----
> preds.csv: id,score\na,0.5\nb,0.5\nc,0.5\n
> labels.csv: id,label\na,1\nb,NA\nc,1\n
error[E404]: which class is the positive one?
  --> preds.csv:1, column "score"
  = found labels: 1 (2), NA (1)
  = help: if "NA" is no class but a missing label: --missing drop
----
> preds.csv: id,cat,dog,owl,age\na,0.70,0.20,0.20,31.5\nb,0.10,0.90,0.10,44.0\nc,0.20,0.20,0.70,9.25\n
error[E405]: 1 column of preds.csv is not a class
  --> preds.csv:1
  = found: "age"; labels: cat, dog, owl
  = help: name the class columns: --pred cat,dog,owl
----
> labels.csv: id,label\na,0\nb,1\nc,2\n
error[E406]: labels are numbers, the columns are names
  --> labels.csv:2, column "label"
  = found labels 0 to 2; columns cat, dog, owl
  = help: if 0 means cat, 1 means dog, 2 means owl: --classes 0=cat,1=dog,2=owl
----
> preds.csv: id,no,yes\na,0.5,0.5\nb,0.5,0.5\n
> labels.csv: id,label\na,1\nb,0\n
error[E406]: labels and columns name two classes in different words
  --> labels.csv:2, column "label"
  = found labels 1, 0; columns no, yes
  = help: if they mean the same: --classes 0=no,1=yes
----
> preds.csv: id,x,y\na,0.5,0.2\nb,0.5,0.2\n
> labels.csv: id,label\na,0\nb,1\n
error[E407]: which column holds the probabilities?
  --> preds.csv:1
  = found "x", "y"; labels: 0, 1
  = help: say which: --pred x   or --pred y
----
> preds.csv: id,x_cat,x_dog,w_cat,w_dog\na,0.5,0.5,0.1,0.9\nb,0.5,0.5,0.2,0.8\n
> labels.csv: id,label\na,cat\nb,dog\n
error[E407]: two sets of columns could be the probabilities
  --> preds.csv:1
  = found x_cat,x_dog
  = found w_cat,w_dog
  = help: choose one: --pred w_cat,w_dog
----
> preds.csv: id,confidence\na,0.5\nb,0.5\n
> labels.csv: id,label\na,0\nb,1\n
error[E407]: "confidence" may be the probability of the predicted class, not of the positive one
  --> preds.csv:1
  = help: if it is the probability of the positive class: --pred confidence   if it is that of the predicted class: write one column per class
----
> preds.csv: id,score\na,0.5\nb,0.5\nc,0.5\n
error[E408]: 3 labels, but one probability column
  --> labels.csv:1, column "label"
  = found labels: cat, dog, owl; probability column "score"
  = help: one column fits two classes; more classes need one column each
----
> labels.csv: id,x,y,z\na,1,0,0\nb,0,1,0\nc,0,0,1\n
> with: {"label": ["x", "y", "z"]}
error[E409]: 3 label columns and 3 probability columns do not pair by name
  --> preds.csv:1
  = found labels x, y, z; probabilities cat, dog, owl
  = help: name them in pairs, such as prob_cat and cat, or choose: --pred A,B --label A,B
----
> labels.csv: id,cat,dog\na,1,0\nb,0,1\nc,0,0\n
error[E409]: 2 label columns and 3 probability columns do not pair by name
  --> preds.csv:1
  = found labels cat, dog; probabilities cat, dog, owl
  = help: rows sum to 1 only with "owl"; every class needs a label column, 0 in rows of other classes
----
> preds.csv: id,p\na,0.9\nb,0.4\nc,0.6\n
> labels.csv: id,share\na,0.75\nb,0.5\nc,0.5\n
error[E404]: which class is the positive one?
  --> preds.csv:1, column "p"
  = found labels: 0.5 (2), 0.75 (1)
  = help: if they are shares of the positive class (0.5 for a tie): --task soft
----
> preds.csv: id,p\na,0.9\nb,0.4\nc,0.6\n
> labels.csv: id,share\na,1\nb,0.5\nc,0\n
error[E408]: 3 labels, but one probability column
  --> labels.csv:1, column "share"
  = found labels: 1, 0.5, 0; probability column "p"
  = help: if they are shares of the positive class (0.5 for a tie): --task soft
----
> preds.csv: id,text\na,x\nb,y\nc,z\n
error[E410]: no column of preds.csv holds probabilities
  --> preds.csv:1
  = found columns: id, text
----
> labels.csv: id,cat,dog,owl\na,1,0,0\nb,1,1,0\nc,0,0,1\n
> with: {"label": ["cat", "dog", "owl"]}
error[E411]: 1 row does not have a 1 in exactly one label column and 0 elsewhere
  --> labels.csv:3
  3 | b,1,1,0
  = label columns: cat, dog, owl
  = help: one true class has a 1 in its column and 0 in the others; if the labels are independent: --task multilabel; if several share a row: --normalize-labels
----
> labels.csv: id,cat,dog,owl\na,0.5,0.25,0.25\nb,0.5,0.25,0.75\nc,0.25,0.25,0.75\n
error[E414]: the label columns hold numbers that do not sum to 1
  --> labels.csv:1, column "cat"
  = found label columns cat, dog, owl and a row that sums to 1.5
  = help: if they are independent labels: --task multilabel
----
> labels.csv: id,cat,dog,owl\na,3,0,0\nb,2,2,0\nc,1,1,5\n
error[E414]: the label columns hold numbers that do not sum to 1
  --> labels.csv:1, column "cat"
  = found label columns cat, dog, owl and a row that sums to 3
  = help: if they are counts: --normalize-labels
----
> labels.csv: id,cat,dog,owl\na,0.50,0.25,0.25\nb,0.50,0.25,0.75\nc,0.25,0.25,0.50\n
error[E412]: the labels of 1 row do not sum to 1
  --> labels.csv:3
  3 | b,0.50,0.25,0.75
  = found a sum of 1.5; expected 1 within 0.015
  = help: if they are counts: --normalize-labels
----
> labels.csv: id,cat,dog,owl\na,3,0,0\nb,0,0,0\nc,0,0,0\n
> with: {"normalize_labels": true}
error[E412]: the labels of 2 rows cannot be divided by their sum
  --> labels.csv:3
  3 | b,0,0,0
  = 1 more: line 4 (0.0)
  = found a sum of 0.0
  = help: give every row a label
----
> labels.csv: id,cat,dog,owl\na,0.5,0.25,0.25\nb,1.5,0.25,-0.75\nc,0.2,0.2,0.6\n
error[E413]: "1.5" is not a label
  --> labels.csv:3, column "cat"
  3 | b,1.5,0.25,-0.75
    |   ^^^
  = 1 more: line 3, column "owl" (-0.75)
  = help: a label share is between 0 and 1; if these are counts: --normalize-labels
----
> labels.csv: id,cat,dog,owl\na,3,0,0\nb,-1,0,1\nc,0,2,2\n
> with: {"normalize_labels": true}
error[E413]: "-1" is not a label
  --> labels.csv:3, column "cat"
  3 | b,-1,0,1
    |   ^^
  = help: a count is 0 or more
----
> labels.csv: id,cat,dog,owl\na,1,0.5,0\nb,-1,0,1\nc,0,1,1\n
> with: {"task": "multilabel"}
error[E413]: "-1" is not a label
  --> labels.csv:3, column "cat"
  3 | b,-1,0,1
    |   ^^
  = help: an independent label is between 0 and 1
----
> preds.csv: id,cat,dog,owl\na,0.7,0.9,0.1\nb,0.1,0.8,0.6\nc,0.2,0.9,0.6\n
> labels.csv: id,cat,dog,owl\na,1,1,0\nb,2,0,1\nc,0,0,0\n
error[E413]: "2" is not a label
  --> labels.csv:3, column "cat"
  3 | b,2,0,1
    |   ^
  = help: an independent label is 0 or 1
----
> labels.csv: id,cat,dog,owl\na,1,0,0\nb,0,1,0\nc,2,1,0\n
> with: {"task": "soft"}
error[E413]: "2" is not a label
  --> labels.csv:4, column "cat"
  4 | c,2,1,0
    |   ^
  = help: a label share is between 0 and 1; if these are counts: --normalize-labels
----
> labels.csv: id,cat,dog,owl\na,0.5,0.5,0\nb,,0.5,0.5\nc,0,1,0\n
error[E403]: 1 label is empty
  --> labels.csv:3, column "cat"
  3 | b,,0.5,0.5
    |   ^
  = help: give every row a label, or leave such rows out: --missing drop
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,n/a,0.10\nc,,0.20,0.60\n
error[E501]: "n/a" is not a number
  --> preds.csv:3, column "dog"
  3 | b,0.10,n/a,0.10
    |        ^^^
  = help: if it is a missing value, leave such rows out: --missing drop   or score a uniform forecast: --missing uniform

error[E502]: 1 probability is missing
  --> preds.csv:4, column "cat"
  4 | c,,0.20,0.60
    |   ^
  = help: the model produced NaN or wrote nothing; fill them, or leave such rows out: --missing drop   or score a uniform forecast: --missing uniform
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,zero,0.10\nc,0.2,0.2,0.6\n
error[E501]: "zero" is not a number
  --> preds.csv:3, column "dog"
  3 | b,0.10,zero,0.10
    |        ^^^^
  = help: give every row a probability for every class (0 is allowed)
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,"0,80",0.10\nc,0.2,0.2,0.6\n
error[E501]: "0,80" is not a number
  --> preds.csv:3, column "dog"
  3 | b,0.10,"0,80",0.10
    |        ^^^^^^
  = help: write a decimal point, not a comma: 0.80
----
> preds.csv: id,p\na,50%\nb,20%\n
> labels.csv: id,label\na,1\nb,0\n
error[E501]: "50%" is not a number
  --> preds.csv:2, column "p"
  = help: write the share, not the percentage: 0.5 for 50%
----
> preds.csv: id,cat,dog,owl\na,70,20,10\nb,10,80,10\nc,20,20,60\n
error[E503]: 9 probabilities are outside 0 to 1
  --> preds.csv:2, column "cat"
  2 | a,70,20,10
    |   ^^
  = 8 more: line 2, column "dog" (20); line 2, column "owl" (10); and 6 not shown
  = help: these are percentages; divide by 100, or add --renormalize
----
> preds.csv: id,cat,dog,owl\na,2.1,-1,0.1\nb,-2,3.5,1.5\nc,-0.5,-1,4\n
> with: {"scale": "probs"}
error[E503]: 8 probabilities are outside 0 to 1
  --> preds.csv:2, column "cat"
  2 | a,2.1,-1,0.1
    |   ^^^
  = 7 more: line 2, column "dog" (-1); line 3, column "cat" (-2); and 5 not shown
  = help: for raw model scores add --from logits
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.1,1.8,0.1\nc,0.20,0.20,-0.6\n
error[E503]: 2 probabilities are outside 0 to 1
  --> preds.csv:3, column "dog"
  3 | b,0.1,1.8,0.1
    |       ^^^
  = 1 more: line 4, column "owl" (-0.6)
----
> preds.csv: id,cat,dog,owl\na,7,2,1\nb,-1,8,3\nc,1,1,inf\n
> with: {"scale": "probs", "renormalize": true}
error[E503]: 2 probabilities are below 0 or infinite
  --> preds.csv:3, column "cat"
  3 | b,-1,8,3
    |   ^^
  = 1 more: line 4, column "owl" (inf)
----
> preds.csv: id,cat,dog,owl\na,2.1,-1,0.1\nb,-2,inf,1.5\nc,-inf,-inf,-inf\n
error[E503]: 4 logits are infinite
  --> preds.csv:3, column "dog"
  3 | b,-2,inf,1.5
    |      ^^^
  = 3 more: line 4, column "cat" (-inf); line 4, column "dog" (-inf); and 1 not shown
----
> preds.csv: id,cat,dog,owl\na,-0.1,-3,0.1\nb,-1.1,-1.1,-1.1\nc,-inf,-inf,-inf\n
> with: {"scale": "logprobs"}
error[E503]: 1 log-probability is above 0
  --> preds.csv:2, column "owl"
  2 | a,-0.1,-3,0.1
    |           ^^^

error[E504]: 1 row does not sum to 1
  --> preds.csv:4
  4 | c,-inf,-inf,-inf
  = found a sum of exponentials of 0; expected 1 within 0.05
  = help: if the classes are cat, dog, owl and no others: --renormalize; if not, name them: --pred A,B
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.25,0.25,0.25\nc,0.20,0.20,0.60\n
error[E504]: 1 row does not sum to 1
  --> preds.csv:3
  3 | b,0.25,0.25,0.25
  = found a sum of 0.75; expected 1 within 0.001, or 0.015 for rows rounded to 2 decimals
  = help: if the classes are cat, dog, owl and no others: --renormalize; if not, name them: --pred A,B
----
> preds.csv: id,cat,dog,owl\na,7,2,1\nb,0,0,0\nc,2,2,6\n
> with: {"renormalize": true}
error[E504]: 1 row cannot be divided by its sum
  --> preds.csv:3
  3 | b,0,0,0
  = found a sum of 0.0
  = help: give some class of every row a probability above 0
----
> preds.csv: id,cat,dog,owl\na,-1.1,-1.1,-1.1\nb,-0.5,-0.5,-2\nc,-2,-2,-0.3\n
> with: {"scale": "logprobs"}
error[E504]: 1 row does not sum to 1
  --> preds.csv:3
  3 | b,-0.5,-0.5,-2
  = found a sum of exponentials of 1.34839660266; expected 1 within 0.05
  = help: if the classes are cat, dog, owl and no others: --renormalize; if not, name them: --pred A,B
----
> preds.csv: id,cat,dog,owl\na,0.7,0.9,0.1\nb,0.1,0.8,0.6\nc,0.2,0.9,0.6\n
> labels.csv: id,cat,dog,owl\na,0,1,0\nb,0,1,0\nc,0,0,1\n
error[E504]: 3 rows do not sum to 1
  --> preds.csv:2
  2 | a,0.7,0.9,0.1
  = 2 more: line 3 (1.5); line 4 (1.7000000000000002)
  = found a sum of 1.7000000000000002; expected 1 within 0.001, or 0.15 for rows rounded to 1 decimal
  = help: if the labels are independent of each other: --task multilabel; if not: --renormalize
----
> preds.csv: id,prediction\na,cat\nb,cat\nc,owl\n
error[E505]: preds.csv holds class names, not probabilities
  --> preds.csv:2, column "prediction"
  = help: log loss needs probabilities: write the output of predict_proba, not of predict
----
> labels.csv: id,label,w\na,cat,1\nb,dog,-1\nc,owl,\n
> with: {"weights": "w"}
error[E506]: 2 weights are missing, negative or out of range
  --> labels.csv:3, column "w"
  3 | b,dog,-1
    |       ^^
  = 1 more: line 4, column "w" (empty)
  = found: "-1"
  = help: a weight is 0, which leaves the row out, or a number from 1e-60 to 1e60
----
> labels.csv: id,label,w\na,cat,1\nb,dog,\nc,owl,1\n
> with: {"weights": "w"}
error[E506]: 1 weight is missing, negative or out of range
  --> labels.csv:3, column "w"
  3 | b,dog,
    |       ^
  = found: nothing
  = help: a weight is 0, which leaves the row out, or a number from 1e-60 to 1e60
----
> preds.csv: id,cat,dog,owl,w\na,0.70,0.20,0.10,2\nb,0.10,0.80,0.10,inf\nc,0.20,0.20,0.60,1e-101\n
> with: {"weights": "w"}
error[E506]: 2 weights are missing, negative or out of range
  --> preds.csv:3, column "w"
  3 | b,0.10,0.80,0.10,inf
    |                  ^^^
  = 1 more: line 4, column "w" (1e-101)
  = found: "inf"
  = help: a weight is 0, which leaves the row out, or a number from 1e-60 to 1e60
----
> labels.csv: id,label,w\na,cat,0\nb,dog,0\nc,owl,0\n
> with: {"weights": "w"}
error[E506]: all weights are 0
  --> labels.csv, column "w"
  = help: give at least one row a weight above 0
----
> labels.csv: id,label\na,cat\nb,cat\nc,cat\n
> with: {"class_weights": {"cat": 0, "dog": 2}}
error[E506]: all rows have the weight 0
  --> option --class-weights
  = help: give some of these classes a weight above 0: cat
----
> labels.csv: id,label,w\na,cat,1\nb,dog,heavy\nc,owl,1\n
> with: {"weights": "w"}
error[E501]: "heavy" is not a number
  --> labels.csv:3, column "w"
  3 | b,dog,heavy
    |       ^^^^^
  = help: give every row a weight, or choose another column than "w": --weights NAME
----
> preds.csv: id,cat,dog,owl\na,2.1,-1,0.1\nb,-2,,1.5\nc,-1,2,x\n
error[E501]: "x" is not a number
  --> preds.csv:4, column "owl"
  4 | c,-1,2,x
    |        ^
  = help: give every row a logit for every class

error[E502]: 1 logit is missing
  --> preds.csv:3, column "dog"
  3 | b,-2,,1.5
    |      ^
  = help: the model produced NaN or wrote nothing; fill them, or leave such rows out: --missing drop   or score a uniform forecast: --missing uniform
----
> preds.csv: id,logit_cat,logit_dog\na,0.7,0.3\nb,0.2,0.8\nc,0.2,0.8\n
> labels.csv: id,label\na,cat\nb,dog\nc,dog\n
error[E508]: are these probabilities or logits?
  --> preds.csv:1, column "logit_cat"
  = found "logit_cat", "logit_dog" with values from 0.2 to 0.8, which fit both
  = help: say which: --from probs   or --from logits
----
> preds.csv: id,logprob_cat,logprob_dog\na,0.7,0.3\nb,0.2,0.8\nc,0.2,0.8\n
> labels.csv: id,label\na,cat\nb,dog\nc,dog\n
error[E508]: are these probabilities or log-probabilities?
  --> preds.csv:1, column "logprob_cat"
  = found "logprob_cat", "logprob_dog" with values from 0.2 to 0.8, which fit both
  = help: say which: --from probs   or --from logprobs
----
> preds.csv: id,cat,dog\na,-0.5,-1.2\nb,-1.5,-0.4\nc,-0.4,-1.75\n
> labels.csv: id,label\na,cat\nb,dog\nc,dog\n
error[E508]: are these logits or log-probabilities?
  --> preds.csv:1, column "cat"
  = found "cat", "dog" with values from -1.75 to -0.4, which fit both
  = help: say which: --from logits   or --from logprobs
----
> preds.csv: id,logit\na,0.3\nb,0.5\nc,0.9\n
> labels.csv: id,label\na,1\nb,0\nc,1\n
error[E508]: are these probabilities or logits?
  --> preds.csv:1, column "logit"
  = found "logit" with values from 0.3 to 0.9, which fit both
  = help: say which: --from probs   or --from logits
----
> preds.csv: id,p\na,-3\nb,-0.5\nc,-1\n
> labels.csv: id,label\na,1\nb,0\nc,1\n
error[E508]: are these logits or log-probabilities?
  --> preds.csv:1, column "p"
  = found "p" with values from -3 to -0.5, which fit both
  = help: say which: --from logits   or --from logprobs
----
> preds.jsonl: {"id": 1, "p": [0.5, 0.5]}\n{"id": 2, "p": [1]}\n
> labels.csv: id,label\n1,0\n2,1\n
> call: preds.jsonl labels.csv
error[E507]: 1 row does not have a probability for each class
  --> preds.jsonl:2, column "p"
  2 | {"id": 2, "p": [1]}
    |                ^^^
  = found 1 number; the first list has 2
  = help: every list needs the same length, one number per class
----
> with: {"input_format": "xls"}
error[E603]: no input format 'xls'
  --> option --input-format xls
  = formats: csv, tsv, jsonl, parquet, arrow, npy; csv:X for fields separated by X
----
> with: {"eps": 1.5}
error[E604]: --eps cannot be 1.5
  --> option --eps 1.5
  = help: eps is a probability: 0 or more and below 1
----
> with: {"positive": "cat"}
error[E605]: --positive cannot be cat
  --> option --positive cat
  = help: it is for two classes; the classes are cat, dog, owl
----
> with: {"convention": "sklern"}
error[E606]: no rule of another tool is called sklern
  --> option --as sklern
  = rules: RULES
  = help: did you mean --as sklearn?
----
> with: {"convention": "nothing"}
error[E606]: no rule of another tool is called nothing
  --> option --as nothing
  = rules: RULES
----
> labels.csv: id,cat,dog,owl\na,1,0,1\nb,1,1,0\nc,0,0,1\n
> with: {"task": "multilabel", "positive": "cat"}
error[E605]: --positive cannot be cat
  --> option --positive cat
  = help: it is for two classes; these labels are independent
----
> with: {"weights": "w"}
error[E205]: no column "w" in labels.csv or preds.csv
  --> option --weights w
  = found columns: id, label, cat, dog, owl
----
> with: {"by": "lable"}
error[E205]: no column "lable" in labels.csv or preds.csv
  --> option --by lable
  = found columns: id, label, cat, dog, owl
  = help: did you mean --by label?
----
> with: {"by": ["id", "id"]}
error[E604]: --by cannot be id,id
  --> option --by id,id
  = help: it names "id" twice
----
> with: {"rows_path": "rows.xls"}
error[E701]: don't know how to write 'rows.xls'
  --> option --rows rows.xls
  = help: use one of .csv .jsonl .parquet
----
> with: {"rows_path": "out/rows.csv"}
error[E702]: cannot write 'out/rows.csv': the folder 'out' does not exist
  --> option --rows out/rows.csv
  = help: mkdir -p out
----
> preds.csv: id,class,p\na,cat,0.7\na,dog,0.3\nb,cat,0.2\nc,cat,0.4\nc,dog,0.6\n
> labels.csv: id,label\na,cat\nb,dog\nc,dog\n
error[E509]: 1 case has no row for some class
  --> preds.csv:4, id "b"
  = found: "b" has no row for class "dog"
  = help: in the long form each case has one row for every class (a probability of 0 is allowed)
----
> preds.csv: id,class,p\na,cat,0.7\na,dog,0.3\nb,cat,0.2\nb,dog,0.8\nb,dog,0.8\nc,cat,0.4\nc,dog,0.6\n
> labels.csv: id,label\na,cat\nb,dog\nc,dog\n
error[E510]: class "dog" occurs twice in a case
  --> preds.csv:6, column "class"
  6 | b,dog,0.8
    |   ^^^
  = help: in the long form each case has one row for every class
----
> preds.csv: id,class,p\na,cat,0.7\na,dog,0.3\nb,,0.2\nb,dog,0.8\nc,cat,0.4\nc,dog,0.6\n
> labels.csv: id,label\na,cat\nb,dog\nc,dog\n
error[E511]: 1 class is empty
  --> preds.csv:4, column "class"
  4 | b,,0.2
    |   ^
  = help: in the long form each row names the class that its number is of
----
> preds.csv: id,class,p,label\na,cat,0.7,cat\na,dog,0.3,cat\nb,cat,0.2,dog\nb,dog,0.8,cat\nc,cat,0.4,dog\nc,dog,0.6,dog\nd,cat,0.4,dog\nd,dog,0.6,dog\n
> call: preds.csv
> with: {"id": "id", "long": true}
error[E512]: column "label" has several values in one case
  --> preds.csv:5, column "label"
  5 | b,dog,0.8,cat
    |           ^^^
  = help: in the long form what belongs to a case is the same on all its rows
----
> with: {"long": true}
error[E513]: which columns hold the case, its class and the probability?
  --> preds.csv:1
  = found columns: id, cat, dog, owl; the long form has one row for each case and class
  = help: name the ids with --id NAME and the probabilities with --pred NAME; one other column names the class
----
> labels.csv: id,label\na,cat\nb,dog\nid,label\nc,owl\n
error[E215]: line 4 repeats the header
  --> labels.csv:4
  4 | id,label
  = help: files that were joined keep the header of each; remove every header but the first
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nid,cat,dog,owl\nb,0.10,0.80,0.10\nc,0.20,0.20,0.60\nid,cat,dog,owl\n
error[E215]: line 3 repeats the header
  --> preds.csv:3
  3 | id,cat,dog,owl
  = 1 more: line 6
  = help: files that were joined keep the header of each; remove every header but the first
----
> labels.csv: id,label\na,cat\nb,dog\nc,owl\n,\n,\n
error[E307]: 2 ids are empty
  --> labels.csv:5, column "id"
  5 | ,
    | ^
  = 1 more: line 6, column "id" (empty)
  = help: the whole line is empty; remove such lines, which spreadsheets leave behind

error[E403]: 2 labels are empty
  --> labels.csv:5, column "label"
  5 | ,
    |  ^
  = 1 more: line 6, column "label" (empty)
  = help: give every row a label, or leave such rows out: --missing drop
----
> preds.csv: cat\tdog\towl\na\t0.7\t0.2\t0.1\nb\t0.1\t0.8\t0.1\nc\t0.2\t0.2\t0.6\n
error[E201]: line 2 has 4 fields, the header has 3
  --> preds.csv:2
  1 | cat\tdog\towl
  2 | a\t0.7\t0.2\t0.1
  = help: if the first column lacks a name, as R writes it, add one: sed $'1s/^/id\t/' preds.csv > named.csv
----
> preds.csv: My predictions,,,\nid,cat,dog,owl\na,0.7,0.2,0.1\nb,0.1,0.8,0.1\nc,0.2,0.2,0.6\n
error[E201]: line 1 is no header, line 2 is
  --> preds.csv:1
  1 | My predictions,,,
  2 | id,cat,dog,owl
  = help: leave out what stands before the header: tail -n +2 preds.csv > table.csv
----
> preds.csv: sep=,\nid,cat,dog,owl\na,0.7,0.2,0.1\nb,0.1,0.8,0.1\nc,0.2,0.2,0.6\n
error[E201]: line 1 is no header: it tells Excel the separator
  --> preds.csv:1
  1 | sep=,
  2 | id,cat,dog,owl
  = help: leave out what stands before the header: tail -n +2 preds.csv > table.csv
----
> preds.csv: id,cat,dog,owl\na,0.7,0.2,0.1\nb,0.1,0.8,0.1\nc,0.2,0.2,0.6\n(3 rows)\n
error[E201]: line 5 has 1 field, the header has 4
  --> preds.csv:5
  1 | id,cat,dog,owl
  5 | (3 rows)
  = help: it is a count of rows, as databases write it; remove the line
----
> preds.csv: ,prob,prob,prob\n,cat,dog,owl\nid,,,\na,0.7,0.2,0.1\nb,0.1,0.8,0.1\nc,0.2,0.2,0.6\n
error[E203]: 3 columns are called "prob"
  --> preds.csv:1
  = found: columns 2, 3 and 4
  = line 2 is a second header
  = help: write one header; in pandas: df.droplevel(0, axis=1).to_csv(…)
----
> preds.csv: id cat dog owl\na 0.7 0.2 0.1\nb 0.1 0.8 0.1\nc 0.2 0.2 0.6\n
> with: {"input_format": "csv: "}
error[E202]: 'labels.csv' has one column, 'id,label'
  --> labels.csv:1
  = help: the fields are separated by ','. --input-format is for both files; if no value holds ' ', convert this one: sed 'y/,/ /' labels.csv > table.csv
----
> labels.csv: ,0\n0,0\n1,1\n2,2\n
> preds.csv: ,0,1,2\n0,0.7,0.2,0.1\n1,0.1,0.8,0.1\n2,0.2,0.2,0.6\n
error[E204]: the header of labels.csv looks like data
  --> labels.csv:1
  1 | ,0
  = found: "0" is a label as well
  = help: if 0 is no value but the name that pandas makes up, replace it by a name; else add a first line with a name for every column, such as id,label
----
> preds.csv: \x20id | cat | dog | owl\n----+-----+-----+-----\n a  | 0.7 | 0.2 | 0.1\n(1 row)\n
error[E104]: 'preds.csv' is not a table
  = found: bytes starting "id | cat | dog | owl"
  = help: this is a table as psql prints it to be read; let it write CSV: psql --csv -c 'select * from TABLE' > TABLE.csv
----
> preds.csv: +----+-----+-----+\n| id | cat | dog |\n+----+-----+-----+\n| a  | 0.7 | 0.3 |\n+----+-----+-----+\n
error[E104]: 'preds.csv' is not a table
  = found: bytes starting "+----+-----+-----+"
  = help: this is a table as mysql prints it to be read; let it write tabs: mysql --batch -e 'select * from TABLE' > TABLE.tsv
----
> preds.csv: | id | cat | dog |\n|:---|----:|----:|\n| a | 0.7 | 0.3 |\n
error[E104]: 'preds.csv' is not a table
  = found: bytes starting "| id | cat | dog |"
  = help: this is a Markdown table; if no value holds a comma: sed '2d; s/^ *| *//; s/ *| *$//; s/ *| */,/g' preds.csv > table.csv
----
> preds.jsonl: {"id": "a", "cat": 0.7, "dog": 0.3}\n{"id": "b", "cat": 0.1, "do
> labels.csv: id,label\na,cat\nb,dog\n
> call: preds.jsonl labels.csv
error[E206]: line 2 is not a JSON object
  --> preds.jsonl:2
  2 | {"id": "b", "cat": 0.1, "do
  = found: unterminated string starting at character 25; the file ends inside of the object
  = help: the program that wrote the file, or its transfer, has stopped early; do that again
----
> preds.csv: id,label,score\n1,spam,0.9\n2,ham,0.8\n3,spam,0.6\n
> labels.csv: id,label\n1,spam\n2,ham\n3,ham\n
error[E407]: "score" may be the probability of the predicted class, not of the positive one
  --> preds.csv:1
  = help: if it is the probability of the positive class: --pred score   if it is that of the class in "label": write one column per class
----
> preds.csv: case,p\nAB1,0.9\nAB2,0.2\nAB3,0.1\n
> labels.csv: subject,label\nab3,0\nab2,0\nab1,1\n
error[E306]: which column matches the rows?
  --> labels.csv:1
  = found "case" in preds.csv and "subject" in labels.csv, which look alike
  = help: the ids differ by upper and lower case. Write both alike, then --id case=subject; to match by the order of rows: --id '#'
----
> preds.csv: ,cat,dog\n2,0.9,0.1\n0,0.2,0.8\n1,0.6,0.4\n
> labels.csv: label\ncat\ndog\ncat\n
error[E306]: which column matches the rows?
  --> preds.csv:1
  = found: the rows of preds.csv are numbered 2, 0, 1; labels.csv has no such numbers
  = help: write the row names to both files, or sort preds.csv by them; to match by the order of rows: --id '#'
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\na,0.10,0.80,0.10\nc,0.20,0.20,0.60\n
> labels.csv: id,label\na,cat\nb,dog\nc,owl\n
error[E302]: 1 labelled row has no prediction
  --> labels.csv:3, id "b"
  = help: every row of labels.csv needs a prediction; to score only the rows in both files: --id-match inner

error[E304]: id "a" occurs twice in preds.csv
  --> preds.csv:3, id "a"
  = first at preds.csv:2
  = help: keep one row per id in preds.csv; if the column is no id, match by row order: --id '#'
----
> preds.csv: id,cat,dog,owl\n1234567890123,0.70,0.20,0.10\n1234567890124,0.10,0.80,0.10\n
> labels.csv: id,label\n1.23457E+12,cat\n1.23457E+12,dog\n
error[E302]: 1 labelled row has no prediction
  --> labels.csv:2, id "1.23457E+12"
  = help: every row of labels.csv needs a prediction; to score only the rows in both files: --id-match inner

error[E303]: 2 predictions have no label
  --> preds.csv:2, id "1234567890123"
  = 1 more: line 3, id "1234567890124"
  = help: every row of preds.csv needs a label; to score only the rows in both files: --id-match inner

error[E304]: id "1.23457E+12" occurs twice in labels.csv
  --> labels.csv:3, id "1.23457E+12"
  = first at labels.csv:2
  = help: a spreadsheet has rounded the ids of labels.csv to 6 digits; take them from before it
----
> preds.csv: id,cat,dog\na,0.70,0.21\nb,0.11,0.82\nc,0.21,0.24\n
error[E402]: label "owl" is not one of the predicted classes
  --> labels.csv:4, column "label"
  = found 1 row with such labels; predicted classes: cat, dog
  = help: add a column "owl" to preds.csv, or fix the label

error[E504]: 3 rows do not sum to 1
  --> preds.csv:2
  2 | a,0.70,0.21
  = 2 more: line 3 (0.9299999999999999); line 4 (0.44999999999999996)
  = found a sum of 0.9099999999999999; expected 1 within 0.001, or 0.01 for rows rounded to 2 decimals
  = help: if the classes are cat, dog and no others: --renormalize; if not, name them: --pred A,B
----
> preds.csv: id,cat,dog\na,>0.99,<0.01\nb,<0.01,>0.99\n
> labels.csv: id,label\na,cat\nb,dog\n
error[E410]: no column of preds.csv holds probabilities
  --> preds.csv:1
  = found columns: id, cat, dog; "cat" holds ">0.99"
----
> preds.csv: id,score\na,2.1\nb,-0.5\nc,0.1\nd,0.4\n
> labels.csv: id,label\na,1\nb,0\nc,1\nd,0\n
error[E503]: 2 probabilities are outside 0 to 1
  --> preds.csv:2, column "score"
  2 | a,2.1
    |   ^^^
  = 1 more: line 3, column "score" (-0.5)
  = help: if these are raw model scores: --from logits
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,0.80,0.10\nc,0.20,0.20,0.
error[E504]: 1 row does not sum to 1
  --> preds.csv:4
  4 | c,0.20,0.20,0.
  = found a sum of 0.4; expected 1 within 0.001, or 0.015 for rows rounded to 2 decimals
  = the file ends here without a line break, so the line may be cut off
  = help: if the classes are cat, dog, owl and no others: --renormalize; if not, name them: --pred A,B
"""


def bug(reason):
    return pytest.mark.xfail(strict=True, reason=reason)


def parsed(case):
    """The files, the arguments, the options and the text of a case; `bug` says why the text is not yet so."""
    lines = case.strip("\n").split("\n")
    files, call, options, marks = dict(FILES), "preds.csv labels.csv", {}, ()
    while lines[0].startswith("> "):
        name, _, content = lines.pop(0)[2:].partition(":")
        if name == "call":
            call = content
        elif name == "with":
            options = json.loads(content)
        elif name == "bug":
            marks = bug(content.strip())
        else:
            files[name] = content.removeprefix(" ")
    text = "\n".join(lines).replace("= rules: RULES", f"= rules: {', '.join(CONVENTIONS)}")
    return pytest.param(files, call.split(), options, text, marks=marks, id=lines[0][6:10])


PARSED = [parsed(case) for case in CASES.split("----\n")]


def text_of(function, *arguments, **options):
    with pytest.raises(CelossError) as caught:
        function(*arguments, **options)
    return str(caught.value)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Writes files into an empty working folder; escapes stand for bytes."""
    monkeypatch.chdir(tmp_path)

    def _files(contents):
        for name, content in contents.items():
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_bytes(content.encode("latin-1").decode("unicode_escape").encode("latin-1"))

    return _files


@pytest.mark.parametrize(("contents", "call", "options", "text"), PARSED)
def test_an_error_says_what_where_and_what_to_do(files, contents, call, options, text):
    files(contents)
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(*call, **options)
    assert str(caught.value) == text
    assert isinstance(caught.value, UsageError) == (caught.value.code in WRONG_CALLS)


# --- what the command says ----------------------------------------------------------------------------------------------

# As CASES, but the last line `command` is run as it is, after the others, and the text is its standard error.
SAID = r"""
> command: compare preds.csv -l labels.csv
error[E608]: one file is nothing to compare
  --> argument PREDS
  = help: to score it: celoss eval preds.csv LABELS
----
> b.csv: id,cat,dog,owl\na,0.5,0.3,0.2\nb,0.2,0.6,0.2\nc,0.3,0.3,0.4\n
> command: compare preds.csv b.csv b.csv -l labels.csv
error[E608]: 'b.csv' is given twice
  --> arguments PREDS
  = help: give each file once
----
> b.csv: id,cat,dog,owl\na,0.5,0.3,0.2\nb,0.2,0.6,0.2\nc,0.3,0.3,0.4\n
> command: compare preds.csv b.csv -l labels.csv --against c.csv
error[E609]: no file 'c.csv' is compared
  --> option --against c.csv
  = files: preds.csv, b.csv
  = help: did you mean --against b.csv?
----
> command: compare preds.csv labels.csv -l labels.csv
error[E109]: both inputs are 'labels.csv'
  --> arguments PREDS and LABELS
  = help: the labels of a comparison are in a file of their own
----
> command: compare preds.csv b.csv -l labels.csv --margin 0
error[E604]: --margin cannot be 0.0
  --> option --margin 0.0
  = help: it is a difference of log losses that is of no matter: above 0
----
> command: compare preds.csv b.csv -l labels.csv --margin 0.1 --confidence 0.5
error[E604]: --confidence cannot be 0.5
  --> option --confidence 0.5
  = help: with --margin it is above 0.5
----
> preds.csv: id,cat,dog,owl,site\na,0.7,0.2,0.1,x\nb,0.1,0.8,0.1,y\nc,0.2,0.2,0.6,x\n
> b.csv: id,cat,dog,owl,site\na,0.5,0.3,0.2,x\nb,0.2,0.6,0.2,x\nc,0.3,0.3,0.4,x\n
> command: compare preds.csv b.csv -l labels.csv --by site
error[E604]: --by site cannot be used here: compare takes it from the labels; preds.csv has it
  --> option --by site
  = help: the files may differ in it: put the column into the labels
----
> a.csv: id,cat,dog\na,0.5,0.5\nb,0.2,0.8\n
> b.csv: id,cat,dog,owl\na,0.5,0.3,0.2\nb,0.2,0.6,0.2\n
> labels.csv: id,label\na,cat\nb,dog\n
> command: compare a.csv b.csv -l labels.csv
error[E312]: 'b.csv' and 'a.csv' do not predict the same classes
  --> b.csv
  = a.csv: binary, cat, dog
  = b.csv: multiclass, cat, dog, owl
  = help: name the columns or say what is predicted: --pred, --positive, --task
----
> a.csv: id,cat,dog,owl\na,0.5,0.3,0.2\nb,0.2,0.6,0.2\n
> b.csv: id,cat,dog,owl\nc,0.5,0.3,0.2\n
> command: compare a.csv b.csv -l labels.csv --id-match inner
error[E311]: no row is scored by all files
  = a.csv: 2 rows
  = b.csv: 1 row
  = help: compare files of the same rows; without --missing drop and --id-match inner what is missing is an error
----
> a.csv: id,cat,dog,owl\na,0.5,0.3,0.2\nb,0.2,0.6,0.2\n
> b.csv: id,cat,dog,owl\na,0.5,0.3,0.2\nc,0.2,0.6,0.2\n
> labels.csv: id,label,w\na,cat,0\nb,dog,1\nc,owl,1\n
> command: compare a.csv b.csv -l labels.csv --id-match inner --weights w
error[E311]: the rows that all files have scored have no weight
  = help: give at least one of these rows a weight above 0
----
> command: eval -f json
{"error": {"code": "E600", "message": "Missing argument 'PREDS'.", "count": 1, "places": [], "details": [], "help": null}, "more": []}
----
> command: eval preds.csv labels.csv --only logloss
error[E601]: no metric "logloss"
  --> option --only logloss
  = metrics: accuracy, brier, brier_sum, ece, kl_divergence, label_entropy, log_loss, reference_log_loss, skill
  = help: did you mean --only log_loss?
----
> command: eval preds.csv labels.csv --only top_2_accuracy
error[E601]: no metric "top_2_accuracy"
  --> option --only top_2_accuracy
  = metrics: accuracy, brier, brier_sum, ece, kl_divergence, label_entropy, log_loss, reference_log_loss, skill
  = help: add --top-k 2
----
> command: eval preds.csv labels.csv --max logloss=0.45
error[E601]: no metric "logloss"
  --> option --max logloss=0.45
  = metrics: accuracy, brier, brier_sum, ece, kl_divergence, label_entropy, log_loss, reference_log_loss, skill
  = help: did you mean --max log_loss=0.45?
----
> command: eval preds.csv labels.csv --max log_loss_change=0.01
error[E601]: no metric "log_loss_change"
  --> option --max log_loss_change=0.01
  = metrics: accuracy, brier, brier_sum, ece, kl_divergence, label_entropy, log_loss, reference_log_loss, skill
  = help: a change is from an earlier report: add --baseline prev.json
----
> command: eval preds.csv labels.csv -q -o prev.json
> labels.csv: id,label\na,cat\nb,dog\nc,cat\n
> command: eval preds.csv labels.csv --base 2 --baseline prev.json
error[E602]: the baseline 'prev.json' is not comparable
  --> option --baseline prev.json
  = found: losses in nats; now: losses in bits
  = found: other labels: class "cat" has 1 row; now: 2
  = help: if the change is meant, score the baseline's predictions as these are, and keep that: celoss eval PREDS LABELS -o prev.json
----
> table.txt: log loss  0.678398\n
> command: eval preds.csv labels.csv --baseline table.txt
error[E602]: the baseline 'table.txt' cannot be used
  --> option --baseline table.txt
  = found: text that is no JSON, starting "log loss  0.678398"
  = help: make it: celoss eval PREDS LABELS -o prev.json
----
> command: eval preds.csv labels.csv --prior cat=25,dog=25,owl=50
error[E604]: --prior cannot be cat=25,dog=25,owl=50
  --> option --prior cat=25,dog=25,owl=50
  = help: these are percentages; write shares: --prior cat=0.25,dog=0.25,owl=0.5
----
> command: eval preds.csv labels.csv --prior cat=0.25,dog=0.75
error[E615]: --prior has no share of 1 class
  --> option --prior
  = found: nothing about "owl"
  = help: of a class that never occurs the share is 0: owl=0
----
> train.csv: label\ncat\ndog\nbird\nbird\n\nowl\n
> command: eval preds.csv labels.csv --prior train.csv
error[E616]: label "bird" of the prior is not one of the classes
  --> train.csv:4, column "label"
  = found 2 such rows, and others with ""; the classes: cat, dog, owl
  = help: leave such rows out of the file, or give the shares of the classes: --prior CLASS=SHARE,…
----
> train.csv: id,y\n1,cat\n2,dog\n
> command: eval preds.csv labels.csv --prior train.csv
error[E617]: which column of train.csv holds the labels of the prior?
  --> train.csv:1
  = found columns: id, y
  = help: call the label column "label" there too, or keep no other column; or give the shares: --prior cat=0.5,dog=0.25,owl=0.25
----
> train.csv: label\ncat\ndog\n
> command: eval preds.csv labels.csv --prior train.csv
error[E618]: the share of class "owl" in the prior is 0, and it occurs
  --> option --prior
  = found: 1 row of it
  = help: give it a share above 0; to forecast it never would cost an infinite log loss
----
> train.json: {"schema": "celoss.check/1"}
> command: eval preds.csv labels.csv --prior train.json
error[E619]: the prior 'train.json' cannot be used
  --> option --prior train.json
  = found: "schema": "celoss.check/1"; a report has "celoss.eval/1"
  = help: give labels of training data, or the JSON of celoss eval on it, or shares: --prior CLASS=SHARE,…
----
> command: eval preds.csv labels.csv --classes cat
error[E604]: --classes cannot be cat
  --> option --classes cat
  = help: write LABEL=CLASS: --classes 0=cat,1=dog
----
> command: eval preds.csv labels.csv --top-k five
error[E604]: --top-k cannot be five
  --> option --top-k five
  = help: write numbers of classes: --top-k 1,5
----
> command: check preds.csv labels.csv --places 0
error[E604]: --places cannot be 0
  --> option --places 0
  = help: it is a number of places, 1 or more
----
> command: check preds.csv labels.csv -o plan.json
> command: eval preds.csv labels.csv --plan plan.json --eps 0.1
error[E604]: --eps cannot be used with --plan
  --> option --eps
  = help: a plan holds every option; make another one: celoss check -o
----
> command: check preds.csv labels.csv -o plan.json
> new.csv: id,cat,Dog,owl\na,0.70,0.20,0.10\nb,0.10,0.80,0.10\nc,0.20,0.20,0.60\n
> command: eval new.csv labels.csv --plan plan.json
error[E210]: the plan needs a column "dog", which new.csv does not have
  --> new.csv:1
  = found columns: id, cat, Dog, owl
  = help: the nearest column is "Dog"; names have to be the same
----
> command: check preds.csv labels.csv -o plan.json
> command: eval preds.csv --plan plan.json
error[E210]: the plan has the labels in a file of their own
  --> preds.csv:1
  = help: make a plan of these inputs: celoss check -o plan.json
----
> plan.json: {}
> command: eval preds.csv labels.csv --plan plan.json
error[E607]: cannot use the plan 'plan.json'
  --> option --plan plan.json
  = found: it has no "schema": "celoss.plan/1"
  = help: make it: celoss check PREDS LABELS -o plan.json
----
> command: explain preds.csv labels.csv --row d
error[E309]: no row with id "d"
  --> option --row d
----
> command: explain preds.csv labels.csv --row '#5'
error[E309]: no row #5: preds.csv has 3 rows
  --> option --row #5
----
> labels.csv: id,label\na,cat\nb,dog\nc,\n
> command: explain preds.csv labels.csv --row '#3' --missing drop
error[E309]: row #3 is not scored: it has no label, or a value is missing
  --> option --row #3
  = found: 3 rows in preds.csv, of which 1 left out
----
> scored.csv: day,p,won\nmo,0.5,1\ntu,0.25,0\nmo,0.75,1\n
> command: explain scored.csv --label won --id day --row mo
error[E310]: 2 rows have the id "mo"
  --> option --row mo
  = help: choose one by its number: --row '#1' or --row '#3'
----
> command: eval preds.csv labels.csv -o result.xls
error[E701]: don't know how to write 'result.xls'
  --> option -o result.xls
  = help: use one of .json .jsonl .csv .md
----
> command: check preds.csv labels.csv -o plan.yaml
error[E701]: don't know how to write 'plan.yaml'
  --> option -o plan.yaml
  = help: use one of .json
----
> preds.csv: id,a,b\n1,0.7,0.2\n2,0.1,0.8\n
> labels.csv: id,a,b\n1,1,1\n2,0,1\n
> command: eval preds.csv labels.csv --task multilabel --calibration
error[E610]: --calibration is not for independent labels
  --> option --calibration
  = each label has a probability of its own, and would need a temperature of its own
  = help: score a label by itself: --pred COL --label COL
----
> labels.csv: id,cat,dog,owl\na,0.5,0.5,0\nb,0,0.5,0.5\nc,0,0,1\n
> command: explain preds.csv labels.csv --suspects 2
error[E611]: --suspects needs one class as the label of each row; here labels are shares
  --> option --suspects
----
> labels.csv: id,label\na,cat\nb,cat\nc,cat\n
> command: explain preds.csv labels.csv --suspects 2
error[E612]: nothing can be suspected: all labels are one class
  --> option --suspects
----
> other.csv: id,cat,dog,owl,emu\na,0.7,0.2,0.1,0\nb,0.1,0.8,0.1,0\nc,0.2,0.2,0.5,0.1\n
> command: explain preds.csv labels.csv --suspects 2 --also other.csv
error[E613]: the models have other classes: cat, dog, owl and cat, dog, emu, owl
  --> option --also other.csv
----
> command: explain preds.csv labels.csv --also preds.csv
error[E604]: --also cannot be used without --suspects
  --> option --also used without --suspects
  = help: other models judge suspects only: add --suspects 20
----
> command: eval preds.csv labels.csv -o out/result.json
error[E702]: cannot write 'out/result.json': the folder 'out' does not exist
  --> option -o out/result.json
  = help: mkdir -p out
----
> command: eval preds.csv labels.csv -q -f csv > /dev/full
error[E704]: cannot write the output: No space left on device
----
> command: eval preds.csv labels.csv -o preds.csv
error[E705]: cannot write 'preds.csv': it is an input
  --> option -o preds.csv
  = help: write to another file
----
> preds.csv: id,cat,dog,owl\na,0,0.5,0.5\nb,0.1,0.8,0.1\nc,0.2,0.2,0.6\n
> command: eval preds.csv labels.csv
note[N1]: 1 row gave the true class less than eps (2.2e-16); it counts as 36.0437, 98.0% of the loss
----
> preds.csv: id,cat,dog,owl\na,0,0.5,0.5\nb,0.1,0.8,0.1\nc,0.2,0.2,0.6\n
> command: eval preds.csv labels.csv --eps 0
note[N1]: 1 row gave the true class probability 0: with eps 0 the loss is infinite
----
> preds.csv: id,cat,dog,owl\na,1,0,0\nb,0,1,0\nc,0,0,1\n
> command: eval preds.csv labels.csv
note[N2]: all predictions of the true class are exactly 0 or 1; log loss then only counts mistakes
note[N10]: a single row with another label than forecast would add about 12 to the log loss, more than 3 times its standard error of 0: 3 rows are too few to say how often that happens, and the interval counts with none
----
> labels.csv: id,label\na,cat\nb,cat\nc,owl\n
> command: eval preds.csv labels.csv
note[N3]: 1 class is predicted but never in the labels: "dog"
----
> preds.csv: id,p\na,0.7\nb,0.4\n
> labels.csv: id,label\na,1\nb,1\n
> command: eval preds.csv labels.csv
note[N4]: all labels are one class: the reference is 0 and skill is undefined
----
> preds.csv: id,cat,dog,owl\na,0.7000,0.2000,0.0995\nb,0.1000,0.8000,0.1000\nc,0.2000,0.2000,0.6000\n
> labels.csv: id,label\na,cat\nb,owl\nc,dog\n
> command: eval preds.csv labels.csv
note[N5]: 1 row sums to 1 only within 0.0005: more than rounding explains, scored as they are
----
> preds.csv: case,p\na,0.5\nb,0.25\n
> labels.csv: label\n1\n0\n
> command: eval preds.csv labels.csv
note[N6]: rows are matched by position; "case" of preds.csv could tell them apart but is not used
  = help: if the order is the same in both: --id '#'
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,,0.80,0.10\nc,0.20,0.20,0.60\nd,0.20,0.20,0.60\ne,0.2,0.7,0.1\n
> labels.csv: id,label\na,cat\nb,dog\nc,dog\ne,owl\n
> command: eval preds.csv labels.csv --missing drop --id-match inner
note[N7]: 3 rows scored; left out: 1 row with a missing value (--missing drop); 1 prediction without a label (--id-match inner)
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,,0.80,0.10\nc,0.20,0.20,0.60\n
> command: eval preds.csv labels.csv --missing uniform
note[N8]: 1 row with a missing probability scored as a uniform forecast (--missing uniform)
----
> preds.csv: id, cat, dog, owl\na,0.7,0.2,0.1\nb,0.1,0.8,0.1\nc,0.2,0.2,0.6\n
> labels.csv: id,label\na,cat\nb,owl\nc,dog\n
> command: eval preds.csv labels.csv
note[N9]: the columns " cat", " dog", " owl" are taken as the classes cat, dog, owl; they differ in spaces around it
----
> preds.csv: id,dog,cat,owl\na,0.7,0.2,0.1\nb,0.2,0.7,0.1\nc,0.2,0.7,0.1\nd,0.2,0.7,0.1\ne,0.7,0.2,0.1\nf,0.7,0.2,0.1\ng,0.2,0.7,0.1\nh,0.2,0.7,0.1\ni,0.7,0.2,0.1\nj,0.7,0.2,0.1\nk,0.2,0.7,0.1\nl,0.7,0.2,0.1\nm,0.1,0.1,0.8\nn,0.2,0.7,0.1\no,0.7,0.2,0.1\np,0.2,0.7,0.1\nq,0.7,0.2,0.1\nr,0.1,0.1,0.8\n
> labels.csv: id,label\na,cat\nb,dog\nc,dog\nd,dog\ne,cat\nf,cat\ng,dog\nh,dog\ni,cat\nj,cat\nk,dog\nl,cat\nm,owl\nn,dog\no,cat\np,dog\nq,cat\nr,owl\n
> command: eval preds.csv labels.csv
note[N12]: columns "cat" and "dog" look swapped; on their rows the loss of 1.61 would be 0.357
  = help: look at the rows that cost most first: celoss explain preds.csv labels.csv --worst 10
----
> preds.csv: id,dog,owl,cat\na,0.7,0.2,0.1\nb,0.2,0.7,0.1\nc,0.2,0.7,0.1\nd,0.1,0.1,0.8\ne,0.7,0.2,0.1\nf,0.7,0.2,0.1\ng,0.2,0.7,0.1\nh,0.1,0.1,0.8\ni,0.1,0.1,0.8\nj,0.7,0.2,0.1\nk,0.2,0.7,0.1\nl,0.7,0.2,0.1\nm,0.1,0.1,0.8\nn,0.2,0.7,0.1\no,0.7,0.2,0.1\np,0.2,0.7,0.1\nq,0.7,0.2,0.1\nr,0.1,0.1,0.8\n
> labels.csv: id,label\na,cat\nb,dog\nc,dog\nd,owl\ne,cat\nf,cat\ng,dog\nh,owl\ni,owl\nj,cat\nk,dog\nl,cat\nm,owl\nn,dog\no,cat\np,dog\nq,cat\nr,owl\n
> command: eval preds.csv labels.csv
note[N12]: columns "cat", "dog", "owl" look rotated: "dog" holds what belongs to "cat", "owl" holds what belongs to "dog", "cat" holds what belongs to "owl"; on their rows the loss of 2.07 would be 0.32
  = help: look at the rows that cost most first: celoss explain preds.csv labels.csv --worst 10
----
> preds.csv: score\n0.1\n0.8\n0.8\n0.1\n0.1\n0.8\n0.1\n0.1\n0.8\n0.1\n0.8\n0.8\n0.1\n0.8\n0.8\n0.1\n
> labels.csv: won\n1\n0\n0\n1\n1\n0\n1\n1\n0\n1\n0\n0\n1\n0\n0\n1\n
> command: eval preds.csv labels.csv
note[N12]: "score" looks like the probability of "0", not of "1": log loss 1.96 would be 0.164 with --positive 0
  = help: look at the rows that cost most first: celoss explain preds.csv labels.csv --worst 10
----
> preds.csv: cat,dog,owl\n0.2,0.7,0.1\n0.2,0.7,0.1\n0.1,0.1,0.8\n0.7,0.2,0.1\n0.7,0.2,0.1\n0.2,0.7,0.1\n0.1,0.1,0.8\n0.1,0.1,0.8\n0.7,0.2,0.1\n0.2,0.7,0.1\n0.7,0.2,0.1\n0.1,0.1,0.8\n0.2,0.7,0.1\n0.7,0.2,0.1\n0.2,0.7,0.1\n0.7,0.2,0.1\n0.1,0.1,0.8\n0.2,0.7,0.1\n0.1,0.1,0.8\n0.7,0.2,0.1\n0.7,0.2,0.1\n
> labels.csv: label\ncat\ndog\ndog\nowl\ncat\ncat\ndog\nowl\nowl\ncat\ndog\ncat\nowl\ndog\ncat\ndog\ncat\nowl\ndog\nowl\ncat\n
> command: eval preds.csv labels.csv
note[N12]: predictions look shifted by one row against the labels: log loss 1.69 would be 0.317 if row 1 of the predictions belonged to row 2 of the labels
  = help: is a header or a row missing? put the same id column in both files, or give --id NAME
----
> other.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.30,0.20,0.50\nc,0.20,0.20,0.60\nd,0.1,0.8,0.1\n
> labels.csv: id,label\na,cat\nb,dog\nc,owl\nd,dog\n
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.40,0.50,0.10\nc,0.20,0.20,0.60\n
> command: explain other.csv labels.csv --suspects 1 --also preds.csv --id-match inner
note[N19]: 3 rows judged; left out: 1 row that not all models have scored
"""


def said(case):
    """The files, the commands and the standard error of the last one."""
    lines = case.strip("\n").split("\n")
    steps = []
    while lines[0].startswith("> "):
        name, _, content = lines.pop(0)[2:].partition(": ")
        steps.append((name, content))
    text = "\n".join(lines)
    return pytest.param(steps, text, id=code_of(text))


def code_of(text):
    return re.search(r"\b(?:E\d{3}|N\d+)\b", text)[0]


def status_of(text):
    """The exit status with which a message is said."""
    if text.startswith("note"):
        return 0
    return 2 if code_of(text) in WRONG_CALLS else 3


SAID_CASES = [said(case) for case in SAID.split("----\n")]


@pytest.mark.parametrize(("steps", "text"), SAID_CASES)
def test_the_command_says_on_standard_error_what_is_wrong_or_worth_a_note(files, celoss, steps, text):
    files(FILES)
    ran = None
    for name, content in steps:
        if name == "command":
            words = shlex.split(content)
            ran = redirected(words) if ">" in words else celoss(*words)
        else:
            files({name: content})
    assert ran is not None
    assert (ran.err, ran.code) == (f"{text}\n", status_of(text))


def redirected(words):
    at = words.index(">")
    if not os.path.exists(words[at + 1]):
        pytest.skip(f"needs {words[at + 1]}")
    with open(words[at + 1], "wb") as target:
        return process(*words[:at], stdout=target)


# --- what is made, and not written --------------------------------------------------------------------------------------


def struct():
    pq.write_table(pa.table({"forecast": [{"cat": 0.5, "dog": 0.5}] * 3}), "preds.parquet")


def objects():
    np.save("preds.npy", np.array([{"cat": 0.5}, {"cat": 0.25}], dtype=object), allow_pickle=True)


def cube():
    np.save("preds.npy", np.zeros((2, 3, 4)))


def no_line_breaks():
    Path("preds.csv").write_text("id,p\na," + "1" * 2**24 + "\n")


def too_many_columns():
    Path("preds.csv").write_text("id," + ",".join(map(str, range(2**18))) + "\n")


def huge_batch():
    """A compressed file of which one buffer says that it takes 2^33 bytes."""
    table = pa.table({"id": ["a", "b", "c"], "cat": [0.5] * 3, "dog": [0.5] * 3})
    with pa.OSFile("preds.arrow", "wb") as file, ipc.new_file(file, table.schema, options=ZSTD) as writer:
        writer.write_table(table)
    content = Path("preds.arrow").read_bytes()
    at = content.index(b"\x28\xb5\x2f\xfd")
    Path("preds.arrow").write_bytes(content[: at - 8] + (2**33).to_bytes(8, "little") + content[at:])


ZSTD = ipc.IpcWriteOptions(compression="zstd")


def a_late_key():
    lines = ['{"id": "a", "cat": 0.7, "dog": 0.3}'] * 1001 + ['{"id": "b", "cat": 0.2, "dog": 0.3, "owl": 0.5}']
    Path("preds.jsonl").write_text("\n".join(lines))
    Path("labels.csv").write_text("label\n" + "cat\ndog\n" * 501)


MADE = [
    (
        struct,
        "preds.parquet labels.csv",
        """\
error[E208]: column "forecast" of preds.parquet holds neither texts nor numbers
  --> preds.parquet, column "forecast"
  = found: values of type struct<cat: double, dog: double>""",
    ),
    (
        objects,
        "preds.npy labels.csv",
        """\
error[E209]: 'preds.npy' holds Python objects, which can run code when they are read
  --> preds.npy
  = help: save numbers or texts: array.astype(float)""",
    ),
    (
        cube,
        "preds.npy labels.csv",
        """\
error[E209]: preds.npy is an array of shape (2, 3, 4) and type float64
  = help: give one row per case: shape (rows,) or (rows, classes) of numbers or texts""",
    ),
    (
        no_line_breaks,
        "preds.csv labels.csv",
        """\
error[E111]: line 2 is longer than 16,777,216 characters
  --> preds.csv:2
  = help: a table has one row per line; the line breaks may be missing""",
    ),
    (
        too_many_columns,
        "preds.csv labels.csv",
        """\
error[E213]: preds.csv has 262,145 columns
  --> preds.csv:1
  = at most 262,144 columns, numbers in a list included, are read""",
    ),
    (
        huge_batch,
        "preds.arrow labels.csv",
        """\
error[E214]: a record batch of 'preds.arrow' takes 8.6 GB
  --> preds.arrow
  = at most 4.3 GB are read at once
  = help: write the table in smaller batches, or as Parquet""",
    ),
    (
        a_late_key,
        "preds.jsonl labels.csv",
        """\
error[E212]: "owl" is not among the keys of the first lines
  --> preds.jsonl:1002, column "owl"
  1002 | {"id": "b", "cat": 0.2, "dog": 0.3, "owl": 0.5}
  = help: if it is a class, give every line a number for it; if not, give the first line the key too, with null""",
    ),
]


@pytest.mark.parametrize(("make", "call", "text"), MADE, ids=[text[6:10] for _, _, text in MADE])
def test_a_file_that_no_few_lines_can_show_is_told_of_as_exactly(files, make, call, text):
    files(FILES)
    make()
    assert text_of(celoss.evaluate, *call.split()) == text


TERMINAL = """\
error[E110]: '-' is standard input, and that is a terminal
  --> argument PREDS
  = help: pipe a file into it: cat preds.csv | celoss eval - labels.csv   or redirect one: celoss eval - labels.csv < preds.csv"""
NO_MEMORY = """\
error[E112]: there is not enough memory to read 'preds.csv'
  --> preds.csv
  = help: free some memory and run it again"""
FAILED = """\
error[E900]: celoss failed in a way it should not (KeyError)
  = a report without your data was written to /tmp/celoss-crash-8f2a.txt
  = help: open an issue with that file; CELOSS_DEBUG=1 shows more"""


def test_standard_input_that_is_a_terminal_is_not_waited_for(files, monkeypatch):
    files(FILES)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=SimpleNamespace(isatty=lambda: True)))
    assert text_of(celoss.evaluate, "-", "labels.csv") == TERMINAL


def raising(error):
    def _raise(*_, **__):
        raise error

    return _raise


def test_a_file_that_memory_does_not_hold_says_so(files, monkeypatch):
    files(FILES)
    monkeypatch.setattr("celoss.sources.text.pacsv.read_csv", raising(MemoryError()))
    assert text_of(celoss.evaluate, "preds.csv", "labels.csv") == NO_MEMORY


def test_a_failure_of_celoss_says_what_to_do_with_it(files, celoss, monkeypatch, tmp_path):
    files(FILES)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("celoss.pipeline.evaluate", raising(KeyError("dog")))
    ran = celoss("eval", "preds.csv", "labels.csv")
    (report,) = tmp_path.glob("celoss-crash-*.txt")
    assert (ran.err, ran.code) == (FAILED.replace("/tmp/celoss-crash-8f2a.txt", str(report)) + "\n", 4)


# --- options that do not fit --------------------------------------------------------------------------------------------

ONE = {"preds.csv": r"label,cat,dog\ncat,0.7,0.3\ndog,0.2,0.8\n"}
SINGLE = {"preds.csv": r"id,p\na,0.7\nb,0.2\nc,0.6\n", "labels.csv": r"id,label\na,1\nb,0\nc,1\n"}
ORDERED = {"preds.csv": r"cat,dog\n0.7,0.3\n0.2,0.8\n", "labels.csv": r"label\ncat\ndog\n"}
SHARES = {"labels.csv": r"id,cat,dog,owl\na,0.5,0.5,0\nb,1,0,0\nc,0,0.25,0.75\n"}
HOT = {"labels.csv": r"id,cat,dog,owl\na,1,0,0\nb,0,0,1\nc,0,1,0\n"}
INDEPENDENT = {
    "preds.csv": r"id,cat,dog,owl\na,0.7,0.9,0.1\nb,0.1,0.8,0.6\nc,0.2,0.9,0.6\n",
    "labels.csv": r"id,cat,dog,owl\na,1,1,0\nb,1,0,1\nc,0,0,0\n",
}
LOGITS = {"preds.csv": r"id,cat,dog,owl\na,2.1,-1,0.1\nb,-2,3.5,1.5\nc,-0.5,-1,4\n"}
LOGPROBS = {
    "preds.csv": r"id,cat,dog\na,-0.51,-0.92\nb,-0.11,-2.3\nc,-0.69,-0.69\n",
    "labels.csv": r"id,label\na,cat\nb,dog\nc,cat\n",
}
ONE_TRUE = "it needs one true class in each row"
INDEPENDENT_ONLY = "it is for independent labels: --task multilabel"
SHARES_ONLY = "it is for labels that are shares or counts, in one column per class"
ITSELF = "the rule says itself what is floored and rescaled"

# files, options; then the first line without its code, the option of the place, the help.
UNFIT = [
    (
        {},
        {"task": "regression"},
        "--task cannot be regression",
        "--task regression",
        "choose one of binary, multiclass, soft, multilabel",
    ),
    (
        {},
        {"task": "multi-label"},
        "--task cannot be multi-label",
        "--task multi-label",
        "choose one of binary, multiclass, soft, multilabel; did you mean --task multilabel?",
    ),
    ({}, {"scale": "percent"}, "--from cannot be percent", "--from percent", "choose one of probs, logits, logprobs"),
    (
        {},
        {"scale": "prob"},
        "--from cannot be prob",
        "--from prob",
        "choose one of probs, logits, logprobs; did you mean --from probs?",
    ),
    ({}, {"base": 3}, "--base cannot be 3", "--base 3", "choose one of e, 2, 10"),
    ({}, {"reduce_labels": "max"}, "--reduce-labels cannot be max", "--reduce-labels max", "choose one of mean, sum"),
    ({}, {"ties": "last"}, "--ties cannot be last", "--ties last", "choose one of fraction, first"),
    (
        {},
        {"missing": "dropp"},
        "--missing cannot be dropp",
        "--missing dropp",
        "choose one of error, drop, uniform; did you mean --missing drop?",
    ),
    (
        {},
        {"id_match": "outer"},
        "--id-match cannot be outer",
        "--id-match outer",
        "choose one of all, inner",
    ),
    ({}, {"eps": -0.5}, "--eps cannot be -0.5", "--eps -0.5", "eps is a probability: 0 or more and below 1"),
    ({}, {"eps": float("nan")}, "--eps cannot be nan", "--eps nan", "eps is a probability: 0 or more and below 1"),
    ({}, {"smoothing": 1.5}, "--smoothing cannot be 1.5", "--smoothing 1.5", "it is a share: from 0 to 1"),
    ({}, {"smoothing": -0.1}, "--smoothing cannot be -0.1", "--smoothing -0.1", "it is a share: from 0 to 1"),
    ({}, {"sum_tolerance": -1}, "--sum-tolerance cannot be -1", "--sum-tolerance -1", "a tolerance is 0 or more"),
    ({}, {"sum_tolerance": float("inf")}, "--sum-tolerance cannot be inf", "--sum-tolerance inf", "a tolerance is 0 or more"),
    ({}, {"top_k": 0}, "--top-k cannot be 0", "--top-k 0", "it is a number of classes, 1 or more"),
    ({}, {"top_k": [2, 2]}, "--top-k cannot be 2,2", "--top-k 2,2", "it names a size twice"),
    ({}, {"top_k": 4}, "--top-k cannot be 4", "--top-k 4", "there are 3 classes"),
    (
        {},
        {"class_weights": "equal"},
        "--class-weights cannot be equal",
        "--class-weights equal",
        "write CLASS=WEIGHT,… or balanced",
    ),
    (
        {},
        {"class_weights": {"cat": -1}},
        "--class-weights cannot be cat=-1.0",
        "--class-weights cat=-1.0",
        "a weight is 0, or from 1e-60 to 1e60",
    ),
    (
        {},
        {"class_weights": {"cat": float("inf")}},
        "--class-weights cannot be cat=inf",
        "--class-weights cat=inf",
        "a weight is 0, or from 1e-60 to 1e60",
    ),
    (
        {},
        {"class_weights": {"bird": 2}},
        "--class-weights cannot be bird=2.0",
        "--class-weights bird=2.0",
        "the classes are cat, dog, owl",
    ),
    (
        {},
        {"class_weights": {"cat": 0, "dog": 0, "owl": 0}},
        "--class-weights cannot be cat=0,dog=0,owl=0",
        "--class-weights cat=0,dog=0,owl=0",
        "some class needs a weight above 0",
    ),
    (SHARES, {"class_weights": "balanced"}, "--class-weights cannot be used for soft labels", "--class-weights", ONE_TRUE),
    (
        INDEPENDENT,
        {"class_weights": {"cat": 2}},
        "--class-weights cannot be used for independent labels",
        "--class-weights",
        ONE_TRUE,
    ),
    (SHARES, {"top_k": 2}, "--top-k cannot be used for soft labels", "--top-k", ONE_TRUE),
    (INDEPENDENT, {"top_k": 2}, "--top-k cannot be used for independent labels", "--top-k", ONE_TRUE),
    (SHARES, {"ties": "first"}, "--ties first cannot be used for soft labels", "--ties first", ONE_TRUE),
    (INDEPENDENT, {"ties": "first"}, "--ties first cannot be used for independent labels", "--ties first", ONE_TRUE),
    (
        {},
        {"reduce_labels": "sum"},
        "--reduce-labels sum cannot be used for labels of one class each",
        "--reduce-labels sum",
        INDEPENDENT_ONLY,
    ),
    (
        SINGLE,
        {"reduce_labels": "sum"},
        "--reduce-labels sum cannot be used for labels of two classes",
        "--reduce-labels sum",
        INDEPENDENT_ONLY,
    ),
    (
        SHARES,
        {"reduce_labels": "sum"},
        "--reduce-labels sum cannot be used for soft labels",
        "--reduce-labels sum",
        INDEPENDENT_ONLY,
    ),
    (
        INDEPENDENT,
        {"renormalize": True},
        "--renormalize cannot be used for independent labels",
        "--renormalize",
        "their probabilities need not sum to 1",
    ),
    (
        SINGLE,
        {"renormalize": True},
        "--renormalize cannot be used for a single probability column",
        "--renormalize",
        "it needs one column per class",
    ),
    (LOGITS, {"renormalize": True}, "--renormalize cannot be used for logits", "--renormalize", "their softmax sums to 1"),
    (
        {},
        {"normalize_labels": True},
        "--normalize-labels cannot be used for labels of one class each",
        "--normalize-labels",
        SHARES_ONLY,
    ),
    (
        SINGLE,
        {"normalize_labels": True},
        "--normalize-labels cannot be used for labels of two classes",
        "--normalize-labels",
        SHARES_ONLY,
    ),
    (
        INDEPENDENT,
        {"normalize_labels": True, "task": "multilabel"},
        "--normalize-labels cannot be used for independent labels",
        "--normalize-labels",
        SHARES_ONLY,
    ),
    (
        ORDERED,
        {"id_match": "inner"},
        "--id-match inner cannot be used without ids",
        "--id-match inner",
        "rows are matched by position; name the ids: --id NAME",
    ),
    (
        {},
        {"id_match": "inner", "id": "#"},
        "--id-match inner cannot be used without ids",
        "--id-match inner",
        "rows are matched by position; name the ids: --id NAME",
    ),
    (
        ONE,
        {"id_match": "inner"},
        "--id-match inner cannot be used for one file",
        "--id-match inner",
        "every label is in the row of its prediction",
    ),
    (
        LOGITS,
        {"convention": "keras"},
        "--as keras cannot be used for logits",
        "--as keras",
        "the rules of other tools are for probabilities",
    ),
    (
        LOGPROBS,
        {"convention": "keras"},
        "--as keras cannot be used for logprobs",
        "--as keras",
        "the rules of other tools are for probabilities",
    ),
    (
        {},
        {"convention": "torch-bce"},
        "--as torch-bce cannot be used for labels of one class each",
        "--as torch-bce",
        "the rule is for labels of two classes, independent labels",
    ),
    (
        SHARES,
        {"convention": "sklearn"},
        "--as sklearn cannot be used for soft labels",
        "--as sklearn",
        "the rule is for labels of one class each",
    ),
    (
        INDEPENDENT,
        {"convention": "kaggle"},
        "--as kaggle cannot be used for independent labels",
        "--as kaggle",
        "the rule is for labels of one class each",
    ),
    (
        SHARES,
        {"convention": "xgboost"},
        "--as xgboost cannot be used for soft labels",
        "--as xgboost",
        "the rule is for labels of one class each, independent labels",
    ),
    ({}, {"convention": "keras", "eps": 0.1}, "--as keras cannot be used with --eps", "--as keras", ITSELF),
    ({}, {"convention": "keras", "renormalize": True}, "--as keras cannot be used with --renormalize", "--as keras", ITSELF),
    (
        {},
        {"task": "binary"},
        "--task cannot be binary",
        "--task binary",
        "found 3 classes: cat, dog, owl; the files hold a multiclass task",
    ),
    (
        {},
        {"task": "soft"},
        "--task cannot be soft",
        "--task soft",
        'there is one label column, "label"; soft labels are shares, in one column per class or one of the positive class',
    ),
    (
        {},
        {"task": "multilabel"},
        "--task cannot be multilabel",
        "--task multilabel",
        'there is one label column, "label"; independent labels have one 0/1 column each',
    ),
    (
        SINGLE,
        {"task": "multiclass"},
        "--task cannot be multiclass",
        "--task multiclass",
        "found 2 classes: 0, 1; the files hold a binary task",
    ),
    (
        HOT,
        {"classes": {"1": "cat"}},
        "--classes cannot be used for label columns of numbers",
        "--classes",
        "it says what the texts of a single label column mean",
    ),
]


def unfit_text(message, place, advice):
    return f"error[E604]: {message}\n  --> option {place}\n  = help: {advice}"


@pytest.mark.parametrize(("contents", "options", "message", "place", "advice"), UNFIT, ids=[case[2] for case in UNFIT])
def test_an_option_that_does_not_fit_says_why(files, contents, options, message, place, advice):
    files(FILES | contents)
    call = ["preds.csv"] if contents is ONE else ["preds.csv", "labels.csv"]
    assert text_of(celoss.evaluate, *call, **options) == unfit_text(message, place, advice)
    # The command line is wrong, whatever is in the files.
    with pytest.raises(UsageError):
        celoss.evaluate(*call, **options)


# --- notes --------------------------------------------------------------------------------------------------------------

NOTES = [
    (
        {
            "preds.csv": r"id,cat,dog,owl\na,0.70,0.20,0.10\nb,,0.80,0.10\nc,0.20,0.20,0.60\nd,0.20,0.60,0.20\ng,0.5,0.5,0\n",
            "labels.csv": r"id,label\na,cat\nb,dog\nc,owl\nd,dog\ne,owl\nf,cat\n",
        },
        {"missing": "drop", "id_match": "inner"},
        "note[N7]: 3 rows scored; left out: 1 row with a missing value (--missing drop); 1 prediction without a label "
        "(--id-match inner); 2 labels without a prediction (--id-match inner)",
        1 + 1 + 2,
    ),
    (
        {
            "preds.csv": r"id,cat,dog,owl\na,0.70,0.20,0.10\nb,,0.80,0.10\nc,0.20,0.20,0.60\n",
            "labels.csv": r"id,label\na,cat\nb,dog\nc,\n",
        },
        {"missing": "drop"},
        "note[N7]: 1 row scored; left out: 2 rows with a missing value (--missing drop)",
        2,
    ),
    (
        {"preds.csv": r"id,cat,dog,owl\na,0.70,0.20,0.10\nb,,0.80,0.10\nc,0.20,nan,n/a\n"},
        {"missing": "uniform"},
        "note[N8]: 2 rows with a missing probability scored as a uniform forecast (--missing uniform)",
        2,
    ),
    (
        {"preds.csv": r"id,cat,dog,owl\na,1,0,0\nb,0.5,0.25,0.25\nc,0.5,0.5,0\n", **SHARES},
        {},
        "note[N1]: 2 rows gave a class of the label less than eps (2.2e-16)",
        2,
    ),
    (
        {"preds.csv": r"id,cat,dog,owl\na,0,0.5,0.5\nb,0.1,0.8,0.1\nc,0.2,0.2,0.6\n"},
        {"base": 2},
        f"note[N1]: 1 row gave the true class less than eps (2.2e-16); it counts as 52.0000, {52 / (52 - math.log2(0.8) - math.log2(0.6)):.1%} of the loss",
        1,
    ),
    (
        {"preds.csv": r"id,p\na,0.7\nb,0.6\nc,0\n", "labels.csv": r"id,label\na,1\nb,0\nc,1\n"},
        {"eps": 0, "calibration": True},
        "note[N15]: no recalibration: the log loss is infinite, at every temperature",
        0,
    ),
    (
        {"preds.csv": r"id,p\na,0.7\nb,0.6\n", "labels.csv": r"id,label\na,1\nb,1\n"},
        {"calibration": True},
        "note[N15]: no recalibration: all labels are one class",
        0,
    ),
    (
        {"preds.csv": r"id,p\na,0.7\nb,0.4\nc,0.8\n", "labels.csv": r"id,label\na,1\nb,0\nc,1\n"},
        {"calibration": True},
        "note[N16]: every label is the most probable class: the loss goes to 0 with T, which was stopped at 0.029",
        3,
    ),
    (
        {"preds.csv": r"id,p\na,0.9\nb,0.1\nc,0.3\n", "labels.csv": r"id,label\na,1\nb,0\nc,1\n"},
        {"calibration": True},
        "note[N16]: with class biases every label is the most probable class: the loss goes to 0 with their T, which was stopped "
        "at 0.046; without them T = 1.16 is best",
        3,
    ),
    (
        {
            "preds.csv": r"id,cat,dog,owl\na,0.7,0.2,0.1\nb,0.4,0.5,0.1\nc,0.5,0.3,0.2\n",
            "labels.csv": r"id,label\na,cat\nb,dog\nc,dog\n",
        },
        {"calibration": True},
        "note[N26]: 1 class that no label has is ruled out beside class biases, which alone would lower the log loss by "
        "0.0797; whether it can occur, these rows do not tell",
        3,
    ),
    (
        {"preds.csv": r"id,p\na,0.3\nb,0.4\nc,0.8\nd,0.7\n", "labels.csv": r"id,label\na,1\nb,0\nc,0\nd,1\n"},
        {"calibration": True},
        "note[N17]: no temperature helps: uniform probabilities have a smaller loss; are columns swapped?",
        4,
    ),
    (
        {
            "preds.csv": rf"id,{','.join(f'c{number}' for number in range(201))}\na{',0.4,0.2' + ',0' * 197 + ',0.2,0.2'}\nb{',0.1,0.5' + ',0' * 197 + ',0.2,0.2'}\n",
            "labels.csv": r"id,label\na,c0\nb,c0\nb,c1\n".replace(r"b,c0\n", ""),
        },
        {"calibration": True},
        "note[N18]: 201 classes: the temperature alone is fitted; biases are for up to 200",
        2,
    ),
    (
        {"preds.csv": r"id,cat,dog,owl\na,0,0.5,0.5\nb,0.1,0.8,0.1\nc,0.2,0.2,0.6\n"},
        {"convention": "keras"},
        "note[N1]: 1 row costs another loss than −ln p by the rule of keras",
        1,
    ),
    (
        {"preds.csv": r"id,cat,dog,owl\na,0.98,0.01,0.01\nb,0.01,0.98,0.01\nc,0.01,0.01,0.98\n"},
        {},
        "note[N10]: a single row with another label than forecast would add about 1.3 to the log loss, more than 3 times its "
        "standard error of 0: 3 rows are too few to say how often that happens, and the interval counts with none",
        3,
    ),
    (
        {"labels.csv": r"id,label,patient\na,cat,p1\nb,dog,p2\nc,owl,p1\n"},
        {"cluster": "patient"},
        "note[N11]: there are only 2 clusters: below 30 their spread is too uncertain for intervals",
        2,
    ),
    (
        {"labels.csv": r"id,label,patient\na,cat,p1\nb,dog,p1\nc,owl,p1\n"},
        {"cluster": "patient"},
        "note[N11]: there is only one cluster: no spread, and so no interval, can be seen in it",
        1,
    ),
    (
        {"labels.csv": r"id,label,patient\na,cat,p1\nb,dog,\nc,owl,\n"},
        {"cluster": "patient"},
        'note[N13]: 2 rows have no value in "patient": they count as one cluster',
        2,
    ),
    (
        {
            "preds.csv": "id,cat,dog\\n" + "".join(rf"{one},0.6,0.4\n" for one in range(30)),
            "labels.csv": r"id,label,patient\n"
            + "".join(rf"{one},{'dog' if one % 3 else 'cat'},p{one}\n" for one in range(30)),
        },
        {"cluster": "patient"},
        'note[N14]: each row has a value of its own in "patient": --cluster changes nothing',
        30,
    ),
    (
        {},
        {"min": {"accuracy": 86}},
        "note[N25]: --min accuracy=86 is never kept: accuracy is never above 1\n  = help: for 86 % write --min accuracy=0.86",
        0,
    ),
]


OTHER = r"id,cat,dog,owl\na,0.6,0.2,0.2\nb,0.3,0.4,0.3\nc,0.1,0.1,0.8\n"
# Of `celoss.compare`: files beside FILES, options, the text and the count of a note.
COMPARED = [
    (
        {"b.csv": r"id,cat,dog,owl\na,0.6,0.2,0.2\nb,0.3,,0.3\nc,0.1,0.1,0.8\n"},
        {"missing": "drop"},
        "note[N20]: compared on the 2 rows that all files have scored; each has scored 2 to 3",
        1,
    ),
    (
        {"labels.csv": r"id,label,patient\na,cat,1\nb,dog,1\nc,owl,2\n", "b.csv": OTHER},
        {"cluster": "patient"},
        "note[N11]: there are only 2 clusters: below 30 their spread is too uncertain for intervals",
        2,
    ),
    (
        {"b.csv": r"id,cat,dog,owl\na,2.5,0.2,-1\nb,0.3,4,0.3\nc,0.1,0.1,3.5\n"},
        {},
        "note[N22]: the files have different floors of a probability (preds.csv: 2.2e-16; b.csv: 0); --eps gives all the same",
        0,
    ),
]


@pytest.mark.parametrize(("contents", "options", "text", "count"), COMPARED, ids=[code_of(case[2]) for case in COMPARED])
def test_a_note_on_a_comparison_says_what_was_done(files, contents, options, text, count):
    files(FILES | contents)
    notes = [
        note for note in celoss.compare(["preds.csv", "b.csv"], "labels.csv", **options).notes if note.code == code_of(text)
    ]
    assert [(str(note), note.count) for note in notes] == [(text, count)]


def test_notes_on_compared_files_begin_with_their_names_and_of_many_the_first_are_told(files):
    paths = [f"{number}.csv" for number in range(5)]
    files(FILES | dict.fromkeys(paths, r"id,cat,dog,owl\na,0.6,0.2,0.2\nb,0.5,0,0.5\nc,0.1,0.1,0.8\n"))
    notes = [note.message for note in celoss.compare(paths, "labels.csv").notes if note.code == "N1"]
    assert [message.partition(":")[0] for message in notes] == paths[:3]
    assert notes[2] == notes[1].replace("1.csv", "2.csv") + " (2 more files with such a note)"


@pytest.mark.parametrize(("contents", "options", "text", "count"), NOTES, ids=[code_of(case[2]) for case in NOTES])
def test_a_note_says_what_was_done_and_how_often(files, contents, options, text, count):
    files(FILES | contents)
    notes = [note for note in celoss.evaluate("preds.csv", "labels.csv", **options).notes if note.code == code_of(text)]
    assert [(str(note), note.count) for note in notes] == [(text, count)]


def test_json_lines_that_change_the_kind_of_a_value_say_where(files):
    files({"preds.jsonl": '{"p": 0.5}\\n' * 1001 + '{"p": "half"}\\n', "labels.csv": "y\\n" + "0\\n1\\n" * 501})
    assert text_of(celoss.evaluate, "preds.jsonl", "labels.csv") == (
        'error[E501]: "half" is not a number\n'
        '  --> preds.jsonl:1002, column "p"\n'
        '  1002 | {"p": "half"}\n'
        "       |       ^^^^^^\n"
        "  = help: give every row a probability for every class (0 is allowed)"
    )


def crowded():
    """Several models judge 4 rows where memory is for 2."""
    p, y = np.array([[0.7, 0.3], [0.4, 0.6], [0.6, 0.4], [0.2, 0.8]]), [0, 1, 1, 0]
    with mock.patch("celoss.explaining.judging.MOST_POOLED", 2 * 2 * 32):
        celoss.explain(p, y, suspects=1, also=[p])


IN_MEMORY = [
    (
        crowded,
        """\
error[E614]: 4 rows are too many for several models: they are judged in 1 GiB of memory, 2 rows of 2 classes
  --> option --also
  = help: judge by one model, without --also""",
    ),
    (
        lambda: celoss.log_loss(["a", "b"], [[0.5, 0.5], [0.5, 0.5]], classes=["a", "b", "c"]),
        """\
error[E209]: the predictions array has 2 columns and 3 names
  = help: give one name per column, in their order""",
    ),
    (
        lambda: celoss.evaluate(pa.table([["a"], [0.5], [0.5]], names=["id", "p", "p"]), [1]),
        """\
error[E203]: two columns are called "p"
  --> the predictions table
  = found: columns 2 and 3
  = help: give every column its own name""",
    ),
    (
        lambda: celoss.evaluate(pa.table({"cat": [0.5, 2.0, 0.5], "dog": [0.5] * 3}), ["cat", "dog", "dog"]),
        """\
error[E503]: 1 probability is outside 0 to 1
  --> the predictions table, row 2, column "cat\"""",
    ),
    (
        lambda: check_metric("logloss", "--only"),
        """\
error[E601]: no metric "logloss"
  --> option --only logloss
  = metrics: accuracy, brier, brier_sum, ece, kl_divergence, label_entropy, log_loss, reference_log_loss, skill
  = help: did you mean --only log_loss?""",
    ),
    (
        lambda: check_targets([("-o", "a.json"), ("--rows", "b.csv")], ["./b.csv", "-", None]),
        """\
error[E705]: cannot write 'b.csv': it is an input
  --> option --rows b.csv
  = help: write to another file""",
    ),
    (
        lambda: check_targets([("-o", "a.csv"), ("--rows", "a.csv")], ["b.csv", None]),
        """\
error[E705]: cannot write 'a.csv': it is written twice
  --> option --rows a.csv
  = help: write to another file""",
    ),
]


@pytest.mark.parametrize(("function", "text"), IN_MEMORY, ids=[text[6:10] for _, text in IN_MEMORY])
def test_an_error_about_data_in_memory_names_rows_and_no_file(function, text):
    assert text_of(function) == text


def proven_texts():
    """Every error and note, one by one, whose exact text is expected here."""
    texts = [case.values[-1] for case in (*PARSED, *SAID_CASES)] + [TERMINAL, NO_MEMORY, FAILED]
    texts += [text for *_, text in MADE] + [text for _, text in IN_MEMORY] + [text for _, _, text, _ in (*NOTES, *COMPARED)]
    texts += [unfit_text(*case[2:]) for case in UNFIT]
    return {one for text in texts for one in text.split("\n\n")}


def test_every_code_has_its_text_tested():
    sources = [path.read_text() for folder in ("core", "cli") for path in (SOURCES / folder).rglob("*.py")]
    raised = {code for text in sources for code in re.findall(r'"(E\d{3}|N\d+)"', text)}
    assert raised
    assert raised - set(map(code_of, proven_texts())) == set()


def test_control_characters_of_a_file_do_not_reach_the_terminal(files):
    files({**FILES, "labels.csv": r"id,label\na,cat\nb,\x1b[31mred\x07\nc,owl\n"})
    text = text_of(celoss.evaluate, "preds.csv", "labels.csv")
    assert text.startswith(r'error[E402]: label "\x1b[31mred\x07" is not one of the predicted classes')
    assert "\x1b" not in text and "\x07" not in text


def test_a_long_value_is_shortened_in_its_middle(files):
    files({**FILES, "labels.csv": rf"id,label\na,cat\nb,{'x' * 50}{'y' * 50}\nc,owl\n"})
    assert f'label "{"x" * 20}…{"y" * 19}" is not' in text_of(celoss.evaluate, "preds.csv", "labels.csv")


# --- texts that are not true, or not English ----------------------------------------------------------------------------

MANY = r"a,0\na,1\n" * 500
UNTRUE = {
    "two bad cells among good rows are no logits": (
        {"preds.csv": r"id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.1,1.8,0.1\nc,0.20,0.20,-0.6\n"},
        "raw model scores",
    ),
    "a row that is in one file only cannot be left out of both": ({"labels.csv": r"id,label\na,cat\n"}, "out of both"),
    "the lines have more values than the header": (
        {"preds.csv": r"cat,dog\na,0.7,0.3\nb,0.2,0.8\n"},
        "every line needs a value",
    ),
    "the column that matches the rows is not the label": ({"labels.csv": r"id,x,y\na,1,t\nb,2,v\nc,3,z\n"}, "--label id"),
    "these labels match no column, so they are no label column": pytest.param(
        {"preds.csv": r"id,cat,dog\n0,0.7,0.3\n1,0.2,0.8\n", "labels.csv": r"id,cat,dog\n0,1,0\n1,0,1\n"},
        "--label id",
        marks=bug("an id of 0 and 1 counts as a 0/1 column"),
    ),
    "a column named after a class is 1 for that class": pytest.param(
        {"preds.csv": r"id,dog,cat\na,0.7,0.3\nb,0.2,0.8\n", "labels.csv": r"id,dog\na,1\nb,0\n"},
        "0=dog",
    ),
    "a lone -1 is not a misspelt 1": (
        {"preds.csv": "id,p" + r"\na,0.5" * 1001, "labels.csv": rf"id,y\n{MANY}a,-1\n"},
        'class is "1"',
    ),
    "an id is no class": (
        {"preds.csv": r"id,cat,dog\n1,0.70,0.30\n2,1.20,0.10\n", "labels.csv": r"label\ncat\ndog\n"},
        "dog, id",
    ),
}


@pytest.mark.parametrize(("contents", "wrong"), UNTRUE.values(), ids=UNTRUE)
def test_a_message_is_true_for_the_input(files, contents, wrong):
    files(FILES | contents)
    options = {'class is "1"': {"id": "#"}, "0=dog": {"label": "dog"}}.get(wrong, {})
    assert wrong not in text_of(celoss.evaluate, "preds.csv", "labels.csv", **options)


def test_a_place_in_json_names_the_file_alone(files):
    files(FILES | {"preds.csv": r"id,cat,cat\na,0.7,0.3\n"})
    with pytest.raises(CelossError) as caught:
        celoss.evaluate("preds.csv", "labels.csv")
    assert caught.value.places[0].to_dict()["file"] == "preds.csv"


def test_the_way_to_convert_standard_input_names_no_file(files, celoss):
    files(FILES)
    ran = celoss("eval", "preds.csv", "-", stdin=b"id,label\na,cat\nb,d\xf6g\nc,owl\n")
    assert ran.err == (
        "error[E105]: 'standard input' is not UTF-8\n"
        '  --> standard input:3, column "label"\n'
        '  = found: "d\\xf6g"\n'
        "  = help: if it is Windows-1252 or Latin-1, put it before celoss: iconv -f WINDOWS-1252 -t UTF-8 | celoss …\n"
    )


def test_a_command_of_a_hint_quotes_the_name_of_a_file(files):
    files(FILES | {"my labels.csv": r"id,label\na,cat\nb,d\xf6g\nc,owl\n"})
    hint = "iconv -f WINDOWS-1252 -t UTF-8 'my labels.csv' > utf8.csv"
    assert text_of(celoss.evaluate, "preds.csv", "my labels.csv").endswith(hint)


@pytest.mark.parametrize("shape", [(1, 2, 3), (2, 2), (0, 2), ()])
def test_messages_about_data_in_memory_are_sentences(shape):
    values = np.zeros(shape) if shape else pa.table({"p": [[1.0, 0.0], [1.0], [1.0, 0.0]]})
    wrong = "the predictions is|the predictions has|the labels has|has a header|'the predictions'|1 numbers"
    assert not re.search(wrong, text_of(celoss.evaluate, values, [0, 1, 0]))
