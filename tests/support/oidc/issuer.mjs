// An OpenID Connect issuer on the loopback for tests: the package oidc-provider, unchanged, and what a test has to do to it.
//
//   node issuer.mjs FOLDER PORT        (FOLDER holds node_modules; prints "ready" once it listens)
//
// Tokens by client credentials (RFC 6749, 4.4) for a resource (RFC 8707): JWTs of the clients below, for whatever audience is asked.
// Beside the provider:
//   POST /control/keys ["a", "b"]   from now on offers these keys (each an RSA and a P-256 one, made when first named), signs by the first
//   GET  /control/asked             {path: how often it was asked}
//   GET  /control/public            {name: {pem, kid}} of the RSA keys
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, port] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(join(folder, "node_modules/oidc-provider/lib/index.js")));
const issuer = `http://127.0.0.1:${port}`;
const CLIENTS = {
  editor: { groups: ["team"] },
  viewer: { groups: ["readers"] },
  elliptic: { groups: ["team"], alg: "ES256" },
  brief: { groups: ["team"], seconds: 1 },
  kafka: { groups: [], seconds: 8, resource: "api://kafka" }, // Kafka's clients name no resource
};

const made = {};
function keysOf(name) {
  made[name] ??= {
    rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ec: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  };
  const jwk = (pair, kid, alg) => ({ ...pair.privateKey.export({ format: "jwk" }), kid, alg, use: "sig" });
  return [jwk(made[name].rsa, `${name}-rsa`, "RS256"), jwk(made[name].ec, `${name}-ec`, "ES256")];
}

function provide(names) {
  const provider = new Provider(issuer, {
    clients: Object.keys(CLIENTS).map((client_id) => ({
      client_id, client_secret: "secret", grant_types: ["client_credentials"], redirect_uris: [], response_types: [],
    })),
    jwks: { keys: names.flatMap(keysOf) },
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256"] },
    extraTokenClaims: (ctx, token) => ({ groups: CLIENTS[token.clientId].groups }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx, client) => CLIENTS[client.clientId]?.resource,
        getResourceServerInfo: (ctx, audience, client) => ({
          scope: "connect", audience, accessTokenFormat: "jwt", accessTokenTTL: CLIENTS[client.clientId].seconds ?? 600,
          jwt: { sign: { alg: CLIENTS[client.clientId].alg ?? "RS256" } },
        }),
      },
    },
  });
  return provider.callback();
}

let serve = provide(["a"]);
const asked = {};

function control(request, response) {
  const answer = (body) => response.end(JSON.stringify(body));
  if (request.url === "/control/asked") return answer(asked);
  if (request.url === "/control/public")
    return answer(Object.fromEntries(Object.entries(made).map(([name, pair]) =>
      [name, { kid: `${name}-rsa`, pem: pair.rsa.publicKey.export({ type: "spki", format: "pem" }) }])));
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    serve = provide(JSON.parse(body));
    answer({});
  });
}

createServer((request, response) => {
  if (request.url.startsWith("/control/")) return control(request, response);
  asked[request.url] = (asked[request.url] ?? 0) + 1;
  serve(request, response);
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
