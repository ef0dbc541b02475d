"""Authorities and certificates made at test time with the openssl program, in a folder of the test's own.

    ca = certificates.Authority("O=Acme/CN=ca")
    server = ca.issue("CN=localhost")        # counts for localhost and 127.0.0.1
    tls = certificates.context(ca, own=ca.issue("CN=client"))
"""

import os
import ssl
import subprocess

import lab

PASSWORD = "geheim-12"
NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n"


def openssl(*arguments):
    result = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False)
    assert result.returncode == 0, result.stdout


class Authority:
    """`pem` is its certificate alone."""

    def __init__(self, subject):
        self.folder = lab.scratch_folder()
        self.pem, self.key = os.path.join(self.folder, "ca.pem"), os.path.join(self.folder, "ca.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/" + subject, "-keyout", self.key, "-out", self.pem)

    @classmethod
    def of_files(cls, pem, key):
        """One that is there already."""
        made = cls.__new__(cls)
        made.folder, made.pem, made.key = os.path.dirname(pem), pem, key
        return made

    def issue(self, subject):
        return Certificate(self, subject)


class Certificate:
    """`pem` holds key, certificate and its authority's; `pkcs12` the same under PASSWORD."""

    def __init__(self, authority, subject):
        self.authority, self.folder = authority, lab.scratch_folder()
        path = lambda name: os.path.join(self.folder, name)
        self.pem, self.pkcs12 = path("own.pem"), path("own.p12")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/" + subject,
                "-keyout", path("key"), "-out", path("request"))
        with open(path("names"), "w", encoding="utf-8") as names:
            names.write(NAMES)
        openssl("x509", "-req", "-in", path("request"), "-CA", authority.pem, "-CAkey", authority.key, "-days", "2",
                "-set_serial", str(int.from_bytes(os.urandom(8), "big")), "-extfile", path("names"), "-out", path("certificate"))
        with open(self.pem, "wb") as pem:
            for part in (path("key"), path("certificate"), authority.pem):
                with open(part, "rb") as file:
                    pem.write(file.read())
        openssl("pkcs12", "-export", "-in", self.pem, "-out", self.pkcs12, "-passout", "pass:" + PASSWORD)

    def take_place_of(self, path):
        """Its PEM under that path, in one step."""
        with open(path + ".new", "wb") as fresh, open(self.pem, "rb") as own:
            fresh.write(own.read())
        os.replace(path + ".new", path)


def context(authority, own=None):
    """A client that believes the authority and shows `own`."""
    made = ssl.create_default_context(cafile=authority.pem)
    if own is not None:
        made.load_cert_chain(own.pem)
    return made
