"""Runs the command in its arguments and prints, as JSON, what it took and wrote, or why it failed.

A process of its own that holds little: Linux counts the memory of the parent at the fork to the child's peak.
"""

import json
import resource
import subprocess
import sys
import time

start = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
found = {
    "seconds": seconds,
    "cpu": used.ru_utime + used.ru_stime,
    "peak": used.ru_maxrss * 1024 / 1e6,
    "output": done.stdout,
}
failed = {"failed": f"exit status {done.returncode}\n{done.stderr}"}
print(json.dumps(failed if done.returncode else found))
