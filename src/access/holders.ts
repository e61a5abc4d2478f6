import { isDeepStrictEqual } from "node:util";
import type { AccessFacts, CareRelation, ConsentFact, PostRights, Right } from "./access-facts.ts";
import { sections } from "./access-facts.ts";
import { classifiedTypes, classOf, type DataClass } from "./data-classes.ts";
import { decide } from "./decide.ts";
import { type CodedReason, type PermitCode, permitReasons } from "./reasons.ts";

/** On what ground somebody of an organisation may open a patient's card. */
export interface Holding {
  /** logical id; absent: whoever works in the organisation */
  practitioner?: string;
  reason: CodedReason<PermitCode>;
  rights: readonly Right[];
  /** absent: all that the rights may reach */
  types?: readonly string[];
  labels?: readonly string[];
  from?: number;
  until?: number;
  /** logical ids of workers of whom this does not hold: the patient refused them, and what is left they hold apart */
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
    ...grants.relations.flatMap((link) =>
      heldBy({ ...grants, relations: [link], consents: refusals }, at, {
        practitioner: link.practitioner,
        until: link.until,
        reason: permitReasons[`care-${link.kind}`],
      }),
    ),
    ...permits.flatMap((consent) =>
      heldBy({ ...grants, relations: [], consents: [consent, ...refusals] }, at, {
        practitioner: consent.practitioner,
        labels: consent.labels,
        from: consent.from,
        until: consent.until,
        reason: permitReasons["consent-access"],
      }),
    ),
  ];
}

const rights = ["view", "enter"] as const;
const actions = { view: "read", enter: "update" } as const;
const everySection = new Set(sections);
const everything: PostRights = { view: everySection, enter: everySection };
const typesOf = (...kinds: readonly DataClass[]) =>
  classifiedTypes.filter((type) => kinds.some((kind) => kind === classOf(type, "someone")));
// what a worker's ground may open (opensCard)
const reach = { view: typesOf("patient", "registration", "consent"), enter: typesOf("patient") };

type Opened = Pick<Holding, "rights" | "types">;

/** One holding, or one for each right when they reach different types; an organisation's also for whom it refuses. */
function heldBy(grants: CardGrants, at: number, ground: Omit<Holding, "rights">): Holding[] {
  const opens = opener(grants, at, ground.reason.code);
  const whole = openedTo(ground.practitioner, opens);
  const refused = new Set(
    grants.consents.map(({ decision, practitioner }) => decision === "deny" && practitioner),
  );
  const apart = [...refused].flatMap((practitioner) => {
    if (!practitioner || ground.practitioner !== undefined) return [];
    const left = openedTo(practitioner, opens);
    return isDeepStrictEqual(left, whole) ? [] : [{ practitioner, left }];
  });
  const except = apart.map(({ practitioner }) => practitioner);
  return [
    ...whole.map((opened) => ({ ...ground, ...opened, ...(except.length > 0 && { except }) })),
    ...apart.flatMap(({ practitioner, left }) =>
      left.map((opened) => ({ ...ground, practitioner, ...opened })),
    ),
  ];
}

function openedTo(practitioner: string | undefined, opens: ReturnType<typeof opener>): Opened[] {
  const [view, enter] = rights.map((right) => {
    const types = reach[right].filter((type) => opens(practitioner, right, type));
    return { rights: [right], types: types.length < reach[right].length ? types : undefined };
  });
  const opened = view && isDeepStrictEqual(view.types, enter?.types) ? [{ ...view, rights }] : [view, enter];
  return opened.flatMap((one) =>
    one && one.types?.length !== 0 ? [{ rights: one.rights, ...(one.types && { types: one.types }) }] : [],
  );
}

/** Asks decide() whether the ground opens resources of a type to a worker of the organisation, to enter its own. */
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
    const resource = { type, subject: patient, ...(right === "enter" && { organization }) };
    const decision = decide(actor, actions[right], resource, facts);
    return decision.permit && decision.reason.code === reason;
  };
