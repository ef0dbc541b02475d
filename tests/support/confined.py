"""A process as a container of Kubernetes' restricted profile has it, as far as namespaces of this machine can imitate that.

Every mount is read-only but one folder and a /tmp of its own; the user is nobody known (65532, where the tests run as root; else whoever
runs them), without capabilities, and may gain none. Not imitated: the seccomp filter, the limits of a cgroup.
"""

import os
import subprocess

USER = 65532

# Makes every mount read-only that lets itself be made so; `standing` tells which did not.
SCRIPT = r"""
set -eu
writable=$1; shift
mount --make-rprivate /
mount --bind "$writable" "$writable"
cut -d' ' -f5 /proc/self/mountinfo | while read -r place; do
    [ "$place" = "$writable" ] || mount -o remount,bind,ro "$(printf '%b' "$place")" 2>/dev/null || true
done
exec setpriv $CONFINED_USER --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"
"""


def let_through(path):
    """Folders of this run above the path may be passed by everybody; whoever made them made them for himself alone."""
    parts = os.path.realpath(path).split(os.sep)
    first = next(i for i, part in enumerate(parts) if part.startswith("millrace-"))
    for end in range(first + 1, len(parts) + 1):
        folder = os.sep.join(parts[:end])
        os.chmod(folder, os.stat(folder).st_mode | 0o055 if end == len(parts) else os.stat(folder).st_mode | 0o011)


class Confined:
    """`writable`: the one folder that its process may write; it is given to its user. As lab.Worker's host."""

    def __init__(self, writable):
        self.writable = os.path.realpath(writable)
        self.root = os.getuid() == 0
        if self.root:
            os.chown(self.writable, USER, USER)

    def spawn(self, command, env=None, **more):
        user = "--reuid=%d --regid=%d --clear-groups" % (USER, USER) if self.root else ""
        namespaces = ["unshare", "--mount"] + ([] if self.root else ["--user", "--map-root-user"])
        return subprocess.Popen([*namespaces, "sh", "-c", SCRIPT, "confined", self.writable, *command],
                                env={**(env or os.environ), "CONFINED_USER": user}, **more)


def standing(pid):
    """What /proc says of a process: its user, capabilities, whether it may gain any, and whether its root is read-only."""
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    with open("/proc/%d/mountinfo" % pid, encoding="utf-8") as file:
        mounts = {fields[4]: fields[5].split(",") for fields in map(str.split, file)}
    return {"user": int(status["Uid"].split()[0]), "may": int(status["CapEff"], 16), "could": int(status["CapBnd"], 16),
            "gains_nothing": status["NoNewPrivs"] == "1", "writable": sorted(p for p, flags in mounts.items() if "rw" in flags)}
