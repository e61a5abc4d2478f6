// Generated from the R4 SearchParameters by `npm run generate`; ./parameters.ts reads it.
/** A parameter a line: type, code, kind, types it may refer to (* for all), FHIRPath, components of a composite as kind@FHIRPath. */
export const parameterTable = `
Appointment	actor	reference	HealthcareService,Location,Patient,Practitioner,PractitionerRole,RelatedPerson	Appointment.participant.actor
Appointment	appointment-type	token		Appointment.appointmentType
Appointment	based-on	reference	ServiceRequest	Appointment.basedOn
Appointment	date	date		Appointment.start
Appointment	identifier	token		Appointment.identifier
Appointment	location	reference	Location	Appointment.participant.actor.where(resolve() is Location)
Appointment	part-status	token		Appointment.participant.status
Appointment	patient	reference	Patient	Appointment.participant.actor.where(resolve() is Patient)
Appointment	practitioner	reference	Practitioner	Appointment.participant.actor.where(resolve() is Practitioner)
Appointment	reason-code	token		Appointment.reasonCode
Appointment	reason-reference	reference	Condition,Observation,Procedure	Appointment.reasonReference
Appointment	service-category	token		Appointment.serviceCategory
Appointment	service-type	token		Appointment.serviceType
Appointment	slot	reference	Slot	Appointment.slot
Appointment	specialty	token		Appointment.specialty
Appointment	status	token		Appointment.status
Appointment	supporting-info	reference	*	Appointment.supportingInformation
AuditEvent	action	token		AuditEvent.action
AuditEvent	address	string		AuditEvent.agent.network.address
AuditEvent	agent	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	AuditEvent.agent.who
AuditEvent	agent-name	string		AuditEvent.agent.name
AuditEvent	agent-role	token		AuditEvent.agent.role
AuditEvent	altid	token		AuditEvent.agent.altId
AuditEvent	date	date		AuditEvent.recorded
AuditEvent	entity	reference	*	AuditEvent.entity.what
AuditEvent	entity-name	string		AuditEvent.entity.name
AuditEvent	entity-role	token		AuditEvent.entity.role
AuditEvent	entity-type	token		AuditEvent.entity.type
AuditEvent	outcome	token		AuditEvent.outcome
AuditEvent	patient	reference	Patient	AuditEvent.agent.who.where(resolve() is Patient) | AuditEvent.entity.what.where(resolve() is Patient)
AuditEvent	policy	uri		AuditEvent.agent.policy
AuditEvent	site	token		AuditEvent.source.site
AuditEvent	source	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	AuditEvent.source.observer
AuditEvent	subtype	token		AuditEvent.subtype
AuditEvent	type	token		AuditEvent.type
Basic	author	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Basic.author
Basic	code	token		Basic.code
Basic	created	date		Basic.created
Basic	identifier	token		Basic.identifier
Basic	patient	reference	Patient	Basic.subject.where(resolve() is Patient)
Basic	subject	reference	*	Basic.subject
CareTeam	category	token		CareTeam.category
CareTeam	date	date		CareTeam.period
CareTeam	encounter	reference	Encounter	CareTeam.encounter
CareTeam	identifier	token		CareTeam.identifier
CareTeam	participant	reference	CareTeam,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	CareTeam.participant.member
CareTeam	patient	reference	Patient	CareTeam.subject.where(resolve() is Patient)
CareTeam	status	token		CareTeam.status
CareTeam	subject	reference	Patient	CareTeam.subject
CodeSystem	code	token		CodeSystem.concept.code
CodeSystem	content-mode	token		CodeSystem.content
CodeSystem	context	token		(CodeSystem.useContext.value as CodeableConcept)
CodeSystem	context-quantity	quantity		(CodeSystem.useContext.value as Quantity) | (CodeSystem.useContext.value as Range)
CodeSystem	context-type	token		CodeSystem.useContext.code
CodeSystem	context-type-quantity	composite		CodeSystem.useContext	token@code ; quantity@value.as(Quantity) | value.as(Range)
CodeSystem	context-type-value	composite		CodeSystem.useContext	token@code ; token@value.as(CodeableConcept)
CodeSystem	date	date		CodeSystem.date
CodeSystem	description	string		CodeSystem.description
CodeSystem	identifier	token		CodeSystem.identifier
CodeSystem	jurisdiction	token		CodeSystem.jurisdiction
CodeSystem	language	token		CodeSystem.concept.designation.language
CodeSystem	name	string		CodeSystem.name
CodeSystem	publisher	string		CodeSystem.publisher
CodeSystem	status	token		CodeSystem.status
CodeSystem	supplements	reference	CodeSystem	CodeSystem.supplements
CodeSystem	system	uri		CodeSystem.url
CodeSystem	title	string		CodeSystem.title
CodeSystem	url	uri		CodeSystem.url
CodeSystem	version	token		CodeSystem.version
Communication	based-on	reference	*	Communication.basedOn
Communication	category	token		Communication.category
Communication	encounter	reference	Encounter	Communication.encounter
Communication	identifier	token		Communication.identifier
Communication	instantiates-canonical	reference		Communication.instantiatesCanonical
Communication	instantiates-uri	uri		Communication.instantiatesUri
Communication	medium	token		Communication.medium
Communication	part-of	reference	*	Communication.partOf
Communication	patient	reference	Patient	Communication.subject.where(resolve() is Patient)
Communication	received	date		Communication.received
Communication	recipient	reference	CareTeam,HealthcareService,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Communication.recipient
Communication	sender	reference	HealthcareService,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Communication.sender
Communication	sent	date		Communication.sent
Communication	status	token		Communication.status
Communication	subject	reference	Patient	Communication.subject
Composition	attester	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Composition.attester.party
Composition	author	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Composition.author
Composition	category	token		Composition.category
Composition	confidentiality	token		Composition.confidentiality
Composition	context	token		Composition.event.code
Composition	date	date		Composition.date
Composition	encounter	reference	Encounter,EpisodeOfCare	Composition.encounter
Composition	entry	reference	*	Composition.section.entry
Composition	identifier	token		Composition.identifier
Composition	patient	reference	Patient	Composition.subject.where(resolve() is Patient)
Composition	period	date		Composition.event.period
Composition	related-id	token		(Composition.relatesTo.target as Identifier)
Composition	related-ref	reference	Composition	(Composition.relatesTo.target as Reference)
Composition	section	token		Composition.section.code
Composition	status	token		Composition.status
Composition	subject	reference	*	Composition.subject
Composition	title	string		Composition.title
Composition	type	token		Composition.type
ConceptMap	context	token		(ConceptMap.useContext.value as CodeableConcept)
ConceptMap	context-quantity	quantity		(ConceptMap.useContext.value as Quantity) | (ConceptMap.useContext.value as Range)
ConceptMap	context-type	token		ConceptMap.useContext.code
ConceptMap	context-type-quantity	composite		ConceptMap.useContext	token@code ; quantity@value.as(Quantity) | value.as(Range)
ConceptMap	context-type-value	composite		ConceptMap.useContext	token@code ; token@value.as(CodeableConcept)
ConceptMap	date	date		ConceptMap.date
ConceptMap	dependson	uri		ConceptMap.group.element.target.dependsOn.property
ConceptMap	description	string		ConceptMap.description
ConceptMap	identifier	token		ConceptMap.identifier
ConceptMap	jurisdiction	token		ConceptMap.jurisdiction
ConceptMap	name	string		ConceptMap.name
ConceptMap	other	reference	ConceptMap	ConceptMap.group.unmapped.url
ConceptMap	product	uri		ConceptMap.group.element.target.product.property
ConceptMap	publisher	string		ConceptMap.publisher
ConceptMap	source	reference	ValueSet	(ConceptMap.source as canonical)
ConceptMap	source-code	token		ConceptMap.group.element.code
ConceptMap	source-system	uri		ConceptMap.group.source
ConceptMap	source-uri	reference	ValueSet	(ConceptMap.source as uri)
ConceptMap	status	token		ConceptMap.status
ConceptMap	target	reference	ValueSet	(ConceptMap.target as canonical)
ConceptMap	target-code	token		ConceptMap.group.element.target.code
ConceptMap	target-system	uri		ConceptMap.group.target
ConceptMap	target-uri	reference	ValueSet	(ConceptMap.target as uri)
ConceptMap	title	string		ConceptMap.title
ConceptMap	url	uri		ConceptMap.url
ConceptMap	version	token		ConceptMap.version
Condition	abatement-age	quantity		Condition.abatement.as(Age) | Condition.abatement.as(Range)
Condition	abatement-date	date		Condition.abatement.as(dateTime) | Condition.abatement.as(Period)
Condition	abatement-string	string		Condition.abatement.as(string)
Condition	asserter	reference	Patient,Practitioner,PractitionerRole,RelatedPerson	Condition.asserter
Condition	body-site	token		Condition.bodySite
Condition	category	token		Condition.category
Condition	clinical-status	token		Condition.clinicalStatus
Condition	code	token		Condition.code
Condition	encounter	reference	Encounter	Condition.encounter
Condition	evidence	token		Condition.evidence.code
Condition	evidence-detail	reference	*	Condition.evidence.detail
Condition	identifier	token		Condition.identifier
Condition	onset-age	quantity		Condition.onset.as(Age) | Condition.onset.as(Range)
Condition	onset-date	date		Condition.onset.as(dateTime) | Condition.onset.as(Period)
Condition	onset-info	string		Condition.onset.as(string)
Condition	patient	reference	Patient	Condition.subject.where(resolve() is Patient)
Condition	recorded-date	date		Condition.recordedDate
Condition	severity	token		Condition.severity
Condition	stage	token		Condition.stage.summary
Condition	subject	reference	Patient	Condition.subject
Condition	verification-status	token		Condition.verificationStatus
Consent	action	token		Consent.provision.action
Consent	actor	reference	CareTeam,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Consent.provision.actor.reference
Consent	category	token		Consent.category
Consent	consentor	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Consent.performer
Consent	data	reference	*	Consent.provision.data.reference
Consent	date	date		Consent.dateTime
Consent	identifier	token		Consent.identifier
Consent	organization	reference	Organization	Consent.organization
Consent	patient	reference	Patient	Consent.patient
Consent	period	date		Consent.provision.period
Consent	purpose	token		Consent.provision.purpose
Consent	scope	token		Consent.scope
Consent	security-label	token		Consent.provision.securityLabel
Consent	source-reference	reference	Consent,DocumentReference	Consent.source
Consent	status	token		Consent.status
Coverage	beneficiary	reference	Patient	Coverage.beneficiary
Coverage	class-type	token		Coverage.class.type
Coverage	class-value	string		Coverage.class.value
Coverage	dependent	string		Coverage.dependent
Coverage	identifier	token		Coverage.identifier
Coverage	patient	reference	Patient	Coverage.beneficiary
Coverage	payor	reference	Organization,Patient,RelatedPerson	Coverage.payor
Coverage	policy-holder	reference	Organization,Patient,RelatedPerson	Coverage.policyHolder
Coverage	status	token		Coverage.status
Coverage	subscriber	reference	Patient,RelatedPerson	Coverage.subscriber
Coverage	type	token		Coverage.type
CoverageEligibilityRequest	created	date		CoverageEligibilityRequest.created
CoverageEligibilityRequest	enterer	reference	Practitioner,PractitionerRole	CoverageEligibilityRequest.enterer
CoverageEligibilityRequest	facility	reference	Location	CoverageEligibilityRequest.facility
CoverageEligibilityRequest	identifier	token		CoverageEligibilityRequest.identifier
CoverageEligibilityRequest	patient	reference	Patient	CoverageEligibilityRequest.patient
CoverageEligibilityRequest	provider	reference	Organization,Practitioner,PractitionerRole	CoverageEligibilityRequest.provider
CoverageEligibilityRequest	status	token		CoverageEligibilityRequest.status
CoverageEligibilityResponse	created	date		CoverageEligibilityResponse.created
CoverageEligibilityResponse	disposition	string		CoverageEligibilityResponse.disposition
CoverageEligibilityResponse	identifier	token		CoverageEligibilityResponse.identifier
CoverageEligibilityResponse	insurer	reference	Organization	CoverageEligibilityResponse.insurer
CoverageEligibilityResponse	outcome	token		CoverageEligibilityResponse.outcome
CoverageEligibilityResponse	patient	reference	Patient	CoverageEligibilityResponse.patient
CoverageEligibilityResponse	request	reference	CoverageEligibilityRequest	CoverageEligibilityResponse.request
CoverageEligibilityResponse	requestor	reference	Organization,Practitioner,PractitionerRole	CoverageEligibilityResponse.requestor
CoverageEligibilityResponse	status	token		CoverageEligibilityResponse.status
DiagnosticReport	based-on	reference	MedicationRequest,ServiceRequest	DiagnosticReport.basedOn
DiagnosticReport	category	token		DiagnosticReport.category
DiagnosticReport	code	token		DiagnosticReport.code
DiagnosticReport	conclusion	token		DiagnosticReport.conclusionCode
DiagnosticReport	date	date		DiagnosticReport.effective
DiagnosticReport	encounter	reference	Encounter,EpisodeOfCare	DiagnosticReport.encounter
DiagnosticReport	identifier	token		DiagnosticReport.identifier
DiagnosticReport	issued	date		DiagnosticReport.issued
DiagnosticReport	media	reference		DiagnosticReport.media.link
DiagnosticReport	patient	reference	Patient	DiagnosticReport.subject.where(resolve() is Patient)
DiagnosticReport	performer	reference	CareTeam,Organization,Practitioner,PractitionerRole	DiagnosticReport.performer
DiagnosticReport	result	reference	Observation	DiagnosticReport.result
DiagnosticReport	results-interpreter	reference	CareTeam,Organization,Practitioner,PractitionerRole	DiagnosticReport.resultsInterpreter
DiagnosticReport	specimen	reference		DiagnosticReport.specimen
DiagnosticReport	status	token		DiagnosticReport.status
DiagnosticReport	subject	reference	Location,Patient	DiagnosticReport.subject
DocumentReference	authenticator	reference	Organization,Practitioner,PractitionerRole	DocumentReference.authenticator
DocumentReference	author	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	DocumentReference.author
DocumentReference	category	token		DocumentReference.category
DocumentReference	contenttype	token		DocumentReference.content.attachment.contentType
DocumentReference	custodian	reference	Organization	DocumentReference.custodian
DocumentReference	date	date		DocumentReference.date
DocumentReference	description	string		DocumentReference.description
DocumentReference	encounter	reference	Encounter,EpisodeOfCare	DocumentReference.context.encounter
DocumentReference	event	token		DocumentReference.context.event
DocumentReference	facility	token		DocumentReference.context.facilityType
DocumentReference	format	token		DocumentReference.content.format
DocumentReference	identifier	token		DocumentReference.masterIdentifier | DocumentReference.identifier
DocumentReference	language	token		DocumentReference.content.attachment.language
DocumentReference	location	uri		DocumentReference.content.attachment.url
DocumentReference	patient	reference	Patient	DocumentReference.subject.where(resolve() is Patient)
DocumentReference	period	date		DocumentReference.context.period
DocumentReference	related	reference	*	DocumentReference.context.related
DocumentReference	relatesto	reference	DocumentReference	DocumentReference.relatesTo.target
DocumentReference	relation	token		DocumentReference.relatesTo.code
DocumentReference	relationship	composite		DocumentReference.relatesTo	token@code ; reference@target
DocumentReference	security-label	token		DocumentReference.securityLabel
DocumentReference	setting	token		DocumentReference.context.practiceSetting
DocumentReference	status	token		DocumentReference.status
DocumentReference	subject	reference	Patient,Practitioner	DocumentReference.subject
DocumentReference	type	token		DocumentReference.type
Encounter	account	reference		Encounter.account
Encounter	appointment	reference	Appointment	Encounter.appointment
Encounter	based-on	reference	ServiceRequest	Encounter.basedOn
Encounter	class	token		Encounter.class
Encounter	date	date		Encounter.period
Encounter	diagnosis	reference	Condition,Procedure	Encounter.diagnosis.condition
Encounter	episode-of-care	reference	EpisodeOfCare	Encounter.episodeOfCare
Encounter	identifier	token		Encounter.identifier
Encounter	length	quantity		Encounter.length
Encounter	location	reference	Location	Encounter.location.location
Encounter	location-period	date		Encounter.location.period
Encounter	part-of	reference	Encounter	Encounter.partOf
Encounter	participant	reference	Practitioner,PractitionerRole,RelatedPerson	Encounter.participant.individual
Encounter	participant-type	token		Encounter.participant.type
Encounter	patient	reference	Patient	Encounter.subject.where(resolve() is Patient)
Encounter	practitioner	reference	Practitioner	Encounter.participant.individual.where(resolve() is Practitioner)
Encounter	reason-code	token		Encounter.reasonCode
Encounter	reason-reference	reference	Condition,Observation,Procedure	Encounter.reasonReference
Encounter	service-provider	reference	Organization	Encounter.serviceProvider
Encounter	special-arrangement	token		Encounter.hospitalization.specialArrangement
Encounter	status	token		Encounter.status
Encounter	subject	reference	Patient	Encounter.subject
Encounter	type	token		Encounter.type
EpisodeOfCare	care-manager	reference	Practitioner	EpisodeOfCare.careManager.where(resolve() is Practitioner)
EpisodeOfCare	condition	reference	Condition	EpisodeOfCare.diagnosis.condition
EpisodeOfCare	date	date		EpisodeOfCare.period
EpisodeOfCare	identifier	token		EpisodeOfCare.identifier
EpisodeOfCare	incoming-referral	reference	ServiceRequest	EpisodeOfCare.referralRequest
EpisodeOfCare	organization	reference	Organization	EpisodeOfCare.managingOrganization
EpisodeOfCare	patient	reference	Patient	EpisodeOfCare.patient
EpisodeOfCare	status	token		EpisodeOfCare.status
EpisodeOfCare	type	token		EpisodeOfCare.type
HealthcareService	active	token		HealthcareService.active
HealthcareService	characteristic	token		HealthcareService.characteristic
HealthcareService	coverage-area	reference	Location	HealthcareService.coverageArea
HealthcareService	endpoint	reference		HealthcareService.endpoint
HealthcareService	identifier	token		HealthcareService.identifier
HealthcareService	location	reference	Location	HealthcareService.location
HealthcareService	name	string		HealthcareService.name
HealthcareService	organization	reference	Organization	HealthcareService.providedBy
HealthcareService	program	token		HealthcareService.program
HealthcareService	service-category	token		HealthcareService.category
HealthcareService	service-type	token		HealthcareService.type
HealthcareService	specialty	token		HealthcareService.specialty
Location	address	string		Location.address
Location	address-city	string		Location.address.city
Location	address-country	string		Location.address.country
Location	address-postalcode	string		Location.address.postalCode
Location	address-state	string		Location.address.state
Location	address-use	token		Location.address.use
Location	endpoint	reference		Location.endpoint
Location	identifier	token		Location.identifier
Location	name	string		Location.name | Location.alias
Location	operational-status	token		Location.operationalStatus
Location	organization	reference	Organization	Location.managingOrganization
Location	partof	reference	Location	Location.partOf
Location	status	token		Location.status
Location	type	token		Location.type
MedicationDispense	code	token		(MedicationDispense.medication as CodeableConcept)
MedicationDispense	context	reference	Encounter,EpisodeOfCare	MedicationDispense.context
MedicationDispense	destination	reference	Location	MedicationDispense.destination
MedicationDispense	identifier	token		MedicationDispense.identifier
MedicationDispense	medication	reference		(MedicationDispense.medication as Reference)
MedicationDispense	patient	reference	Patient	MedicationDispense.subject.where(resolve() is Patient)
MedicationDispense	performer	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	MedicationDispense.performer.actor
MedicationDispense	prescription	reference	MedicationRequest	MedicationDispense.authorizingPrescription
MedicationDispense	receiver	reference	Patient,Practitioner	MedicationDispense.receiver
MedicationDispense	responsibleparty	reference	Practitioner,PractitionerRole	MedicationDispense.substitution.responsibleParty
MedicationDispense	status	token		MedicationDispense.status
MedicationDispense	subject	reference	Patient	MedicationDispense.subject
MedicationDispense	type	token		MedicationDispense.type
MedicationDispense	whenhandedover	date		MedicationDispense.whenHandedOver
MedicationDispense	whenprepared	date		MedicationDispense.whenPrepared
MedicationRequest	authoredon	date		MedicationRequest.authoredOn
MedicationRequest	category	token		MedicationRequest.category
MedicationRequest	code	token		(MedicationRequest.medication as CodeableConcept)
MedicationRequest	date	date		MedicationRequest.dosageInstruction.timing.event
MedicationRequest	encounter	reference	Encounter	MedicationRequest.encounter
MedicationRequest	identifier	token		MedicationRequest.identifier
MedicationRequest	intended-dispenser	reference	Organization	MedicationRequest.dispenseRequest.performer
MedicationRequest	intended-performer	reference	CareTeam,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	MedicationRequest.performer
MedicationRequest	intended-performertype	token		MedicationRequest.performerType
MedicationRequest	intent	token		MedicationRequest.intent
MedicationRequest	medication	reference		(MedicationRequest.medication as Reference)
MedicationRequest	patient	reference	Patient	MedicationRequest.subject.where(resolve() is Patient)
MedicationRequest	priority	token		MedicationRequest.priority
MedicationRequest	requester	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	MedicationRequest.requester
MedicationRequest	status	token		MedicationRequest.status
MedicationRequest	subject	reference	Patient	MedicationRequest.subject
Observation	based-on	reference	MedicationRequest,ServiceRequest	Observation.basedOn
Observation	category	token		Observation.category
Observation	code	token		Observation.code
Observation	code-value-concept	composite		Observation	token@code ; token@value.as(CodeableConcept)
Observation	code-value-date	composite		Observation	token@code ; date@value.as(dateTime) | value.as(Period)
Observation	code-value-quantity	composite		Observation	token@code ; quantity@value.as(Quantity)
Observation	code-value-string	composite		Observation	token@code ; string@value.as(string)
Observation	combo-code	token		Observation.code | Observation.component.code
Observation	combo-code-value-concept	composite		Observation | Observation.component	token@code ; token@value.as(CodeableConcept)
Observation	combo-code-value-quantity	composite		Observation | Observation.component	token@code ; quantity@value.as(Quantity)
Observation	combo-data-absent-reason	token		Observation.dataAbsentReason | Observation.component.dataAbsentReason
Observation	combo-value-concept	token		(Observation.value as CodeableConcept) | (Observation.component.value as CodeableConcept)
Observation	combo-value-quantity	quantity		(Observation.value as Quantity) | (Observation.value as SampledData) | (Observation.component.value as Quantity) | (Observation.component.value as SampledData)
Observation	component-code	token		Observation.component.code
Observation	component-code-value-concept	composite		Observation.component	token@code ; token@value.as(CodeableConcept)
Observation	component-code-value-quantity	composite		Observation.component	token@code ; quantity@value.as(Quantity)
Observation	component-data-absent-reason	token		Observation.component.dataAbsentReason
Observation	component-value-concept	token		(Observation.component.value as CodeableConcept)
Observation	component-value-quantity	quantity		(Observation.component.value as Quantity) | (Observation.component.value as SampledData)
Observation	data-absent-reason	token		Observation.dataAbsentReason
Observation	date	date		Observation.effective
Observation	derived-from	reference	DocumentReference,Observation	Observation.derivedFrom
Observation	device	reference		Observation.device
Observation	encounter	reference	Encounter,EpisodeOfCare	Observation.encounter
Observation	focus	reference	*	Observation.focus
Observation	has-member	reference	Observation	Observation.hasMember
Observation	identifier	token		Observation.identifier
Observation	method	token		Observation.method
Observation	part-of	reference	MedicationDispense,Procedure	Observation.partOf
Observation	patient	reference	Patient	Observation.subject.where(resolve() is Patient)
Observation	performer	reference	CareTeam,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Observation.performer
Observation	specimen	reference		Observation.specimen
Observation	status	token		Observation.status
Observation	subject	reference	Location,Patient	Observation.subject
Observation	value-concept	token		(Observation.value as CodeableConcept)
Observation	value-date	date		(Observation.value as dateTime) | (Observation.value as Period)
Observation	value-quantity	quantity		(Observation.value as Quantity) | (Observation.value as SampledData)
Observation	value-string	string		(Observation.value as string) | (Observation.value as CodeableConcept).text
Organization	active	token		Organization.active
Organization	address	string		Organization.address
Organization	address-city	string		Organization.address.city
Organization	address-country	string		Organization.address.country
Organization	address-postalcode	string		Organization.address.postalCode
Organization	address-state	string		Organization.address.state
Organization	address-use	token		Organization.address.use
Organization	endpoint	reference		Organization.endpoint
Organization	identifier	token		Organization.identifier
Organization	name	string		Organization.name | Organization.alias
Organization	partof	reference	Organization	Organization.partOf
Organization	phonetic	string		Organization.name
Organization	type	token		Organization.type
Patient	active	token		Patient.active
Patient	address	string		Patient.address
Patient	address-city	string		Patient.address.city
Patient	address-country	string		Patient.address.country
Patient	address-postalcode	string		Patient.address.postalCode
Patient	address-state	string		Patient.address.state
Patient	address-use	token		Patient.address.use
Patient	birthdate	date		Patient.birthDate
Patient	death-date	date		(Patient.deceased as dateTime)
Patient	deceased	token		Patient.deceased.exists() and Patient.deceased != false
Patient	email	token		Patient.telecom.where(system='email')
Patient	family	string		Patient.name.family
Patient	gender	token		Patient.gender
Patient	general-practitioner	reference	Organization,Practitioner,PractitionerRole	Patient.generalPractitioner
Patient	given	string		Patient.name.given
Patient	identifier	token		Patient.identifier
Patient	language	token		Patient.communication.language
Patient	link	reference	Patient,RelatedPerson	Patient.link.other
Patient	name	string		Patient.name
Patient	organization	reference	Organization	Patient.managingOrganization
Patient	phone	token		Patient.telecom.where(system='phone')
Patient	phonetic	string		Patient.name
Patient	telecom	token		Patient.telecom
Practitioner	active	token		Practitioner.active
Practitioner	address	string		Practitioner.address
Practitioner	address-city	string		Practitioner.address.city
Practitioner	address-country	string		Practitioner.address.country
Practitioner	address-postalcode	string		Practitioner.address.postalCode
Practitioner	address-state	string		Practitioner.address.state
Practitioner	address-use	token		Practitioner.address.use
Practitioner	communication	token		Practitioner.communication
Practitioner	email	token		Practitioner.telecom.where(system='email')
Practitioner	family	string		Practitioner.name.family
Practitioner	gender	token		Practitioner.gender
Practitioner	given	string		Practitioner.name.given
Practitioner	identifier	token		Practitioner.identifier
Practitioner	name	string		Practitioner.name
Practitioner	phone	token		Practitioner.telecom.where(system='phone')
Practitioner	phonetic	string		Practitioner.name
Practitioner	telecom	token		Practitioner.telecom
PractitionerRole	active	token		PractitionerRole.active
PractitionerRole	date	date		PractitionerRole.period
PractitionerRole	email	token		PractitionerRole.telecom.where(system='email')
PractitionerRole	endpoint	reference		PractitionerRole.endpoint
PractitionerRole	identifier	token		PractitionerRole.identifier
PractitionerRole	location	reference	Location	PractitionerRole.location
PractitionerRole	organization	reference	Organization	PractitionerRole.organization
PractitionerRole	phone	token		PractitionerRole.telecom.where(system='phone')
PractitionerRole	practitioner	reference	Practitioner	PractitionerRole.practitioner
PractitionerRole	role	token		PractitionerRole.code
PractitionerRole	service	reference	HealthcareService	PractitionerRole.healthcareService
PractitionerRole	specialty	token		PractitionerRole.specialty
PractitionerRole	telecom	token		PractitionerRole.telecom
Procedure	based-on	reference	ServiceRequest	Procedure.basedOn
Procedure	category	token		Procedure.category
Procedure	code	token		Procedure.code
Procedure	date	date		Procedure.performed
Procedure	encounter	reference	Encounter,EpisodeOfCare	Procedure.encounter
Procedure	identifier	token		Procedure.identifier
Procedure	instantiates-canonical	reference		Procedure.instantiatesCanonical
Procedure	instantiates-uri	uri		Procedure.instantiatesUri
Procedure	location	reference	Location	Procedure.location
Procedure	part-of	reference	Observation,Procedure	Procedure.partOf
Procedure	patient	reference	Patient	Procedure.subject.where(resolve() is Patient)
Procedure	performer	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Procedure.performer.actor
Procedure	reason-code	token		Procedure.reasonCode
Procedure	reason-reference	reference	Condition,DiagnosticReport,DocumentReference,Observation,Procedure	Procedure.reasonReference
Procedure	status	token		Procedure.status
Procedure	subject	reference	Patient	Procedure.subject
Provenance	agent	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Provenance.agent.who
Provenance	agent-role	token		Provenance.agent.role
Provenance	agent-type	token		Provenance.agent.type
Provenance	entity	reference	*	Provenance.entity.what
Provenance	location	reference	Location	Provenance.location
Provenance	patient	reference	Patient	Provenance.target.where(resolve() is Patient)
Provenance	recorded	date		Provenance.recorded
Provenance	signature-type	token		Provenance.signature.type
Provenance	target	reference	*	Provenance.target
Provenance	when	date		(Provenance.occurred as dateTime)
RelatedPerson	active	token		RelatedPerson.active
RelatedPerson	address	string		RelatedPerson.address
RelatedPerson	address-city	string		RelatedPerson.address.city
RelatedPerson	address-country	string		RelatedPerson.address.country
RelatedPerson	address-postalcode	string		RelatedPerson.address.postalCode
RelatedPerson	address-state	string		RelatedPerson.address.state
RelatedPerson	address-use	token		RelatedPerson.address.use
RelatedPerson	birthdate	date		RelatedPerson.birthDate
RelatedPerson	email	token		RelatedPerson.telecom.where(system='email')
RelatedPerson	gender	token		RelatedPerson.gender
RelatedPerson	identifier	token		RelatedPerson.identifier
RelatedPerson	name	string		RelatedPerson.name
RelatedPerson	patient	reference	Patient	RelatedPerson.patient
RelatedPerson	phone	token		RelatedPerson.telecom.where(system='phone')
RelatedPerson	phonetic	string		RelatedPerson.name
RelatedPerson	relationship	token		RelatedPerson.relationship
RelatedPerson	telecom	token		RelatedPerson.telecom
Resource	_id	token		Resource.id
Resource	_lastUpdated	date		Resource.meta.lastUpdated
Resource	_profile	uri		Resource.meta.profile
Resource	_security	token		Resource.meta.security
Resource	_source	uri		Resource.meta.source
Resource	_tag	token		Resource.meta.tag
Schedule	active	token		Schedule.active
Schedule	actor	reference	HealthcareService,Location,Patient,Practitioner,PractitionerRole,RelatedPerson	Schedule.actor
Schedule	date	date		Schedule.planningHorizon
Schedule	identifier	token		Schedule.identifier
Schedule	service-category	token		Schedule.serviceCategory
Schedule	service-type	token		Schedule.serviceType
Schedule	specialty	token		Schedule.specialty
ServiceRequest	authored	date		ServiceRequest.authoredOn
ServiceRequest	based-on	reference	MedicationRequest,ServiceRequest	ServiceRequest.basedOn
ServiceRequest	body-site	token		ServiceRequest.bodySite
ServiceRequest	category	token		ServiceRequest.category
ServiceRequest	code	token		ServiceRequest.code
ServiceRequest	encounter	reference	Encounter,EpisodeOfCare	ServiceRequest.encounter
ServiceRequest	identifier	token		ServiceRequest.identifier
ServiceRequest	instantiates-canonical	reference		ServiceRequest.instantiatesCanonical
ServiceRequest	instantiates-uri	uri		ServiceRequest.instantiatesUri
ServiceRequest	intent	token		ServiceRequest.intent
ServiceRequest	occurrence	date		ServiceRequest.occurrence
ServiceRequest	order-detail	token		ServiceRequest.orderDetail.text
ServiceRequest	patient	reference	Patient	ServiceRequest.subject.where(resolve() is Patient)
ServiceRequest	performer	reference	CareTeam,HealthcareService,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	ServiceRequest.performer
ServiceRequest	performer-type	token		ServiceRequest.performerType
ServiceRequest	priority	token		ServiceRequest.priority
ServiceRequest	replaces	reference	ServiceRequest	ServiceRequest.replaces
ServiceRequest	requester	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	ServiceRequest.requester
ServiceRequest	requisition	token		ServiceRequest.requisition
ServiceRequest	specimen	reference		ServiceRequest.specimen
ServiceRequest	status	token		ServiceRequest.status
ServiceRequest	subject	reference	Location,Patient	ServiceRequest.subject
Slot	appointment-type	token		Slot.appointmentType
Slot	identifier	token		Slot.identifier
Slot	schedule	reference	Schedule	Slot.schedule
Slot	service-category	token		Slot.serviceCategory
Slot	service-type	token		Slot.serviceType
Slot	specialty	token		Slot.specialty
Slot	start	date		Slot.start
Slot	status	token		Slot.status
StructureMap	context	token		(StructureMap.useContext.value as CodeableConcept)
StructureMap	context-quantity	quantity		(StructureMap.useContext.value as Quantity) | (StructureMap.useContext.value as Range)
StructureMap	context-type	token		StructureMap.useContext.code
StructureMap	context-type-quantity	composite		StructureMap.useContext	token@code ; quantity@value.as(Quantity) | value.as(Range)
StructureMap	context-type-value	composite		StructureMap.useContext	token@code ; token@value.as(CodeableConcept)
StructureMap	date	date		StructureMap.date
StructureMap	description	string		StructureMap.description
StructureMap	identifier	token		StructureMap.identifier
StructureMap	jurisdiction	token		StructureMap.jurisdiction
StructureMap	name	string		StructureMap.name
StructureMap	publisher	string		StructureMap.publisher
StructureMap	status	token		StructureMap.status
StructureMap	title	string		StructureMap.title
StructureMap	url	uri		StructureMap.url
StructureMap	version	token		StructureMap.version
Subscription	contact	token		Subscription.contact
Subscription	criteria	string		Subscription.criteria
Subscription	payload	token		Subscription.channel.payload
Subscription	status	token		Subscription.status
Subscription	type	token		Subscription.channel.type
Subscription	url	uri		Subscription.channel.endpoint
Task	authored-on	date		Task.authoredOn
Task	based-on	reference	*	Task.basedOn
Task	business-status	token		Task.businessStatus
Task	code	token		Task.code
Task	encounter	reference	Encounter	Task.encounter
Task	focus	reference	*	Task.focus
Task	group-identifier	token		Task.groupIdentifier
Task	identifier	token		Task.identifier
Task	intent	token		Task.intent
Task	modified	date		Task.lastModified
Task	owner	reference	CareTeam,HealthcareService,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Task.owner
Task	part-of	reference	Task	Task.partOf
Task	patient	reference	Patient	Task.for.where(resolve() is Patient)
Task	performer	token		Task.performerType
Task	period	date		Task.executionPeriod
Task	priority	token		Task.priority
Task	requester	reference	Organization,Patient,Practitioner,PractitionerRole,RelatedPerson	Task.requester
Task	status	token		Task.status
Task	subject	reference	*	Task.for
ValueSet	code	token		ValueSet.expansion.contains.code | ValueSet.compose.include.concept.code
ValueSet	context	token		(ValueSet.useContext.value as CodeableConcept)
ValueSet	context-quantity	quantity		(ValueSet.useContext.value as Quantity) | (ValueSet.useContext.value as Range)
ValueSet	context-type	token		ValueSet.useContext.code
ValueSet	context-type-quantity	composite		ValueSet.useContext	token@code ; quantity@value.as(Quantity) | value.as(Range)
ValueSet	context-type-value	composite		ValueSet.useContext	token@code ; token@value.as(CodeableConcept)
ValueSet	date	date		ValueSet.date
ValueSet	description	string		ValueSet.description
ValueSet	expansion	uri		ValueSet.expansion.identifier
ValueSet	identifier	token		ValueSet.identifier
ValueSet	jurisdiction	token		ValueSet.jurisdiction
ValueSet	name	string		ValueSet.name
ValueSet	publisher	string		ValueSet.publisher
ValueSet	reference	uri		ValueSet.compose.include.system
ValueSet	status	token		ValueSet.status
ValueSet	title	string		ValueSet.title
ValueSet	url	uri		ValueSet.url
ValueSet	version	token		ValueSet.version
`;

