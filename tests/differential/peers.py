"""The two that answer cases: Kafka Connect's own classes behind Driver.java, and our plugins behind the golden driver."""
import glob
import json
import os
import shutil
import subprocess
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
JVM = ["-Xmx512m", "-Xss2m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Duser.timezone=UTC", "-Duser.language=en",
       "-Duser.country=US", "-Dfile.encoding=UTF-8"]


class Peer:
    """A process that answers a line with a line. One that dies over a case is started anew; that case is {"died": …}."""

    def __init__(self, command):
        self.command = command
        self.process = None

    def _start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "TZ": "UTC"})

    def _ask(self, lines):
        if self.process is None:
            self._start()
        process = self.process

        def write():
            try:
                process.stdin.write(b"".join(lines))
                process.stdin.flush()
            except BrokenPipeError:
                pass

        writer = threading.Thread(target=write)
        writer.start()
        answers = []
        for _ in lines:
            line = process.stdout.readline()
            if not line.endswith(b"\n"):
                break
            answers.append(json.loads(line))
        if len(answers) < len(lines):
            process.kill()
        writer.join()
        return answers

    def answers(self, cases):
        lines = [json.dumps(case).encode() + b"\n" for case in cases]
        out = []
        while len(out) < len(lines):
            out += self._ask(lines[len(out):])
            if len(out) < len(lines):
                status = self.process.wait()
                self.process = None
                out.append({"died": status})
        return out

    def end(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


def java_classes():
    """Kafka's jars, fetched when they are not there; None and why where there is no Java."""
    for tool in ("java", "javac"):
        if shutil.which(tool) is None:
            return None, f"{tool} is not installed"
    fetched = subprocess.run([os.path.join(ROOT, "scripts/kafka-lab"), "fetch"], stdout=subprocess.PIPE, text=True, check=False)
    if fetched.returncode != 0:
        return None, "Kafka's jars could not be fetched"
    return fetched.stdout.strip(), None


def java_peer(libraries, scratch):
    """Compiles the driver into `scratch`."""
    path = os.path.join(libraries, "*")
    subprocess.run(["javac", "-nowarn", "-Xlint:none", "-d", scratch, "-cp", path, *sorted(glob.glob(os.path.join(HERE, "*.java")))],
                   check=True)
    return Peer(["java", *JVM, "-cp", f"{scratch}:{path}", "Driver"])


def our_peer(build):
    return Peer([os.path.join(build, "tests/golden"), "--answer"])


def both(java, ours, cases):
    """Pairs of answers; the two work at the same time."""
    found = {}
    thread = threading.Thread(target=lambda: found.update(java=java.answers(cases)))
    thread.start()
    found["ours"] = ours.answers(cases)
    thread.join()
    return list(zip(found["java"], found["ours"]))
