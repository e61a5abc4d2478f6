// generated from openapi/cabinet.yaml by npm run generate
export interface paths {
    "/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who signed in and what they may do
         * @description A system that does not answer leaves its block empty; `sources` says which one and when to come back. `capabilities` is empty until the terms are accepted and, for a worker, the organisation is chosen.
         */
        get: operations["getMe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/registry-card": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The worker's own registry card
         * @description As /practitioners/{id}/registry-card, for the СНИЛС of the session, with names of organisations from ФРМО and of posts and specialties from НСИ.
         */
        get: operations["getMyRegistryCard"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/organization": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** The organisation that the worker acts for */
        put: operations["chooseMyOrganization"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/terms": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Accepts the terms of use in force */
        post: operations["acceptTerms"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/verification": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Compares the account with ФРМР
         * @description «Проверить данные»: asks the registry anew, never from a cache. Each run is kept. A full match leaves an electronic confirmation.
         */
        post: operations["verifyMe"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/verifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The worker's checks, newest first */
        get: operations["listMyVerifications"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/verifications/{id}/confirmation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The electronic confirmation of a full match */
        get: operations["getMyConfirmation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/consents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The person's own consents, newest first
         * @description Of all four kinds, which never stand for each other, in every state. With `patient` those of somebody whom the person represents by law.
         */
        get: operations["listMyConsents"];
        put?: never;
        /**
         * Prepares a consent or a refusal, and sends the code that confirms it
         * @description Nothing holds until the code is confirmed. The answer has the text that the person agrees to, word for word and with its version. A permission to see the card needs the consent to the processing of personal data; a refusal, and care that the law grounds, need none.
         */
        post: operations["prepareConsent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/consents/{id}/code": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends a code, to confirm the consent or, when it is active, to withdraw it
         * @description A new code ends the one before; one a minute, valid for five.
         */
        post: operations["sendConsentCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/consents/{id}/confirmation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Confirms a prepared consent with the code; it holds from the answer on */
        post: operations["confirmConsent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/consents/{id}/withdrawal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Withdraws an active consent with the code; nothing that it opened is open after the answer
         * @description Withdrawing the consent to processing withdraws the permissions that rest on it, too.
         */
        post: operations["withdrawConsent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/permissions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Patients who permitted the worker, or the whole organisation, to see their card */
        get: operations["listMyPermissions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/signatures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the worker signed or was to sign, newest first */
        get: operations["listMySignatures"];
        put?: never;
        /**
         * Freezes the final bytes of a document for the worker's signature
         * @description The bytes of `content` wait 15 minutes (a setting); the person's own tool signs exactly them. With `card` instead of `document` the gateway writes a request to open that patient's card, which opens to this session alone. With `cosign` it gives the bytes of a document that others have signed, with `resource` those of a stored resource. Bytes that the person has signed already give that signature back. A private key is never sent here.
         */
        post: operations["prepareMySignature"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/awaited-signatures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Documents of the organisation that others have signed and that await the worker's signature
         * @description Newest first. Documents that are closed to the worker are left out, so a page may be short or empty while `next` is there.
         */
        get: operations["listAwaitedSignatures"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/signatures/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One request with its bytes and every check of it */
        get: operations["getMySignature"];
        put?: never;
        post?: never;
        /** Takes back a request that is not settled */
        delete: operations["cancelMySignature"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/signatures/{id}/signature": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Gives the signature over the prepared bytes
         * @description A detached CMS (CAdES-BES) of one signer with their certificate or, for an XML document in UTF-8, an XML signature (XMLDSig): enveloped in a copy of the document, or the Signature element alone. Each cause of a refusal has a code of its own (`signature-…`), and the bytes wait for another try. 202: everything is right, but nobody says now whether the certificate is revoked; the document is not in force until the state becomes `signed`.
         */
        put: operations["submitMySignature"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/signatures/{id}/organization": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The organisation's own signature over a document that the worker has signed
         * @description Only over what is in force (`inForce`): a document that waits for its verification is 409 `signature-unverified`, one that awaits further signers 409 `signatures-missing`, which names their roles. The same document gets the same signature.
         */
        post: operations["signForOrganization"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/certificates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Certificates that the worker signs with */
        get: operations["listMyCertificates"];
        put?: never;
        /**
         * Binds a certificate to the worker after the whole check of it
         * @description It waits (`pending`) until the worker confirms it with the code that is sent to them; an active certificate opens booking of patients, keeping of records and applications to funds (`capabilities` of `/me`).
         */
        post: operations["bindMyCertificate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/certificates/{fingerprint}/code": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sends another code for a certificate that waits for its activation */
        post: operations["sendMyCertificateCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/certificates/{fingerprint}/confirmation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Activates a certificate with the code */
        post: operations["confirmMyCertificate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/certificates/{fingerprint}/lost": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The key of a certificate is lost
         * @description From the answer on nothing signed with it is accepted on any replica, and signing is stopped until another certificate is bound.
         */
        post: operations["reportMyKeyLost"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
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
    "/me/activity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How much the worker signed on each of the last days
         * @description Figures alone: no person and no document is named. Analytics need a session that was opened with an enhanced signature at least (403 `signature-level`).
         */
        get: operations["getMyActivity"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/accesses": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who opened the person's data, or what the person did
         * @description The journal as its people see it, newest first: who, when, from which organisation and on what ground. With `patient` the accesses to the data of somebody whom the citizen who signed in represents by law. The next page is asked for with `page` set to `next` of the one before. Looking is journalled too.
         */
        get: operations["listMyAccesses"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me/records": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What organisations store about the person
         * @description FHIR R4 resources of one type about the citizen who signed in, from every organisation that stores some, the newest first. Whose they are is known by the СНИЛС of the account. With `patient` those of somebody whom the person represents by law. Looking is journalled as an access to whom they are about.
         */
        get: operations["listMyRecords"];
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
         * @description For the security service: every journalled access of one request that was made in the own organisation or by its client, and of anybody else's request what concerned the organisation's data, with the coded ground of the decision and, for a refusal, what was missing. Needs the security duty, a client system also `system/AuditEvent.r`; is journalled itself.
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
    "/access/summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How often each organisation did what, with what result
         * @description For control: counts of the journal's rows over a period of at most 31 days, without people. A regulator gets those of the organisations in its remit, the security service those of its own and of what anybody did to its data. A client system also needs `system/AuditEvent.s`; is journalled itself.
         */
        get: operations["summarizeAccesses"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/access/holders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who of the organisation may open a patient's card, and on what ground
         * @description Assigned and booked workers, whom the patient permitted it by a consent, with its rights, types and period, and who opened the card in an emergency that may last still. Workers whom ФРМР confirms in the organisation that the caller chose, and, unnamed, those of whom it did not answer (`sources`). Each access also asks for post, login and signature. Nothing of the card is told. For a worker to whom the patient's consents are open, and for the security duty; is journalled, and the patient sees it.
         */
        get: operations["listAccessHolders"];
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
        DocumentToSign: {
            title: string;
            contentType: string;
            /** @description the final bytes, base64 */
            content: string;
            /** @description logical id of the Patient whose data it is */
            patient?: string;
            /**
             * @description FHIR type that the document is the signed form of; it may raise the level of the signature, never lower it
             * @default DocumentReference
             */
            represents: string;
            /** @description id of the signed DocumentReference that this one changes */
            replaces?: string;
            /** @description why it is changed; required with `replaces` */
            reason?: string;
            /** @description code of dictionary 1.2.643.5.1.13.13.11.1520: it says in which roles who signs, and at what level */
            kind?: string;
            /**
             * @description v3-Confidentiality of the document
             * @default N
             * @enum {string}
             */
            confidentiality: "N" | "R" | "V";
        };
        /** @description title, digests, patient and document are absent where the document is closed to the person now */
        SignatureRequest: {
            id: string;
            /** @enum {string} */
            purpose: "document" | "card";
            /** @description only then may it be dispensed, registered or signed by the organisation */
            inForce: boolean;
            /** @enum {string} */
            state: "prepared" | "verification-pending" | "signed" | "refused" | "expired" | "cancelled" | "superseded";
            title?: string;
            contentType: string;
            /** @description the frozen bytes, base64; empty when the request came to nothing long ago */
            content?: string;
            digests?: {
                /** @description hex */
                sha256: string;
                /** @description GOST R 34.11-2012, hex */
                streebog256: string;
            };
            /**
             * @description the least signature that does
             * @enum {string}
             */
            level: "simple" | "enhanced" | "qualified";
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            expiresAt: string;
            /** Format: date-time */
            submittedAt?: string;
            /** Format: date-time */
            settledAt?: string;
            patient?: string;
            /** @description SHA-256 of the signer's certificate */
            certificate?: string;
            document?: {
                /** @description id of the DocumentReference */
                id: string;
                version: number;
            };
            /** @description of a stored resource that was signed in its canonical form: Type/id */
            resource?: string;
            kind?: {
                /** @description of dictionary 1.2.643.5.1.13.13.11.1520 */
                code: string;
                name: string;
            };
            /** @description of a document of a kind: who has signed it, then who is awaited; in force once nobody is */
            signers?: components["schemas"]["Signer"][];
            /** @description of 202: reference of the FHIR Task that tells how the verification goes */
            task?: string;
            /** @description sandbox only: a page that signs with an invented person's key */
            signingPage?: string;
            /** @description every check of a signature that came for this request, oldest first */
            checks: components["schemas"]["SignatureCheck"][];
        };
        AwaitedSignature: {
            /** @description id of the DocumentReference, for `cosign` */
            document: string;
            title: string;
            patient?: string;
            kind: {
                code: string;
                name: string;
            };
            signers: components["schemas"]["Signer"][];
        };
        Activity: {
            /** Format: date */
            from: string;
            /**
             * Format: date
             * @description today in Moscow
             */
            until: string;
            days: {
                /** Format: date */
                day: string;
                /** @description documents and records that were signed */
                documents: number;
                /** @description cards of patients that were opened with a signature */
                cards: number;
            }[];
        };
        Signer: {
            role: {
                /** @description of dictionary 1.2.643.5.1.13.13.99.2.368 */
                code: string;
                name: string;
            };
            /** @enum {string} */
            state: "signed" | "awaited";
            /** @description logical id of who signed */
            practitioner?: string;
            /** @description logical id of the post in which they signed */
            practitionerRole?: string;
            /** Format: date-time */
            at?: string;
        };
        OrganizationSignature: {
            /** @description detached CMS in DER, base64 */
            signature: string;
            sigFormat: string;
        };
        SignatureCheck: {
            /** Format: date-time */
            at: string;
            /** @enum {string} */
            verdict: "good" | "unknown" | "bad";
            problems: components["schemas"]["SignatureProblem"][];
            /** Format: date-time */
            signingTime?: string;
            algorithm?: string;
            revocation: {
                /** @enum {string} */
                source: "ocsp" | "crl";
                /** @enum {string} */
                status: "good" | "revoked";
                /** @description how long ago the answer was fetched */
                ageSeconds: number;
            }[];
        };
        SigningCertificate: {
            /**
             * @description pending: waits for the code
             * @enum {string}
             */
            state: "pending" | "active" | "lost" | "ended";
            code?: components["schemas"]["SentCode"];
            /** @description SHA-256, hex */
            fingerprint: string;
            /** Format: date-time */
            boundAt: string;
            /** Format: date-time */
            validUntil: string;
            lost: boolean;
            notice?: components["schemas"]["SignatureProblem"];
        };
        SignatureProblem: {
            code: string;
            /** @description Russian */
            text: string;
            remedy: string;
        };
        Me: {
            /** @description logical id of the Practitioner or Patient */
            id: string;
            /** @enum {string} */
            kind: "worker" | "citizen";
            name: components["schemas"]["PersonName"];
            /** Format: date */
            birthDate?: string;
            /** @enum {string} */
            gender?: "male" | "female" | "other" | "unknown";
            /** @description the ESIA account is a confirmed one */
            confirmed: boolean;
            /**
             * Format: date-time
             * @description the login at ESIA
             */
            signedInAt: string;
            /** @description the worker's personal files, as ФРМР holds them */
            roles: components["schemas"]["Role"][];
            organization?: components["schemas"]["WorkContext"];
            /** @description those to choose from, as they were at sign-in */
            organizations: components["schemas"]["WorkContext"][];
            terms: components["schemas"]["Terms"];
            /** @description when ФРМР last confirmed the worker for this session */
            registry?: {
                /** Format: date-time */
                verifiedAt: string;
                /** @description false: from an earlier sign-in, or withdrawn by a later check */
                fresh: boolean;
            };
            /** @description what the person may do now */
            capabilities: string[];
            /** @description what the worker's post opens in the chosen organisation; empty for a citizen */
            sections: components["schemas"]["Section"][];
            notices: components["schemas"]["Notice"][];
            sources: components["schemas"]["Source"][];
        };
        Section: {
            code: string;
            /** @description for people */
            name: string;
            view: boolean;
            enter: boolean;
        };
        PersonName: {
            text: string;
            family?: string;
            /** @description first name, then patronymic */
            given: string[];
        };
        WorkContext: {
            /** @description ФРМО OID */
            oid: string;
            name: string;
            /** @description logical id of the PractitionerRole */
            roleId: string;
        };
        Terms: {
            /** @description the terms in force */
            version: string;
            accepted: boolean;
            /** Format: date-time */
            acceptedAt?: string;
        };
        Notice: {
            /** @enum {string} */
            code: "new-device" | "person-not-found" | "person-duplicated";
            /** @description Russian */
            text: string;
            remedy?: string;
            /** Format: date-time */
            at?: string;
        };
        IdentityCheck: {
            id: string;
            /** @enum {string} */
            result: "confirmed" | "needs-clarification" | "input-error";
            /** @enum {string} */
            title: "Данные подтверждены" | "Требуется уточнение" | "Ошибка ввода";
            /** Format: date-time */
            checkedAt: string;
            /** @description what differs from the registry */
            fields: {
                /** @enum {string} */
                field: "family" | "given" | "birthDate" | "inn" | "snils";
                /** @description Russian name of the field */
                title: string;
            }[];
            /** @description what to do when something differs */
            remedy?: string;
            /**
             * Format: uri-reference
             * @description address of the electronic confirmation
             */
            confirmation?: string;
        };
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
            specialty?: components["schemas"]["Coded"];
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
        ConsentTerms: {
            /**
             * @description processing of personal data, informed consent to care, access to the card, electronic prescriptions
             * @enum {string}
             */
            kind: "processing" | "treatment" | "access" | "prescription";
            /**
             * @description deny is for access only
             * @default permit
             * @enum {string}
             */
            decision: "permit" | "deny";
            /**
             * Format: uuid
             * @description logical id of whom the person represents by law; absent: themselves
             */
            patient?: string;
            /** @description who may see the card; absent in a refusal: nobody may */
            grantee?: {
                /**
                 * Format: uuid
                 * @description logical id of the Practitioner
                 */
                practitioner?: string;
                /** @description ФРМО OID */
                organization?: string;
                /**
                 * @description whoever the patient books with
                 * @enum {boolean}
                 */
                booked?: true;
            };
            /** @description of access to the card; absent: view is permitted, or both are refused */
            rights?: ("view" | "enter")[];
            /** @description resource types; absent: the whole card */
            types?: string[];
            /** @description documents of higher confidentiality that are opened, too */
            labels?: ("R" | "V")[];
            /** Format: date-time */
            from?: string;
            /** Format: date-time */
            until?: string;
        };
        Consent: {
            id: string;
            /** @enum {string} */
            kind: "processing" | "treatment" | "access" | "prescription";
            /** @description Russian name of the kind */
            title: string;
            /** @enum {string} */
            decision: "permit" | "deny";
            /**
             * @description draft: waits for the code, holds nothing
             * @enum {string}
             */
            status: "draft" | "active" | "inactive";
            patient: {
                id: string;
                name?: string;
            };
            grantee?: {
                practitioner?: {
                    id: string;
                    name?: string;
                };
                organization?: {
                    oid: string;
                    name?: string;
                };
                booked?: boolean;
            };
            rights: ("view" | "enter")[];
            types?: string[];
            labels?: string[];
            /** Format: date-time */
            from?: string;
            /** Format: date-time */
            until?: string;
            text: components["schemas"]["ConsentText"];
            /** Format: date-time */
            preparedAt: string;
            /** Format: date-time */
            grantedAt?: string;
            /** Format: date-time */
            withdrawnAt?: string;
        };
        ConsentText: {
            version: string;
            title: string;
            /** @description Russian; what the person agrees to, word for word */
            body: string;
        };
        Consents: {
            consents: components["schemas"]["Consent"][];
        };
        SentCode: {
            /** @enum {string} */
            channel: "sms" | "email";
            /** @description the address with most of it hidden */
            to: string;
            /** Format: date-time */
            expiresAt: string;
            /**
             * Format: date-time
             * @description not before this time another one is sent
             */
            resendAt: string;
        };
        PreparedConsent: {
            consent: components["schemas"]["Consent"];
            code: components["schemas"]["SentCode"];
        };
        Accesses: {
            accesses: components["schemas"]["Access"][];
            /** @description value of `page` for the next page; absent on the last one */
            next?: string;
        };
        Access: {
            /** Format: date-time */
            at: string;
            actor: {
                kind: string;
                /** @description absent when the registry does not tell it now */
                name?: string;
            };
            organization?: {
                oid: string;
                name?: string;
            };
            action: string;
            resourceType?: string;
            ground?: {
                code: string;
                meaning: string;
                /** @description Russian text */
                text: string;
            };
            /** @description ok, or a code of the error table */
            outcome: string;
        };
        OwnRecords: {
            records: components["schemas"]["OwnRecord"][];
        };
        OwnRecord: {
            organization: {
                oid: string;
            };
            /** @description FHIR R4 resource */
            resource: {
                resourceType: string;
                id: string;
            } & {
                [key: string]: unknown;
            };
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
        AccessSummary: {
            /** Format: date-time */
            since: string;
            /** Format: date-time */
            before: string;
            counts: components["schemas"]["AccessCount"][];
        };
        AccessCount: {
            /** @description ФРМО OID; empty for what people do in person */
            organization: string;
            /** @description ФРМО OID of the organisation whose data it was, where that is another */
            holder?: string;
            action: string;
            resourceType?: string;
            /** @description ok, or a code of the error table */
            outcome: string;
            count: number;
        };
        AccessHolders: {
            /** @description logical id */
            patient: string;
            organization: {
                /** @description ФРМО OID */
                oid: string;
            };
            holders: components["schemas"]["AccessHolder"][];
            /** @description how many assigned or booked are left out, since the list names 200 of them at most */
            unlisted: number;
            sources: components["schemas"]["Source"][];
        };
        AccessHolder: {
            /** @description absent: whoever works in the organisation */
            practitioner?: components["schemas"]["HoldingWorker"];
            /** @description workers of the organisation of whom this does not hold, since the patient refused them; what is left to them stands apart */
            except?: components["schemas"]["HoldingWorker"][];
            ground: components["schemas"]["CodedReason"];
            rights: ("view" | "enter")[];
            /** @description FHIR resource types; absent: all that the rights may reach */
            types?: string[];
            /** @description confidentiality beyond normal that the consent opens */
            labels?: string[];
            /** Format: date-time */
            from?: string;
            /** Format: date-time */
            until?: string;
        };
        HoldingWorker: {
            /** @description logical id */
            id: string;
            /** @description absent: unconfirmed */
            name?: string;
            /** @description ФРМР did not answer whether the worker is active in the organisation; access waits for it, or goes by what it confirmed before */
            unconfirmed?: boolean;
        };
        CodedReason: {
            code: string;
            meaning: string;
            /** @description Russian text */
            text: string;
        };
        AccessDecision: {
            /** @enum {string} */
            effect: "permit" | "refuse";
            reason: components["schemas"]["CodedReason"];
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
    parameters: {
        Id: string;
        SignatureId: string;
        /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
        IdempotencyKey: string;
    };
    requestBodies: {
        Code: {
            content: {
                "application/json": {
                    /** @description six digits from the message */
                    code: string;
                };
            };
        };
    };
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The person */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getMyRegistryCard: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
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
    chooseMyOrganization: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description ФРМО OID of one of the worker's organisations */
                    oid: string;
                };
            };
        };
        responses: {
            /** @description Chosen */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    acceptTerms: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description the version that the person has read */
                    version: string;
                };
            };
        };
        responses: {
            /** @description Accepted */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Terms"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    verifyMe: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The result of this run */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdentityCheck"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listMyVerifications: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description At most 100 checks */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["IdentityCheck"][];
                    };
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getMyConfirmation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id of the check */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description PDF; without legal force when the registry is a sandbox */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/pdf": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listMyConsents: {
        parameters: {
            query?: {
                /** @description logical id of the represented person */
                patient?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description At most 200 consents */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Consents"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    prepareConsent: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConsentTerms"];
            };
        };
        responses: {
            /** @description Waiting for the code */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PreparedConsent"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    sendConsentCode: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Sent */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SentCode"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    confirmConsent: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody: components["requestBodies"]["Code"];
        responses: {
            /** @description The consent, active */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Consent"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    withdrawConsent: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                id: components["parameters"]["Id"];
            };
            cookie?: never;
        };
        requestBody: components["requestBodies"]["Code"];
        responses: {
            /** @description The consent, inactive */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Consent"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listMyPermissions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description At most 200 consents in force, newest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Consents"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listMySignatures: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description At most 100 requests */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["SignatureRequest"][];
                    };
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    prepareMySignature: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    document?: components["schemas"]["DocumentToSign"];
                    /** @description id of a DocumentReference that awaits further signers (`/me/awaited-signatures`) */
                    cosign?: string;
                    /** @description a stored resource, such as MedicationRequest/id: its canonical JSON is signed, and from then on it changes only with a new signature */
                    resource?: string;
                    card?: {
                        /** @description logical id of the Patient */
                        patient: string;
                    };
                };
            };
        };
        responses: {
            /** @description The bytes wait for their signature */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignatureRequest"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listAwaitedSignatures: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                page?: string;
                count?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of documents */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["AwaitedSignature"][];
                        /** @description value of `page` for the next page; absent on the last one */
                        next?: string;
                    };
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getMySignature: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["SignatureId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The request */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignatureRequest"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    cancelMySignature: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                id: components["parameters"]["SignatureId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Taken back */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    submitMySignature: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                id: components["parameters"]["SignatureId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description CMS in DER or the XML signature, base64 */
                    signature: string;
                    /** @description number of the machine-readable power of attorney (МЧД) */
                    powerOfAttorney?: string;
                };
            };
        };
        responses: {
            /** @description In force */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignatureRequest"];
                };
            };
            /** @description Waits for the state of the certificate */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignatureRequest"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    signForOrganization: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                id: components["parameters"]["SignatureId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The signature */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrganizationSignature"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listMyCertificates: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All certificates, newest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["SigningCertificate"][];
                        /** @description a key was reported lost and no other certificate was activated by a code since */
                        signingStopped: boolean;
                    };
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    bindMyCertificate: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description certificate in DER, base64; never with a key */
                    certificate: string;
                    /** @description certificates of the issuing authorities, when the operator's folder of them lacks some */
                    chain?: string[];
                };
            };
        };
        responses: {
            /** @description Bound */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SigningCertificate"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    sendMyCertificateCode: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                fingerprint: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Sent */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SentCode"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    confirmMyCertificate: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                fingerprint: string;
            };
            cookie?: never;
        };
        requestBody: components["requestBodies"]["Code"];
        responses: {
            /** @description Active */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SigningCertificate"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    reportMyKeyLost: {
        parameters: {
            query?: never;
            header: {
                /** @description The caller's own key of this change: repeated with the same body within 30 days it gives the first answer again, with another body 409 */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                fingerprint: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What to do now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        steps: string[];
                    };
                };
            };
            default: components["responses"]["Problem"];
        };
    };
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
    getMyActivity: {
        parameters: {
            query?: {
                days?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The figures, oldest day first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Activity"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listMyAccesses: {
        parameters: {
            query?: {
                view?: "about-me" | "by-me";
                /** @description logical id of the represented person; only with the view about-me */
                patient?: string;
                /** @description `next` of the page before, of the same view */
                page?: string;
                count?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The accesses */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accesses"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listMyRecords: {
        parameters: {
            query: {
                /** @description logical id of the represented person */
                patient?: string;
                /** @description FHIR resource type, such as Observation */
                type: string;
                count?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The records; none of a type that nobody stores */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OwnRecords"];
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
    summarizeAccesses: {
        parameters: {
            query: {
                /** @description begin of the period, inclusive */
                since: string;
                /** @description end of the period, exclusive */
                before: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Counts by organisation, the most frequent first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessSummary"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listAccessHolders: {
        parameters: {
            query: {
                /** @description logical id of the patient */
                patient: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The holders; none when nobody may */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessHolders"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
}
