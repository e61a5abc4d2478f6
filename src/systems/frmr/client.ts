import type { Bundle } from "@medplum/fhirtypes";
import type { Clock } from "../../core/clock.ts";
import type { RequestContext } from "../../core/context.ts";
import { GatewayError } from "../../core/errors.ts";
import { formatSnils, isSnils, snilsDigits } from "../../core/identifiers.ts";
import { loadMapping } from "../../fml/loader.ts";
import type { Fetched, Upstream } from "../../upstream/call.ts";
import type { Attempt, Operation } from "../../upstream/operation.ts";
import { createSoapPort } from "../../upstream/soap.ts";
import { SoapFault } from "../../upstream/soap-fault.ts";
import { employeesOf, withoutRepeats } from "./answer.ts";
import { type OperationNames, renaming } from "./operation-names.ts";
import { createWorkerList, type WorkerList } from "./worker-list.ts";

export interface FrmrOptions {
  upstream: Upstream;
  clock: Clock;
  /** SOAP endpoint */
  baseUrl: string;
  /** what the live contract calls our operations; absent: as in fixtures/wsdl/frmr.wsdl */
  operationNames?: OperationNames;
  timeoutMs: number;
  cacheSeconds: number;
}

interface FrmrClient extends WorkerList {
  /**
   * The worker with this СНИЛС (11 digits, spaces and dashes allowed) as a Bundle of Practitioner, PractitionerRole
   * per personal file, Organization stubs and VerificationResult; references are by fullUrl, without logical ids.
   * Throws GatewayError `invalid-snils` (before any call), `person-not-found`, `person-duplicated` and those of the pipeline.
   */
  personBySnils(snils: string, ctx: RequestContext): Promise<Fetched<Bundle>>;
  /** The same by 11 digits when the cache has it, without a promise. */
  knownPersonBySnils(digits: string, ctx: RequestContext): Fetched<Bundle> | undefined;
}

const wsdl = new URL("../../../fixtures/wsdl/frmr.wsdl", import.meta.url);
const map = new URL("../../../mappings/frmr/person/to-fhir.fml", import.meta.url);
// the registry's own day: an employment ends by Moscow time
const moscowDay = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Moscow" });

const personOperation: Omit<Operation, "timeoutMs" | "cacheSeconds"> = {
  system: "frmr",
  name: "getEmployee",
  effect: "read",
  priority: "interactive",
  maxBytes: 2 * 1024 * 1024,
};

/** Client of the workers' registry (ФРМР); rejects when the map can't be loaded. */
export async function createFrmrClient(options: FrmrOptions): Promise<FrmrClient> {
  const { upstream, clock, operationNames, timeoutMs, cacheSeconds } = options;
  const toFhir = await loadMapping(map);
  const soap = createSoapPort({ wsdl, endpoint: options.baseUrl });
  const getEmployee = { ...personOperation, timeoutMs, cacheSeconds };

  function toBundle(Employee: unknown): Bundle {
    const now = new Date(clock.now());
    const bundle = toFhir.convert({ asOf: now.toISOString(), today: moscowDay.format(now), Employee });
    return withoutRepeats(bundle as Bundle);
  }

  async function send(attempt: Attempt, SNILS: string): Promise<Bundle> {
    const named = renaming(attempt, "getEmployee", operationNames);
    const answer = await soap.call(named, "getEmployee", { SNILS }).catch(refusal);
    const [employee, ...more] = employeesOf(answer);
    if (!employee) throw notFound();
    if (more.length > 0) throw new GatewayError("person-duplicated", { system: "frmr" });
    return toBundle(employee);
  }

  const kept = (digits: string) => ({ cacheKey: [digits, toFhir.digest], subjects: [digits] });

  return {
    ...createWorkerList({ upstream, soap, person: getEmployee, operationNames, toBundle }),
    async personBySnils(snils, ctx) {
      const digits = snilsDigits(snils);
      if (!digits || !isSnils(digits)) throw new GatewayError("invalid-snils", { field: "snils" });
      return upstream.call(getEmployee, formatSnils(digits), { ...kept(digits), send }, ctx);
    },
    knownPersonBySnils: (digits, ctx) => upstream.known(getEmployee, kept(digits), ctx),
  };
}

const notFound = (cause?: unknown) => new GatewayError("person-not-found", { system: "frmr", cause });

/** The registry's own words for "no such person"; other faults are classified by the pipeline. */
function refusal(error: unknown): never {
  if (error instanceof SoapFault && /^PERSON_(CARD_)?NOT_FOUND/.test(error.detail ?? ""))
    throw notFound(error);
  throw error;
}
