import type { Patient, ServiceRequest } from "@medplum/fhirtypes";

export const tenant = "1.2.643.5.1.13.13.12.2.77.90001";
const referralSystem = "urn:oid:1.2.643.5.1.13.13.17.90001";
const mostPatients = 1_000;

/** Referrals and their patients, a hundred or more of them to a patient. */
export interface World {
  referrals: number;
  patients: number;
}

export const worldOf = (resources: number): World => {
  const patients = Math.min(mostPatients, Math.ceil(resources / 100));
  return { patients, referrals: resources - patients };
};

const idOf = (kind: string, n: number) =>
  `${kind}00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`.slice(kind.length);

export const patientOf = (n: number): Patient & { id: string } => ({
  resourceType: "Patient",
  id: idOf("p", n),
  active: true,
  gender: n % 2 === 0 ? "female" : "male",
  name: [{ family: `Тестов${n}`, given: ["Иван"] }],
});

export const referralOf = (n: number, { patients }: World): ServiceRequest & { id: string } => ({
  resourceType: "ServiceRequest",
  id: idOf("r", n),
  identifier: [{ system: referralSystem, value: `R-${n}` }],
  status: n % 3 === 0 ? "active" : "completed",
  intent: "order",
  subject: { reference: `Patient/${patientOf(n % patients).id}` },
});

/** One referral by its number, with its patient. */
export const queryOf = (n: number): [string, string][] => [
  ["identifier", `${referralSystem}|R-${n}`],
  ["_include", "ServiceRequest:subject"],
];
