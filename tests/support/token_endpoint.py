"""Token endpoints on the loopback that check what they are asked and hand out tokens of a real issuer (oidc_provider): one that takes a
client's secret, Microsoft Entra's, which takes an assertion, and Azure's metadata service. They can be away, or busy, for a while."""

import base64
import http.server
import json
import threading
import urllib.parse

import oidc_provider

CLIENT, SECRET, TENANT = "kafka", "secret", "8f3c1a52-0000-4000-8000-2f6d8a1b9c3e"
AUDIENCE = "api://kafka"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenEndpoint:
    """`asked`: (path, form or query, headers) of each request. `away`: answers none; `busy`: how many more get 429."""

    def __init__(self, issuer):
        self.issuer = issuer
        self.asked, self.tokens = [], []
        self.away, self.busy = False, 0
        self.assertion = None  # what Entra believes now
        self.secrets = {SECRET}  # of the client, that count
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                endpoint.serve(self, "")

            def do_POST(self):
                endpoint.serve(self, self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, request, body):
        if self.away:
            request.close_connection = True
            return
        path, _, query = request.path.partition("?")
        fields = dict(urllib.parse.parse_qsl(body or query))
        self.asked.append((path, fields, dict(request.headers)))
        if self.busy > 0:
            self.busy -= 1
            self.answer(request, 429, {"error": "temporarily_unavailable"}, {"Retry-After": "1"})
            return
        why = {"/token": self.secret_problem, "/%s/oauth2/v2.0/token" % TENANT: self.entra_problem,
               "/metadata/identity/oauth2/token": self.metadata_problem}.get(path, lambda *_: "no such path")(fields, request.headers)
        if why:
            self.answer(request, 401, {"error": "invalid_client", "error_description": "AADSTS700027: " + why})
            return
        token = self.issuer.token(CLIENT, AUDIENCE)
        self.tokens.append(token)
        seconds = 8
        metadata = path.startswith("/metadata")
        self.answer(request, 200, {"access_token": token, "token_type": "Bearer", "expires_in": str(seconds) if metadata else seconds})

    @staticmethod
    def answer(request, status, body, headers=None):
        data = json.dumps(body).encode()
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    def secret_problem(self, form, headers):
        logins = ["Basic " + base64.b64encode(("%s:%s" % (CLIENT, secret)).encode()).decode() for secret in self.secrets]
        if form != {"grant_type": "client_credentials", "scope": "connect"} or headers.get("Authorization") not in logins:
            return "not the client's request: %s" % form
        return None

    def entra_problem(self, form, headers):
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT, "client_assertion_type": ASSERTION_TYPE,
                  "client_assertion": self.assertion, "scope": "https://hub.servicebus.windows.net/.default"}
        return None if form == wanted and "Authorization" not in headers else "not the pod's request"

    @staticmethod
    def metadata_problem(query, headers):
        wanted = {"api-version": "2018-02-01", "resource": "https://hub.servicebus.windows.net", "client_id": CLIENT}
        return None if query == wanted and headers.get("Metadata") == "true" else "not a machine's request: %s" % query


def federated_token(number):
    """What Kubernetes would write into the pod's file: another one each time."""
    part = oidc_provider.base64url
    return "%s.%s.%s" % (part(b'{"alg":"RS256"}'), part(json.dumps({"sub": "system:serviceaccount", "n": number}).encode()),
                         part(b"signature-%d" % number))
