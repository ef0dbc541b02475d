"""An OpenID Connect issuer as a process on the loopback (oidc/issuer.mjs), and tokens that no issuer would make."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import time
import urllib.parse

import lab

AUDIENCE = "api://millrace"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Knows its URL at once; the process runs from start() to stop(), and may be started again (with new keys)."""

    def __init__(self):
        self.port = lab.free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.process = None

    def start(self):
        scripts = os.path.join(lab.ROOT, "scripts")
        folder = subprocess.run([os.path.join(scripts, "oidc-provider")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                check=True).stdout.strip()
        self.process = subprocess.Popen(["node", os.path.join(lab.ROOT, "tests", "support", "oidc", "issuer.mjs"), folder,
                                         str(self.port)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        first = self.process.stdout.readline()
        while first and first.strip() != "ready":
            first = self.process.stdout.readline()
        assert first, "the issuer ended with %s" % self.process.wait()
        return self

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def token(self, client="editor", audience=AUDIENCE):
        login = base64.b64encode(("%s:secret" % client).encode()).decode()
        body = urllib.parse.urlencode({"grant_type": "client_credentials", "resource": audience}).encode()
        status, answer, _ = lab.http("POST", self.url + "/token", body, headers={
            "Authorization": "Basic " + login, "Content-Type": "application/x-www-form-urlencoded"})
        assert status == 200, "%d %s" % (status, answer)
        return answer["access_token"]

    def use_keys(self, *names):
        """Offers these and signs by the first, from now on."""
        assert lab.http("POST", self.url + "/control/keys", list(names))[0] == 200

    def times_asked(self, path):
        return lab.http("GET", self.url + "/control/asked")[1].get(path, 0)

    def public(self, name):
        return lab.http("GET", self.url + "/control/public")[1][name]

    def forged(self, header, secret=b"", **claims):
        """Signed by HMAC under that secret, whatever the header says; good claims but for those given."""
        now_s = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "editor", "groups": ["team"], "iat": now_s, "exp": now_s + 600, **claims}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        return "%s.%s" % (text, base64url(signature))
