import type { Bundle } from "@medplum/fhirtypes";
import type { RequestContext } from "../../core/context.ts";
import { isGatewayError } from "../../core/errors.ts";
import { MappingError } from "../../fml/errors.ts";
import type { Fetched, Upstream } from "../../upstream/call.ts";
import type { Attempt, Operation } from "../../upstream/operation.ts";
import type { SoapPort } from "../../upstream/soap.ts";
import { employeeListOf, employeeOf } from "./answer.ts";
import { type OperationNames, renaming } from "./operation-names.ts";

export interface WorkerPage {
  bundles: readonly Bundle[];
  /** how many records can't be converted */
  refused: number;
  isLast: boolean;
}

export interface WorkerList {
  /**
   * A page, from 1, of the workers whose record changed since a day (ISO; absent: of all), each as `personBySnils` has
   * them. Throws GatewayErrors of the pipeline.
   */
  workersChangedSince(
    day: string | undefined,
    page: number,
    ctx: RequestContext,
  ): Promise<Fetched<WorkerPage>>;
}

interface WorkerListParts {
  upstream: Upstream;
  soap: SoapPort;
  /** how one person is asked for */
  person: Operation;
  operationNames?: OperationNames;
  /** maps one record, as `employeeOf` reads it */
  toBundle(employee: unknown): Bundle;
}

const pageSize = 100;
const listEmployees = "listEmployees";

/** The registry's list of workers, in pages. */
export function createWorkerList(parts: WorkerListParts): WorkerList {
  const { upstream, soap, person, operationNames, toBundle } = parts;
  const operation: Operation = {
    ...person,
    name: listEmployees,
    cacheSeconds: 0,
    priority: "background",
    maxBytes: 8 * 1024 * 1024,
  };
  async function send(attempt: Attempt, { day, page }: { day?: string; page: number }): Promise<WorkerPage> {
    const named = renaming(attempt, listEmployees, operationNames);
    const asked = { ...(day && { ModifiedSince: day }), PageNumber: page, PageSize: pageSize };
    const { total, records } = employeeListOf(await soap.call(named, listEmployees, asked));
    const bundles = records.flatMap((record) => orNothing(() => toBundle(employeeOf(record))));
    return { bundles, refused: records.length - bundles.length, isLast: page * pageSize >= total };
  }
  return {
    workersChangedSince: (day, page, ctx) => upstream.call(operation, { day, page }, { send }, ctx),
  };
}

/** One record that is not as it should be keeps none of the others of its page. */
function orNothing(read: () => Bundle): Bundle[] {
  try {
    return [read()];
  } catch (error) {
    if (isGatewayError(error) || error instanceof MappingError) return [];
    throw error;
  }
}
