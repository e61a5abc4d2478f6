import type { Organization } from "@medplum/fhirtypes";
import { identifierSystem } from "../../core/canonical.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Attempt } from "../../upstream/operation.ts";
import { answerOf } from "./answer.ts";
import { employeeRoles } from "./employee-roles.ts";
import { attemptFailureOf } from "./errors.ts";
import type { EmployeeRole, IdentityDocument } from "./identity-provider.ts";
import { type EsiaDocument, type Shape, shapes } from "./wire.ts";

/** One question to ESIA's REST under a bearer token. */
export interface RestQuestion {
  baseUrl: string;
  accessToken: string;
  /** whether the granted scopes hold contacts */
  contacts?: boolean;
}

/** The person's row with their contacts, which the map reads as one. */
export async function readProfile(question: RestQuestion, oid: string, attempt: Attempt) {
  const [person, contacts] = await Promise.all([
    read(question, `/rs/prns/${oid}`, shapes.person, attempt),
    question.contacts
      ? read(question, `/rs/prns/${oid}/ctts?embed=(elements)`, shapes.contacts, attempt)
      : undefined,
  ]);
  return { ...person, oid, contacts: contacts?.elements ?? [] };
}

export async function readDocuments(
  question: RestQuestion,
  oid: string,
  attempt: Attempt,
): Promise<readonly IdentityDocument[]> {
  const answer = await read(question, `/rs/prns/${oid}/docs?embed=(elements)`, shapes.documents, attempt);
  return (answer.elements ?? []).map(documentOf);
}

export async function readRoles(
  question: RestQuestion,
  oid: string,
  attempt: Attempt,
): Promise<readonly EmployeeRole[]> {
  const answer = await read(question, `/rs/prns/${oid}/roles`, shapes.roles, attempt);
  return employeeRoles(answer);
}

/** The organisation as ESIA's register has it, under a system's token with scopes of this organisation. */
export async function readOrganization(
  question: RestQuestion,
  oid: string,
  attempt: Attempt,
): Promise<Organization> {
  const { ogrn, inn, fullName, shortName, isLiquidated } = await read(
    question,
    `/rs/orgs/${oid}`,
    shapes.organization,
    attempt,
  );
  return {
    resourceType: "Organization",
    active: isLiquidated !== true,
    name: fullName ?? shortName,
    ...(shortName && { alias: [shortName] }),
    identifier: [
      ...(ogrn ? [{ system: identifierSystem.ogrn, value: ogrn }] : []),
      ...(inn ? [{ system: identifierSystem.innOfLegalEntity, value: inn }] : []),
    ],
  };
}

function documentOf({ type, vrfStu, issueDate, ...document }: EsiaDocument): IdentityDocument {
  const { series, number, issuedBy, unitedNumber } = document;
  return {
    type,
    series,
    number,
    issuedBy,
    unitedNumber,
    issueDate: issueDate && isoDay(issueDate),
    verified: vrfStu === "VERIFIED",
  };
}

const isoDay = (day: string): string => day.split(".").reverse().join("-");

async function read<T>(
  { baseUrl, accessToken }: RestQuestion,
  path: string,
  shape: Shape<T>,
  attempt: Attempt,
): Promise<T> {
  const response = await attempt.fetch(baseUrl + path, {
    headers: { authorization: `Bearer ${accessToken}`, accept: "application/json" },
  });
  const answer = await answerOf(response);
  if (!response.ok) throw restFailure(answer);
  if (!shape.Check(answer))
    throw new GatewayError("upstream-wrong-shape", {
      system: "esia",
      detail: `answer of ${path.split("/")[4] ?? "the person"}`,
    });
  return answer;
}

/** Both forms that ESIA is known to send: an object, or an array of them. */
function restFailure(answer: unknown): GatewayError {
  const first: unknown = [answer].flat()[0];
  return attemptFailureOf({
    error: "rest_error",
    description: shapes.restError.Check(first) ? first.code : undefined,
  });
}
