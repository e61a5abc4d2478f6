import { envelope, faultEnvelope, medStaffNamespace } from "./sandbox-envelope.ts";

/** Answers that attack the reader: what a broken or hostile registry may send. */
export const traps = {
  "internal-fault": "a SOAP fault INTERNAL_ERROR",
  "entity-bomb": "a DOCTYPE whose entities multiply a billion times",
  "deep-nesting": "100,000 elements inside each other",
  "huge-answer": "more than 2 MB of well-formed MedStaff",
  "wrong-namespace": "the right names in another namespace",
} as const;

const nestingDepth = 100_000;
const hugeBytes = 2_200_000;

const bodies: Readonly<Record<keyof typeof traps, () => string>> = {
  "internal-fault": () => faultEnvelope("Server", "INTERNAL_ERROR", "Внутренняя ошибка регистра"),
  "entity-bomb": () => {
    const levels = Array.from({ length: 9 }, (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`);
    const doctype = `<!DOCTYPE bomb [<!ENTITY e0 "ха">${levels.join("")}]>`;
    return response(`<m:Employee><m:FIO>&e9;</m:FIO></m:Employee>`).replace("?>", `?>${doctype}`);
  },
  "deep-nesting": () => response("<m:e>".repeat(nestingDepth) + "</m:e>".repeat(nestingDepth)),
  "huge-answer": () => {
    const award = "<m:Award><m:Name>Почётная грамота</m:Name><m:Number>1</m:Number></m:Award>";
    const list = award.repeat(Math.ceil(hugeBytes / award.length));
    return response(`<m:Employee><m:AwardList>${list}</m:AwardList></m:Employee>`);
  },
  "wrong-namespace": () =>
    response("<m:Employee><m:FIO>Врачев Иван Примерович</m:FIO></m:Employee>").replaceAll(
      medStaffNamespace,
      "http://example.org/MedStaff",
    ),
};

/** The whole answer of a trap; undefined when the scenario is none. */
export function trapOf(scenario: string | undefined): string | undefined {
  const name = scenario as keyof typeof traps;
  return scenario !== undefined && Object.hasOwn(bodies, scenario) ? bodies[name]() : undefined;
}

function response(employees: string): string {
  return envelope(
    `<m:getEmployeeResponse xmlns:m="${medStaffNamespace}"><m:ArrayOfEmployee version="2.0.11" formatVersion="2.0" system="ARM">${employees}</m:ArrayOfEmployee></m:getEmployeeResponse>`,
  );
}
