// generated from openapi/cabinet.yaml by npm run generate
export interface paths {
    "/practitioners/{id}/registry-card": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Registry card of a medical worker
         * @description Person, personal files and qualifications from ФРМР. With `Accept: application/fhir+json` the same card is a FHIR Bundle. The id is the logical id of a Practitioner, never a СНИЛС.
         */
        get: operations["getPractitionerRegistryCard"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/access/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Why a request was permitted or refused
         * @description For the security service: every journalled access of one request of the own organisation, with the coded ground of the decision and, for a refusal, what was missing. Needs the security duty and `system/AuditEvent.r`; is journalled itself.
         */
        get: operations["explainAccess"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        RegistryCard: {
            practitioner: components["schemas"]["Person"];
            roles: components["schemas"]["Role"][];
            qualifications: components["schemas"]["Qualification"][];
            verification?: components["schemas"]["Verification"];
            sources: components["schemas"]["Source"][];
        };
        Person: {
            id: string;
            /** @description surname and given names as the registry holds them */
            name: string;
            /** Format: date */
            birthDate?: string;
            /** @enum {string} */
            gender?: "male" | "female" | "other" | "unknown";
        };
        Role: {
            id: string;
            active: boolean;
            post?: components["schemas"]["Coded"];
            organization?: {
                /** @description ФРМО OID */
                oid?: string;
                display: string;
            };
            /** Format: date */
            start?: string;
            /** Format: date */
            end?: string;
        };
        Qualification: {
            /** @description kind of the document */
            title: string;
            specialty?: components["schemas"]["Coded"];
            number?: string;
            start?: string;
            end?: string;
        };
        Coded: {
            code: string;
            system?: string;
            display?: string;
        };
        Verification: {
            status: string;
            checkedAt: string;
        };
        Source: {
            system: string;
            /** @enum {string} */
            status: "fresh" | "cached" | "stale" | "unavailable";
            /** Format: date-time */
            asOf?: string;
            /** @description seconds */
            retryAfter?: number;
        };
        AccessExplanation: {
            requestId: string;
            accesses: components["schemas"]["ExplainedAccess"][];
        };
        ExplainedAccess: {
            /** Format: date-time */
            at: string;
            actor: {
                kind: string;
                /** @description client id or logical id */
                id: string;
                /** @description logical id of the worker behind a client system */
                onBehalfOf?: string;
                /** @description logical id of the PractitionerRole */
                role?: string;
            };
            action: string;
            resourceType?: string;
            resourceId?: string;
            /** @description logical id of the person whose data it was */
            subject?: string;
            /** @description ok, or a code of the error table */
            outcome: string;
            decision?: components["schemas"]["AccessDecision"];
        };
        AccessDecision: {
            /** @enum {string} */
            effect: "permit" | "refuse";
            reason: {
                code: string;
                meaning: string;
                /** @description Russian text */
                text: string;
            };
            missing: string[];
        };
        Problem: {
            /** Format: uri-reference */
            type: string;
            /** @description Russian text for the user */
            title: string;
            status: number;
            detail?: string;
            /** @description code of the error table */
            code: string;
            /** @description what to mend */
            field?: string;
            /** @description what to do next */
            remedy: string;
            retry: {
                retryable: boolean;
                /** @description seconds */
                retryAfter?: number;
                /** @description repeat with the same Idempotency-Key */
                sameRequestId?: boolean;
            };
            requestId: string;
        };
    };
    responses: {
        /** @description An error of the table in docs/errors.md (RFC 9457) */
        Problem: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getPractitionerRegistryCard: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description logical id of the Practitioner */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The card */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegistryCard"];
                    "application/fhir+json": Record<string, never>;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    explainAccess: {
        parameters: {
            query: {
                /** @description X-Request-ID of the answer in question */
                requestId: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The accesses in their order; none when the journal holds no such request */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessExplanation"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
}
