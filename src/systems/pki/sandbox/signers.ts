import type { Clock } from "../../../core/clock.ts";
import { issueCertificate, type Name, type Signer } from "../../../sandbox-crypto/certificate.ts";
import { createKey, type KeyKind } from "../../../sandbox-crypto/keys.ts";
import type { Organization, Person, World } from "../../sandbox-world.ts";
import type { Authorities, Authority } from "./authorities.ts";
import { signDetached } from "./cms.ts";
import { serialOf, type VariantName, variants } from "./variants.ts";

/** Whose certificate, of which kind and with which fault. */
export interface CertificateOrder {
  /** id of a person, or ФРМО OID of an organisation */
  owner: string;
  kind: KeyKind;
  variant: VariantName;
}

const dayMs = 24 * 3_600_000;

/** The tools of the sandbox's people and organisations: keys live in memory only and are made when first used. */
export class SandboxSigners {
  readonly #authorities: Authorities;
  readonly #world: World;
  readonly #clock: Clock;
  readonly #made = new Map<string, Signer>();

  constructor(parts: { authorities: Authorities; world: World; clock: Clock }) {
    this.#authorities = parts.authorities;
    this.#world = parts.world;
    this.#clock = parts.clock;
  }

  /** undefined for an owner that the world does not have. */
  signer({ owner, kind, variant }: CertificateOrder): Signer | undefined {
    const subject = this.#subject(owner);
    if (!subject) return undefined;
    const key = `${owner} ${kind} ${variant}`;
    const made = this.#made.get(key) ?? this.#make(subject, { owner, kind, variant });
    this.#made.set(key, made);
    return made;
  }

  /** A detached CMS over the bytes, the issuing authority's certificate beside the signer's. */
  sign(order: CertificateOrder, content: Uint8Array, signingTime: Date): Uint8Array | undefined {
    const signer = this.signer(order);
    return signer && signDetached(signer, content, { signingTime, chain: [this.issuer(order).certificate] });
  }

  issuer({ kind, variant }: CertificateOrder): Authority {
    return this.#authorities.authority(kind, variants[variant].issuer);
  }

  #make(subject: Name, order: CertificateOrder): Signer {
    const { owner, kind, variant } = order;
    const { days, policies } = variants[variant];
    const issuer = this.issuer(order);
    return issueCertificate(
      {
        subject,
        key: createKey(kind),
        serialNumber: serialOf(owner, kind, variant),
        notBefore: new Date(this.#clock.now() + days[0] * dayMs),
        notAfter: new Date(this.#clock.now() + days[1] * dayMs),
        keyUsages: ["digitalSignature", "nonRepudiation"],
        policies,
        ocspUrl: this.#authorities.ocspUrl(issuer),
      },
      issuer,
    );
  }

  #subject(owner: string): Name | undefined {
    const person = this.#world.people.get(owner);
    if (person) return personName(person);
    const organization = this.#world.organizations.get(owner);
    return organization && organizationName(organization);
  }
}

const notice = "Песочница, без юридической силы";

const personName = ({ family, given, middle, snils, inn }: Person): Name => ({
  commonName: [family, given, middle].filter(Boolean).join(" "),
  surname: family,
  givenName: [given, middle].filter(Boolean).join(" "),
  country: "RU",
  organizationalUnit: notice,
  ...(snils && { snils }),
  ...(inn && { inn }),
});

const organizationName = ({ name, ogrn, inn }: Organization): Name => ({
  commonName: name,
  organization: name,
  country: "RU",
  organizationalUnit: notice,
  ogrn,
  innLegalEntity: inn,
});
