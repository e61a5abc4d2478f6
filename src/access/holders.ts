import type { AccessFacts, CareRelation, ConsentFact, PostRights, Right } from "./access-facts.ts";
import { sections } from "./access-facts.ts";
import { classifiedTypes, classOf } from "./data-classes.ts";
import { decide } from "./decide.ts";
import { type CodedReason, type PermitCode, permitReasons } from "./reasons.ts";

/** On what ground somebody of an organisation may open a patient's card. */
export interface Holding {
  /** logical id; absent: whoever works in the organisation */
  practitioner?: string;
  reason: CodedReason<PermitCode>;
  rights: readonly Right[];
  /** absent: all of the card */
  types?: readonly string[];
  labels?: readonly string[];
  from?: number;
  until?: number;
  /** logical ids of workers to whom the patient has forbidden it, or a part of it */
  except?: readonly string[];
}

/** What is known of a patient's card in one organisation. */
export interface CardGrants {
  patient: string;
  /** ФРМО OID */
  organization: string;
  relations: readonly CareRelation[];
  consents: readonly ConsentFact[];
}

/**
 * Who may open the card at a moment: each relation and permission by itself, with all refusals, as decide() says it of a
 * worker who is active and whose post opens everything. Pure; what was booked or permitted and opens nothing is left out.
 */
export function holdingsOf(grants: CardGrants, at: number): Holding[] {
  const refusals = grants.consents.filter(({ decision }) => decision === "deny");
  const permits = grants.consents.filter(
    ({ kind, decision, practitioner, organization }) =>
      kind === "access" && decision === "permit" && (practitioner ?? organization) !== undefined,
  );
  return [
    ...grants.relations.map((link) =>
      heldBy({ ...grants, relations: [link], consents: refusals }, at, {
        practitioner: link.practitioner,
        until: link.until,
        reason: permitReasons[`care-${link.kind}`],
      }),
    ),
    ...permits.map((consent) =>
      heldBy({ ...grants, relations: [], consents: [consent, ...refusals] }, at, {
        practitioner: consent.practitioner,
        labels: consent.labels,
        from: consent.from,
        until: consent.until,
        reason: permitReasons["consent-access"],
      }),
    ),
  ].filter(({ rights }) => rights.length > 0);
}

const everySection = new Set(sections);
const everything: PostRights = { view: everySection, enter: everySection };
const ofCard = classifiedTypes.filter((type) => classOf(type, "someone") === "patient");
const actions = { view: "read", enter: "update" } as const;

function heldBy(grants: CardGrants, at: number, ground: Omit<Holding, "rights">): Holding {
  const types = [...new Set([...ofCard, ...grants.consents.flatMap((consent) => consent.types ?? [])])];
  const opens = opener(grants, at, ground.reason.code);
  const rights = (["view", "enter"] as const).filter((right) =>
    types.some((type) => opens(ground.practitioner, right, type)),
  );
  const open = types.filter((type) => rights.some((right) => opens(ground.practitioner, right, type)));
  const isClosedTo = (practitioner: string): boolean =>
    open.some((type) =>
      rights.some((right) => opens(undefined, right, type) && !opens(practitioner, right, type)),
    );
  const named = ground.practitioner === undefined ? grants.consents : [];
  const except = [...new Set(named.flatMap(({ practitioner }) => practitioner ?? []))].filter(isClosedTo);
  return {
    ...ground,
    rights,
    ...(ofCard.some((type) => !open.includes(type)) && { types: open }),
    ...(except.length > 0 && { except }),
  };
}

/** Asks decide() whether the ground opens resources of a type, made by the organisation, to a worker of it. */
const opener =
  ({ patient, organization, relations, consents }: CardGrants, at: number, reason: PermitCode) =>
  (practitioner: string | undefined, right: Right, type: string): boolean => {
    const actor = {
      ...({ kind: "practitioner", id: practitioner ?? "", tenant: organization, organization } as const),
      ...({ role: "any", scopes: [], purpose: "TREAT" } as const),
    };
    const facts: AccessFacts = {
      ...{ at, relations, consents, activeWorker: true, post: everything, signature: "qualified" },
    };
    const decision = decide(actor, actions[right], { type, subject: patient, organization }, facts);
    return decision.permit && decision.reason.code === reason;
  };
