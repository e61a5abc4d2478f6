const refusals = {
  "005011": { status: 401, message: "SecurityErrorEnum.invalidToken" },
  "005013": { status: 401, message: "SecurityErrorEnum.expiredToken" },
  "005029": { status: 403, message: "SecurityErrorEnum.scopeNotAllowed" },
} as const;

/** A refusal of the REST doors. */
export class RestRefusal extends Error {
  override readonly name = "RestRefusal";
  readonly status: number;
  readonly body: object;

  constructor(code: keyof typeof refusals) {
    const { status, message } = refusals[code];
    super(message);
    this.status = status;
    const row = { code: `ESIA-${code}`, message };
    // expiry comes as a list (sheet 1.8)
    this.body = code === "005013" ? [row] : row;
  }
}
