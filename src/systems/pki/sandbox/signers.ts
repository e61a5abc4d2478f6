import type { Clock } from "../../../core/clock.ts";
import { createCertificate } from "../../../crypto/certificate-builder.ts";
import { signDetached } from "../../../crypto/cms-sign.ts";
import type { NameFields } from "../../../crypto/distinguished-name.ts";
import { generatePrivateKey, publicKeyOf } from "../../../crypto/keys.ts";
import { createSigner, type Signer } from "../../../crypto/signer.ts";
import type { Organization, Person, World } from "../../sandbox-world.ts";
import { type Authorities, type Authority, keyKinds, type PkiKind } from "./authorities.ts";
import { serialOf, type VariantName, variants } from "./variants.ts";

/** Whose certificate, of which kind and with which fault. */
export interface CertificateOrder {
  /** id of a person, or ФРМО OID of an organisation */
  owner: string;
  kind: PkiKind;
  variant: VariantName;
}

const dayMs = 24 * 3_600_000;

/** The tools of the sandbox's people and organisations: keys live in memory only and are made when first used. */
export class SandboxSigners {
  readonly #authorities: Authorities;
  readonly #world: World;
  readonly #clock: Clock;
  readonly #made = new Map<string, Promise<Signer>>();

  constructor(parts: { authorities: Authorities; world: World; clock: Clock }) {
    this.#authorities = parts.authorities;
    this.#world = parts.world;
    this.#clock = parts.clock;
  }

  /** undefined for an owner that the world does not have. */
  async signer({ owner, kind, variant }: CertificateOrder): Promise<Signer | undefined> {
    const subject = this.#subject(owner);
    if (!subject) return undefined;
    const key = `${owner} ${kind} ${variant}`;
    const made = this.#made.get(key) ?? this.#make(subject, { owner, kind, variant });
    this.#made.set(key, made);
    return made;
  }

  /** A detached CMS over the bytes, the issuing authority's certificate beside the signer's. */
  async sign(
    order: CertificateOrder,
    content: Uint8Array,
    signingTime: Date,
  ): Promise<Uint8Array | undefined> {
    const signer = await this.signer(order);
    if (!signer) return undefined;
    const issuer = await this.issuer(order);
    return signDetached(signer, content, { signingTime, chain: [issuer.certificate.der] });
  }

  issuer({ kind, variant }: CertificateOrder): Promise<Authority> {
    return this.#authorities.authority(kind, variants[variant].issuer);
  }

  async #make(subject: NameFields, { owner, kind, variant }: CertificateOrder): Promise<Signer> {
    const { issuer: name, days, policies } = variants[variant];
    const issuer = await this.#authorities.authority(kind, name);
    const key = generatePrivateKey(keyKinds[kind]);
    const { der } = await createCertificate(
      {
        subject,
        publicKey: publicKeyOf(key),
        serialNumber: serialOf(owner, kind, variant),
        notBefore: new Date(this.#clock.now() + days[0] * dayMs),
        notAfter: new Date(this.#clock.now() + days[1] * dayMs),
        keyUsages: ["digitalSignature", "nonRepudiation"],
        policies,
        ocspUrl: this.#authorities.ocspUrl(issuer),
      },
      { signer: issuer.signer, certificate: issuer.certificate },
    );
    return createSigner(key, der);
  }

  #subject(owner: string): NameFields | undefined {
    const person = this.#world.people.get(owner);
    if (person) return personName(person);
    const organization = this.#world.organizations.get(owner);
    return organization && organizationName(organization);
  }
}

const notice = "Песочница, без юридической силы";

const personName = ({ family, given, middle, snils, inn }: Person): NameFields => ({
  commonName: [family, given, middle].filter(Boolean).join(" "),
  surname: family,
  givenName: [given, middle].filter(Boolean).join(" "),
  country: "RU",
  organizationalUnit: notice,
  ...(snils && { snils }),
  ...(inn && { inn }),
});

const organizationName = ({ name, ogrn, inn }: Organization): NameFields => ({
  commonName: name,
  organization: name,
  country: "RU",
  organizationalUnit: notice,
  ogrn,
  innLegalEntity: inn,
});