/** The parameters by which a resource belongs to a patient's compartment, a type a line. */
export const patientCompartment = `
Appointment actor
AuditEvent patient
Basic patient,author
CareTeam patient,participant
Communication subject,sender,recipient
Composition subject,author,attester
Condition patient,asserter
Consent patient
Coverage policy-holder,subscriber,beneficiary,payor
CoverageEligibilityRequest patient
CoverageEligibilityResponse patient
DiagnosticReport subject
DocumentReference subject,author
Encounter subject
EpisodeOfCare patient
MedicationDispense subject,patient,receiver
MedicationRequest subject
Observation subject,performer
Patient link
Procedure patient,performer
Provenance patient
RelatedPerson patient
Schedule actor
ServiceRequest subject,performer
Task patient,focus
`;

/** Definitions that R4 shares between types: id, code, types; the others are named `Type-code`. */
export const sharedDefinitions = `
Resource-content _content Resource
Resource-id _id Resource
Resource-lastUpdated _lastUpdated Resource
Resource-profile _profile Resource
Resource-query _query Resource
Resource-security _security Resource
Resource-source _source Resource
Resource-tag _tag Resource
clinical-code code Condition,DiagnosticReport,MedicationDispense,MedicationRequest,Observation,Procedure,ServiceRequest
clinical-date date CareTeam,Composition,Consent,DiagnosticReport,Encounter,EpisodeOfCare,Observation,Procedure
clinical-encounter encounter Composition,DiagnosticReport,DocumentReference,Observation,Procedure,ServiceRequest
clinical-identifier identifier CareTeam,Composition,Condition,Consent,DiagnosticReport,DocumentReference,Encounter,EpisodeOfCare,MedicationDispense,MedicationRequest,Observation,Procedure,ServiceRequest
clinical-patient patient CareTeam,Composition,Condition,Consent,DiagnosticReport,DocumentReference,Encounter,EpisodeOfCare,MedicationDispense,MedicationRequest,Observation,Procedure,ServiceRequest
clinical-type type Composition,DocumentReference,Encounter,EpisodeOfCare
conformance-context context CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-context-quantity context-quantity CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-context-type context-type CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-context-type-quantity context-type-quantity CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-context-type-value context-type-value CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-date date CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-description description CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-identifier identifier CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-jurisdiction jurisdiction CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-name name CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-publisher publisher CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-status status CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-title title CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-url url CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
conformance-version version CodeSystem,ConceptMap,StructureDefinition,StructureMap,ValueSet
individual-address address Patient,Practitioner,RelatedPerson
individual-address-city address-city Patient,Practitioner,RelatedPerson
individual-address-country address-country Patient,Practitioner,RelatedPerson
individual-address-postalcode address-postalcode Patient,Practitioner,RelatedPerson
individual-address-state address-state Patient,Practitioner,RelatedPerson
individual-address-use address-use Patient,Practitioner,RelatedPerson
individual-birthdate birthdate Patient,RelatedPerson
individual-email email Patient,Practitioner,PractitionerRole,RelatedPerson
individual-family family Patient,Practitioner
individual-gender gender Patient,Practitioner,RelatedPerson
individual-given given Patient,Practitioner
individual-phone phone Patient,Practitioner,PractitionerRole,RelatedPerson
individual-phonetic phonetic Patient,Practitioner,RelatedPerson
individual-telecom telecom Patient,Practitioner,PractitionerRole,RelatedPerson
medications-date date MedicationRequest
medications-encounter encounter MedicationRequest
medications-medication medication MedicationDispense,MedicationRequest
medications-prescription prescription MedicationDispense
medications-status status MedicationDispense,MedicationRequest
`;
