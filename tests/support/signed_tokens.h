/*
 * A key set, and one token for each of its keys, made by the openssl program (not by the library that checks them): issuer
 * https://login.example/t/v2.0, audience api://millrace, valid from 1767225600 (2026-01-01T00:00:00Z) for an hour, sub u-17,
 * groups orders-devs and all, roles connect-editor. The private keys were thrown away.
 */
#ifndef SUPPORT_SIGNED_TOKENS_H
#define SUPPORT_SIGNED_TOKENS_H

#define SIGNED_TOKENS_ISSUER "https://login.example/t/v2.0"
#define SIGNED_TOKENS_AUDIENCE "api://millrace"
#define SIGNED_TOKENS_FROM_S 1767225600

static const char signed_tokens_keys[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\",\"kid\":\"rsa-1\",\"x5t\":\"rsa-1\",\"n\":\"5XHNcGmybjtfGr6dPxLxLFv"
    "gawIwyktCRM4wK07jKf-sMVIX0LxweyK36iQGA3adqX4nJ5d_FFyiJgPjzpfrMZSwM-TH5d6dviciQWLm_GaX5tcVg"
    "l-hZA99u-ZDhk2shy2s4eJBwwE1_crCYD-vktUdiVHfM1O-sQ4ilDU0iP6t1Tz7RRDYMSvbHGhse7TwVcldLd2s05U"
    "KiU_zFD6iR54OCvpwdADoKfn6aIRisHEGknN75BdCobOZ7j21KPI9LZ0wP2WpvktdwgQltxdqBaOKshyyjdHh-L_32"
    "VToLNgM3TZxPZrGzy9isaYcF4xvWTJ0W1mRKXd6mXoqRbNZ-Q\",\"e\":\"AQAB\",\"x5c\":[\"MIIC\"],\"issuer\":\"htt"
    "ps://login.example/t/v2.0\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"ec-"
    "1\",\"x\":\"p76v7aXdu5AUfygOEk3qedCZI7zv05SSEpJ6dowWrkY\",\"y\":\"9VVLxw6h9tefS1E5mYaulS_StpcKOLh9"
    "pOaAYbwg640\"}]}";

static const char signed_tokens_rs256[] =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsIng1dCI6InJzYS0xIiwia2lkIjoicnNhLTEifQ.eyJhdWQiOiJhcGk6Ly9taWxsc"
    "mFjZSIsImlzcyI6Imh0dHBzOi8vbG9naW4uZXhhbXBsZS90L3YyLjAiLCJpYXQiOjE3NjcyMjU2MDAsIm5iZiI6MTc2NzIyNTYwM"
    "CwiZXhwIjoxNzY3MjI5MjAwLCJzdWIiOiJ1LTE3Iiwib2lkIjoiMDAwMC0xNyIsImdyb3VwcyI6WyJvcmRlcnMtZGV2cyIsImFsb"
    "CJdLCJyb2xlcyI6WyJjb25uZWN0LWVkaXRvciJdLCJzY3AiOiJhY2Nlc3MiLCJ2ZXIiOiIyLjAiLCJyZWFsbV9hY2Nlc3MiOnsic"
    "m9sZXMiOlsibmVzdGVkIl19fQ.Y7-ZxpGpd6j0K-jl7G_heBxIJWYV9xDvrPy3MY9TNu7ovvlGYcDOsWiCD9SPx76IeTpexSjmGp"
    "Oox5bLcEJZq8qMYxEQrwO1ExJJzFHcYxxS1AldOw0B57ER0QmqaqkNS4DZwlJ8Kugo9quv0khVDG9nrr1mqp-9QTUDOv1wSV-3Ba"
    "Jgz8t7PrqGNoDPU-aei4Uum6nFfjHN8jszmpeIl0_Jh5b0CfruDiCboQteTyiZqL-5_R9CQeqyBn1lA6xvn2DZznh9WQyDxoY6Mi"
    "-d5WV5GevKViIKOd5nnz7Sf9wzRNMWzJeu58kVEu_2e37aSxmKnMh6wjBv5L7iAscGLQ";

static const char signed_tokens_es256[] =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEifQ.eyJhdWQiOiJhcGk6Ly9taWxscmFjZSIsImlzcyI6Imh0dHBzOi8vbG9naW4uZ"
    "XhhbXBsZS90L3YyLjAiLCJpYXQiOjE3NjcyMjU2MDAsIm5iZiI6MTc2NzIyNTYwMCwiZXhwIjoxNzY3MjI5MjAwLCJzdWIiOiJ1L"
    "TE3Iiwib2lkIjoiMDAwMC0xNyIsImdyb3VwcyI6WyJvcmRlcnMtZGV2cyIsImFsbCJdLCJyb2xlcyI6WyJjb25uZWN0LWVkaXRvc"
    "iJdLCJzY3AiOiJhY2Nlc3MiLCJ2ZXIiOiIyLjAiLCJyZWFsbV9hY2Nlc3MiOnsicm9sZXMiOlsibmVzdGVkIl19fQ.gNIkRl7GD7"
    "GFZMTO0k7VTaBffQs6Ng2r-X_LvTu0W7TPNLUd1pzqUDUoAblVXRUv-XOZ0jIWAl3_XjYu1BU4Uw";

#endif
