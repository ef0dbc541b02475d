"""A target of the HTTP sink: a server on the loopback that takes records, or does what a test tells it to instead.

    with HttpTarget() as target:
        target.trouble(answer(429, {"Retry-After": "1"}), reset, hang)      # for the next requests, in this order
        target.taken                                                        # of the requests it took: (method, path, headers, body)
"""

import base64
import http.server
import json
import socket
import struct
import threading
import urllib.parse


def answer(status, headers=None, body=b""):
    """Trouble: this answer, and nothing is taken."""
    def say(handler, _target):
        handler.say(status, body, headers)
    return say


def reset(handler, _target):
    """Trouble: the connection is broken off."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def hang(handler, target):
    """Trouble: no answer, until the target ends."""
    target.ends.wait(60)
    handler.close_connection = True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def say(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def act(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.target.act(self, body)

    do_POST = do_PUT = do_PATCH = do_DELETE = act

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a connection that was broken off, here or there


class HttpTarget:
    """`tls`: an ssl.SSLContext. `refuses`: of a body, whether it is answered 400. `tokens`: clients by their secrets; then a token,
    fetched from `token_url`, must come with each request, and counts for `token_requests` of them."""

    def __init__(self, tls=None, refuses=None, tokens=None, token_requests=None):
        self.lock, self.ends, self.is_away = threading.Lock(), threading.Event(), False
        self.taken, self.asked, self._trouble = [], 0, []
        self.refuses, self.tokens, self.token_requests = refuses, tokens, token_requests
        self.token, self.tokens_given, self._token_left = None, [], 0
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.target = self
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = "%s://localhost:%d" % ("https" if tls else "http", self.server.server_address[1])
        self.token_url = self.url + "/token"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.server.shutdown()
        self.server.server_close()

    def trouble(self, *acts):
        with self.lock:
            self._trouble += acts

    def trouble_left(self):
        with self.lock:
            return len(self._trouble)

    def bodies(self):
        with self.lock:
            return [body for _, _, _, body in self.taken]

    def _give_token(self, handler, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        basic = (handler.headers.get("Authorization") or "").removeprefix("Basic ")
        user, _, secret = base64.b64decode(basic).decode().partition(":")
        if self.tokens.get(form.get("client_id", user)) != form.get("client_secret", secret):
            handler.say(401, b'{"error":"invalid_client"}')
            return
        self.token, self._token_left = "token-%d-secret" % (len(self.tokens_given) + 1), self.token_requests
        self.tokens_given.append(self.token)
        handler.say(200, json.dumps({"access_token": self.token, "token_type": "Bearer", "expires_in": 600}).encode())

    def _is_welcome(self, handler):
        if self.tokens is None:
            return True
        self._token_left -= 1
        return self._token_left >= 0 and handler.headers.get("Authorization") == "Bearer " + self.token

    def act(self, handler, body):
        with self.lock:
            if handler.path == "/token":
                self._give_token(handler, body)
                return
            self.asked += 1
            trouble = self._trouble.pop(0) if self._trouble else None
            if not trouble and self.is_away:
                trouble = answer(503)
            if not trouble and not self._is_welcome(handler):
                trouble = answer(401, body=b"token unknown")
            if not trouble and self.refuses and self.refuses(body):
                trouble = answer(400, body=b"not this one: " + body)
            if not trouble:
                self.taken.append((handler.command, handler.path, dict(handler.headers), body))
        (trouble or answer(200))(handler, self)
