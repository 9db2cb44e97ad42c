import type { components } from "./api.js";

export type Violation = components["schemas"]["Violation"];

/** What the server said beside the code; nothing where it was not asked. */
export interface Details {
  /** The HTTP status. */
  status?: number;
  /** Which fields of the request are wrong. */
  violations?: readonly Violation[];
  /** After how many seconds the server expects that a retry may succeed. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** What can go wrong. Decide by the class or by `code`, the server's stable word for it; the message is for people. */
export class LarderError extends Error {
  readonly code: string;
  readonly detail: string;
  readonly status: number | undefined;
  readonly violations: readonly Violation[];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: string, detail: string, details: Details = {}) {
    super(`${code}: ${detail}`, { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.detail = detail;
    this.status = details.status;
    this.violations = details.violations ?? [];
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** No workspace is ready, or none was ready in time. */
export class NoStockError extends LarderError {}
/** The server does not accept the request. The same request will be refused again. */
export class RefusedError extends LarderError {}
/** The token is missing, unknown, expired or revoked. */
export class UnauthorizedError extends LarderError {}
/** The time that the caller gave was over before the workspace was ready. The claim goes on. */
export class TimedOutError extends LarderError {}
/** The workspace of the claim could not be built or prepared. The code is that of the build. */
export class WorkspaceFailedError extends LarderError {}
/** The claim has ended: its lease is over, it was released, or its workspace was deleted. */
export class LeaseLostError extends LarderError {}
/** The server could not be reached or could not answer, also after retries. */
export class UnavailableError extends LarderError {}

const NO_STOCK = new Set(["no_claimable_workspace", "creation_stopped", "connections_full", "verification_failed"]);
const ENDED = new Set(["claim_ended", "claim_not_found", "expired", "workspace_deleted", "generation_mismatch"]);

/** The error that an answer of the server stands for (RFC 9457). */
export function ofProblem(
  status: number,
  problem: Partial<components["schemas"]["Problem"]>,
  retryAfter: string | null,
): LarderError {
  const code = problem.code ?? `http_${status}`;
  const details: Details = { status, violations: problem.errors ?? [] };
  if (retryAfter !== null && /^\d{1,9}$/.test(retryAfter)) {
    details.retryAfterSeconds = Number(retryAfter);
  }
  return new (kind(status, code))(code, problem.detail ?? "The server gave no reason.", details);
}

function kind(status: number, code: string): typeof LarderError {
  if (status === 401) return UnauthorizedError;
  if (NO_STOCK.has(code)) return NoStockError;
  if (ENDED.has(code)) return LeaseLostError;
  return status >= 500 || status === 429 ? UnavailableError : RefusedError;
}
