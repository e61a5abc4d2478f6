import type { OperationOutcomeIssue } from "@medplum/fhirtypes";
import { canonicalBase } from "../../core/canonical.ts";

export const issueSystem = `${canonicalBase}/CodeSystem/validation-issue`;

type Row = readonly [issue: OperationOutcomeIssue["code"], meaning: string, text: string, hint: string];

// biome-ignore format: a table reads by the row
const rows = {
  "unknown-type": ["structure", "No such resource type in FHIR R4", "Неизвестный тип ресурса", "Give a resourceType of FHIR R4"],
  "unknown-element": ["structure", "The type has no such element", "Элемента с таким именем нет в этом типе", "Remove the element, or carry it in an extension"],
  "wrong-shape": ["structure", "The JSON value has another shape than the element", "Значение элемента другой формы, чем задано стандартом", "Give the shape that the detail names"],
  "empty-element": ["structure", "An element has neither value nor content", "Элемент пуст", "Leave an empty element out"],
  "wrong-value": ["value", "The value is not of the element's type", "Значение не соответствует типу элемента", "Give a value of the type that the detail names"],
  "missing-element": ["required", "A mandatory element is missing", "Не заполнен обязательный элемент", "Add the element"],
  "too-many": ["structure", "The element stands more often than it may", "Элемент повторяется чаще, чем разрешено", "Keep as many as the detail allows"],
  "broken-rule": ["invariant", "A constraint does not hold", "Нарушено правило стандарта или профиля", "Mend the content so that the rule holds"],
  "code-not-allowed": ["code-invalid", "The code is not of the required value set", "Код не входит в обязательный набор значений", "Take a code of the value set that the detail names"],
  "dictionary-code": ["code-invalid", "The dictionary of НСИ has no such code", "Такого кода нет в справочнике НСИ", "Take a code of the dictionary: ValueSet/$expand?url=<system>?fhir_vs"],
  "dictionary-code-ended": ["business-rule", "The code of the dictionary of НСИ is no longer in force", "Код справочника НСИ больше не действует", "Take a code that is in force"],
  "dictionary-not-loaded": ["incomplete", "The dictionary of НСИ is not loaded, so the code was not checked", "Справочник НСИ не загружен, код не проверен", "See NSI_DICTIONARIES in the settings"],
  "reference-form": ["value", "The reference is none that FHIR knows", "Ссылка записана неверно", "Write Type/id, an absolute URL, urn:uuid, urn:oid or #id of a contained resource"],
  "reference-target": ["value", "The reference names a type that may not stand here", "Ссылка ведёт на ресурс недопустимого типа", "Refer to a type that the detail names"],
  "reference-unresolved": ["not-found", "No contained resource has this id", "Вложенный ресурс по ссылке не найден", "Put the resource into contained, or mend the reference"],
  "narrative": ["invalid", "The narrative holds what XHTML of FHIR may not", "Текст ресурса содержит недопустимую разметку", "Keep to the basic formatting elements of XHTML, without scripts, forms and event attributes"],
  "fixed-value": ["value", "The value differs from the one that the profile fixes", "Значение отличается от заданного профилем", "Give the profile's value"],
  "slice-unmatched": ["structure", "The item fits no slice of the profile", "Элемент не подходит ни под один вариант профиля", "Keep to the variants that the detail names"],
  "type-not-allowed": ["structure", "The profile does not allow this type here", "Профиль не допускает этот тип значения", "Give a type that the detail names"],
  "extension-unknown": ["extension", "No such extension is defined under this base", "Неизвестное расширение", "See the extensions under /fhir/StructureDefinition"],
  "profile-unknown": ["not-found", "The profile is not known here, so it was not checked", "Профиль неизвестен, проверка по нему не проводилась", "See /fhir/StructureDefinition for the profiles that are known"],
  "profile-of-other-type": ["invalid", "The profile is for another resource type", "Профиль предназначен для другого типа ресурса", "Claim a profile of the resource's own type"],
  "rule-not-run": ["incomplete", "A constraint could not be evaluated on this content", "Правило не удалось проверить", "Check the rule yourself"],
  "id-not-allowed": ["invariant", "The id does not suit what is to be done", "Идентификатор не подходит для этого действия", "See the detail"],
  "too-deep": ["too-costly", "The content is nested too deep to be checked", "Слишком большая вложенность", "Flatten the content"],
  "too-many-issues": ["too-costly", "More was found than is told", "Показаны не все замечания", "Mend what is told and validate again"],
} as const satisfies Readonly<Record<string, Row>>;

export type IssueKind = keyof typeof rows;
export type Severity = OperationOutcomeIssue["severity"];

/** The kinds of findings: code, English meaning, Russian text. */
export const issueKinds: readonly (readonly [string, string, string])[] = Object.entries(rows).map(
  ([code, [, meaning, text]]) => [code, meaning, text],
);

export interface Finding {
  readonly kind: IssueKind;
  /** FHIRPath of the element, with indexes */
  readonly path: string;
  /** English, without values of the resource */
  readonly detail: string;
  /** Russian, of the very rule; absent: that of the kind */
  readonly text?: string;
  readonly severity?: Severity;
}

/** A code that a dictionary of НСИ must have. */
export interface BoundCode {
  readonly system: string;
  readonly version?: string;
  readonly code: string;
  /** FHIRPath of its Coding */
  readonly path: string;
}

const mostIssues = 100;

/** Collects findings up to a bound; what is over it is told by one more issue. */
export class Findings {
  readonly issues: OperationOutcomeIssue[] = [];
  /** what is to be looked up; nothing of a dictionary is in memory */
  readonly bound: BoundCode[] = [];

  get full(): boolean {
    return this.issues.length > mostIssues;
  }

  add(finding: Finding): void {
    if (this.full) return;
    const isLast = this.issues.length === mostIssues;
    this.issues.push(
      issueOf(
        isLast
          ? {
              kind: "too-many-issues",
              path: finding.path,
              detail: `${mostIssues} are told`,
              severity: "error",
            }
          : finding,
      ),
    );
  }
}

/** A finding as an issue: coded and Russian details, English diagnostics with what to do. */
export function issueOf({ kind, path, detail, severity = "error", ...told }: Finding): OperationOutcomeIssue {
  const [code, display, text, hint] = rows[kind];
  return {
    severity,
    code,
    details: { coding: [{ system: issueSystem, code: kind, display }], text: told.text ?? text },
    diagnostics: `${display}: ${detail}. ${hint}`,
    expression: [path],
  };
}
