import type { RequestContext } from "../../core/context.ts";
import { GatewayError, isGatewayError } from "../../core/errors.ts";
import { type OrganizationDirectory, oidOf } from "../organization-directory.ts";
import type { PractitionerDirectory, WorkerCard } from "../practitioner-directory.ts";
import type { Grantee } from "./consent-terms.ts";

interface Registries {
  practitioners: PractitionerDirectory;
  organizations: OrganizationDirectory;
}

/** Checks a doctor's powers before anybody permits them anything (M-41), and tells the names to be shown. */
export function createKnownGrantee({ practitioners, organizations }: Registries) {
  return async (grantee: Grantee, ctx: RequestContext): Promise<Grantee> => {
    const { practitioner, organization } = grantee;
    const [card, place] = await Promise.all([
      practitioner && cardOf(practitioners, practitioner.id, ctx),
      organization && organizations.organizationByOid(organization.id, ctx),
    ]);
    if (card && !isActiveIn(card, organization?.id))
      throw new GatewayError("grantee-inactive", { field: "grantee/practitioner" });
    return {
      ...grantee,
      ...(practitioner && { practitioner: { ...practitioner, name: card && nameOf(card) } }),
      ...(organization && { organization: { ...organization, name: place?.value.name } }),
    };
  };
}

async function cardOf(practitioners: PractitionerDirectory, id: string, ctx: RequestContext) {
  try {
    return (await practitioners.cardById(id, ctx)).value;
  } catch (error) {
    const isUnknown = isGatewayError(error) && ["not-found", "person-not-found"].includes(error.code);
    if (isUnknown)
      throw new GatewayError("grantee-inactive", { field: "grantee/practitioner", cause: error });
    throw error;
  }
}

/** True when ФРМР confirms a post of the worker: in the organisation, when one is named. */
export const isActiveIn = ({ roles }: WorkerCard, oid: string | undefined): boolean =>
  roles.some(({ active, organization }) => {
    const place = organization?.identifier && oidOf([organization.identifier]);
    return active === true && (oid === undefined || place === oid);
  });

/** Family and given names as one text. */
export function nameOf({ practitioner }: WorkerCard): string {
  const [name] = practitioner.name ?? [];
  return [name?.family, ...(name?.given ?? [])].filter(Boolean).join(" ");
}
