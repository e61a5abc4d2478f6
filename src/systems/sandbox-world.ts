/** A dictionary reference as the registries print it: code and name. */
export interface Named {
  id: string;
  name: string;
}

/** A row of the organisations' registry; `closedOn` marks a closed one. Dates are ISO days. */
export interface Organization {
  oid: string;
  name: string;
  kind: string;
  region: string;
  regionName: string;
  postalCode: string;
  address: string;
  inn: string;
  kpp: string;
  ogrn: string;
  phone: string;
  departments: { oid: string; name: string }[];
  closedOn?: string;
}

/** A synthetic human being, whatever the systems know of them. */
export interface Person {
  id: string;
  /** Russian: what a persona of decisions.md is for; the crowd has none */
  note?: string;
  family: string;
  given: string;
  middle?: string;
  sex: "male" | "female";
  birthDate: string;
  /** 11 digits */
  snils?: string;
  inn?: string;
  phone?: string;
  email?: string;
  /** code of dictionary 1.2.643.5.1.13.13.99.2.315, 1 when absent */
  citizenship?: number;
  /** type is a code of dictionary 1.2.643.5.1.13.13.99.2.48 */
  document?: { type: number; series?: string; number: string; issued: string; issueDate: string };
  esia: {
    oid: string;
    account: "confirmed" | "standard" | "simplified" | "child";
    roles: { organization: string; active: boolean; chief: boolean }[];
    /** ids of children's accounts */
    kids?: string[];
  };
}

export interface Card {
  /** ФРМО OID */
  organization: string;
  department: string;
  post: Named;
  /** 1 main, 2 second job in the same organisation, 3 in another one */
  positionType: "1" | "2" | "3";
  rate: number;
  begin: string;
  end?: string;
  orderIn: string;
  orderOut?: string;
}

/** A diploma, certificate or accreditation; `date` is an ISO day, a year for a diploma. */
export interface Education {
  institution: Named;
  specialty: Named;
  type?: Named;
  series?: string;
  number: string;
  date: string;
  begin?: string;
  end?: string;
  hours?: number;
}

/** One record of the workers' registry; two records may stand under one person. Dates are ISO days. */
export interface Worker {
  id: string;
  person: string;
  organization: string;
  staffNumber: string;
  modifiedAt: string;
  cards: Card[];
  diplomas: Education[];
  postgraduate: Education[];
  retraining: Education[];
  improvement: Education[];
  certificates: Education[];
  accreditations: Education[];
  categories: { category: Named; specialty: Named; date: string }[];
}

/** Rows to add or replace by their key (oid, id): what `POST /_world` takes. */
export interface WorldChange {
  organizations?: Organization[];
  people?: Person[];
  workers?: Worker[];
}

/** The synthetic world that all sandboxes share; each sandbox process holds its own changeable copy. */
export class World {
  readonly organizations = new Map<string, Organization>();
  readonly people = new Map<string, Person>();
  readonly workers = new Map<string, Worker>();
  readonly #load: () => WorldChange;

  constructor(load: () => WorldChange) {
    this.#load = load;
    this.reset();
  }

  /** Back to the world that was loaded. */
  reset(): void {
    for (const rows of [this.organizations, this.people, this.workers]) rows.clear();
    this.change(this.#load());
  }

  change({ organizations = [], people = [], workers = [] }: WorldChange): void {
    for (const row of organizations) this.organizations.set(row.oid, row);
    for (const row of people) this.people.set(row.id, row);
    for (const row of workers) this.workers.set(row.id, row);
  }

  workersBySnils(snils: string): Worker[] {
    return [...this.workers.values()].filter((worker) => this.people.get(worker.person)?.snils === snils);
  }
}
