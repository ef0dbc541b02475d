"""Machines for workers, of namespaces: each has an address, processes and a firewall of its own.

A test calls enter_network() and is from then on alone in a network that nobody else sees, with a bridge that has ADDRESS; it starts its
own Lab there (host=hosts.ADDRESS) and a Host for each machine. Nothing has a name outside: all of it is gone when the test's process is,
however that ends. Root may do this, and whoever may make user namespaces.
"""

import ctypes
import os
import subprocess

import lab

NET = "10.77.0."
ADDRESS = NET + "1"
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *arguments):
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (function.__name__, os.strerror(number)))


def _run(*command):
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"  # not everybody's, and that is where ip and nft are
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False, env={**os.environ, "PATH": path})
    assert result.returncode == 0, "%s: %s" % (" ".join(command), result.stdout.strip())


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def enter_network():
    """This process, and all that it starts from now on, is in a network of its own. Before it has threads."""
    user, group = os.getuid(), os.getgid()
    if user == 0:
        _call(_libc.unshare, CLONE_NEWNET)
    else:
        _call(_libc.unshare, CLONE_NEWUSER | CLONE_NEWNET)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", "0 %d 1" % user)
        _write("/proc/self/gid_map", "0 %d 1" % group)
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "bridge", "type", "bridge")
    _run("ip", "address", "add", ADDRESS + "/24", "dev", "bridge")
    _run("ip", "link", "set", "bridge", "up")


class Host:
    """Machine number N, from 2 on. A process holds its namespaces; it ends with the test, and all that runs on the machine with it."""

    def __init__(self, number):
        self.number, self.address = number, NET + str(number)
        self.holder = subprocess.Popen(["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdin.write(b"\n")
        self.holder.stdin.flush()
        assert self.holder.stdout.read(1) == b"\n", "no namespaces for a machine: this needs root, or user namespaces"
        self.files = [os.open("/proc/%d/ns/%s" % (self.holder.pid, name), os.O_RDONLY | os.O_CLOEXEC)
                      for name in ("pid_for_children", "net", "mnt")]
        self.own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        _run("ip", "link", "add", self._link(), "type", "veth", "peer", "name", "eth0", "netns", str(self.holder.pid))
        _run("ip", "link", "set", self._link(), "master", "bridge", "up")
        self.run("ip", "address", "add", self.address + "/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "link", "set", "lo", "up")

    def _link(self):
        return "host%d" % self.number

    def run(self, *command):
        """A command in its network; AssertionError unless it is well."""
        _run("nsenter", "--target", str(self.holder.pid), "--net", *command)

    def spawn(self, command, cwd, **more):
        """As subprocess.Popen: a child of ours, with a number there and one here."""
        def enter():
            for file in self.files[1:]:
                _call(_libc.setns, file, 0)
            os.chdir(cwd)  # another mount namespace begins at its root
        _call(_libc.setns, self.files[0], CLONE_NEWPID)  # of the children; ourselves stay
        try:
            return subprocess.Popen(command, preexec_fn=enter, **more)
        finally:
            _call(_libc.setns, self.own, CLONE_NEWPID)

    def reset_connections(self, port):
        """From now on whoever connects to the port, or has, is answered with RST, from outside and from here."""
        self.run("nft", "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; "
                        "add rule inet cut in tcp dport %d reject with tcp reset" % port)

    def heal(self):
        self.run("nft", "delete table inet cut")

    def end(self):
        """Kills all that runs there. Its number is free then."""
        if self.holder.poll() is not None:
            return
        _run("ip", "link", "delete", self._link())  # the kernel would, some time after
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait()
        for file in [*self.files, self.own]:
            os.close(file)


def number_inside(pid):
    """What a process calls itself, in its own namespace."""
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("NSpid:")).split()[-1])
