import Type from "typebox";

/** Settings of what is encrypted on the wire, inbound and outbound. */
export const tlsSettings = {
  TLS_CERTIFICATE_FILE: Type.Optional(
    Type.String({
      description:
        "PEM of the listener's certificate and those above it; with TLS_KEY_FILE the gateway speaks https itself, absent: a balancer in front does",
    }),
  ),
  TLS_KEY_FILE: Type.Optional(Type.String({ description: "PEM of that certificate's private key" })),
  TLS_MIN_VERSION: Type.Union([Type.Literal("TLSv1.3"), Type.Literal("TLSv1.2")], {
    default: "TLSv1.3",
    description:
      "oldest TLS that the listener speaks; `TLSv1.2` for old client systems, with forward-secret AEAD suites only",
  }),
  UPSTREAM_CHANNELS_FILE: Type.Optional(
    Type.String({
      description:
        'JSON of the channels to external systems that need more than an address: {"frmr": {"certificateFile": "…", "keyFile": "…", "authoritiesFile": "…", "tokenFile": "…", "minVersion": "TLSv1.2"}}, each member optional; absent: TLS 1.3 without a client certificate everywhere',
    }),
  ),
};
