"""The root of the container image: its size, what is not in it, and the worker run from it without rights."""

import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STAGE = os.path.join(SOURCE, "examples", "docker", "stage")
BUILD = os.environ.get("MILLRACE_BUILD", os.path.join(SOURCE, "build"))
SIZE_MAX_BYTES = 40 << 20
CONFINED = """set -e
mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; mount -t proc proc "$0/proc"
if chroot "$0" /opt/millrace/bin/millrace version >"$0/tmp/written" 2>/dev/null; then echo "the root is writable" >&2; exit 99; fi
exec chroot --userspec=65532:65532 "$0" /opt/millrace/bin/millrace "$@"
"""


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("unshare"), "needs root and unshare to confine the worker")
class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="millrace-image-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.root = os.path.join(cls.scratch.name, "root")
        subprocess.run([STAGE, BUILD, cls.root], check=True, timeout=60, stdout=subprocess.DEVNULL)

    def files(self):
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.root) for name in names]

    def test_the_root_takes_no_more_than_40_mib(self):
        self.assertLessEqual(sum(os.lstat(path).st_size for path in self.files()), SIZE_MAX_BYTES)

    def test_the_root_holds_no_shell(self):
        shells = {"sh", "bash", "dash", "busybox"}
        self.assertEqual([path for path in self.files() if os.path.basename(path) in shells], [])

    def test_the_worker_starts_from_a_read_only_root_without_rights(self):
        done = subprocess.run(["unshare", "-m", "-p", "-f", "sh", "-c", CONFINED, self.root, "version"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("compatible with Kafka Connect", done.stdout)


if __name__ == "__main__":
    unittest.main()
