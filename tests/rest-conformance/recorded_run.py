#!/usr/bin/env python3
"""run.py, with each answer of the worker written down: recorded_run.py FILE ARGUMENT-OF-RUN…

FILE gets a line of JSON for each: method, path, status, content_type, body (text; null where it is no UTF-8).
"""

import importlib.util
import json
import os
import sys


def load_run():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.py")
    spec = importlib.util.spec_from_file_location("run", path)
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    return run


def main():
    run, send = load_run(), None
    with open(sys.argv.pop(1), "a", encoding="utf-8") as file:
        def send_and_note(base, method, path, *arguments, **options):
            reply = send(base, method, path, *arguments, **options)
            try:
                body = reply.body.decode("utf-8")
            except UnicodeDecodeError:
                body = None
            file.write(json.dumps({"method": method, "path": path, "status": reply.status,
                                   "content_type": reply.head("Content-Type"), "body": body}) + "\n")
            return reply
        send, run.send = run.send, send_and_note
        return run.main()


if __name__ == "__main__":
    sys.exit(main())
