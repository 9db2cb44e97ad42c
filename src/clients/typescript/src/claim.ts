import type { components } from "./api.js";
import { LeaseLostError, NoStockError, WorkspaceFailedError } from "./errors.js";

type Schemas = components["schemas"];

/** What is needed to use a workspace, such as `url`. */
export type Outputs = Readonly<Record<string, string>>;

/** What is claimed, and on which terms. The fields are those of the API, but for the times and the key. */
export interface ClaimRequest
  extends Partial<
    Pick<Schemas["NewClaim"], "organization" | "template" | "preset" | "presets" | "parameters" | "presetId" | "policy" | "labels">
  > {
  /** How long the claim waits for stock, under a policy that waits. */
  timeoutSeconds?: number;
  /** Makes the claim a lease that ends by itself; without it the claim lasts until it is released. */
  ttlSeconds?: number;
  /** By default each call has a key of its own. */
  idempotencyKey?: string;
}

/** A claim as the server showed it last. Its outputs are in no text, JSON or log. */
export class Claim {
  readonly id: string;
  /** `active`, `waiting`, or why the claim has ended. */
  readonly status: Schemas["Claim"]["status"];
  /** `warm` (from stock), `waited`, or `cold` (built for this claim). */
  readonly path: Schemas["Claim"]["path"];
  readonly labels: Readonly<Record<string, string>>;
  /** Null where the claim lasts until it is released, and while it waits. */
  readonly expiresAt: Date | null;
  /** Why it failed, stable; null where it did not. */
  readonly code: string | null;
  readonly reason: string | null;
  /** Where it stands in the waiting line, while it waits. */
  readonly waiting: Schemas["WaitingView"] | null;
  /** Null while the claim waits. Its `status` is `ready` when it can be used. */
  readonly workspace: Omit<Schemas["WorkspaceView"], "outputs"> | null;
  readonly #outputs: Outputs;

  constructor(body: Schemas["Claim"]) {
    const { outputs, ...workspace } = body.workspace ?? { outputs: {} };
    this.id = body.id;
    this.status = body.status;
    this.path = body.path;
    this.labels = body.labels;
    this.expiresAt = body.expiresAt ? new Date(body.expiresAt) : null;
    this.code = body.code ?? body.step?.errorCode ?? null;
    this.reason = body.reason ?? body.step?.error ?? null;
    this.waiting = body.waiting ?? null;
    this.workspace = body.workspace ? (workspace as Omit<Schemas["WorkspaceView"], "outputs">) : null;
    this.#outputs = Object.freeze({ ...outputs });
  }

  /** What is needed to use the workspace; empty until it is ready. */
  get outputs(): Outputs {
    return this.#outputs;
  }

  /** Whether the workspace can be used. Throws what the end of the claim means where it never will be ready. */
  isReady(): boolean {
    const status = this.workspace?.status ?? "";
    const code = this.code ?? this.status;
    const reason = this.reason ?? `The status of the claim is ${this.status}.`;
    if (this.status === "active" && status === "ready") return true;
    if (this.status === "timed_out" || this.status === "preset_not_active" || code === "verification_failed") {
      throw new NoStockError(code, reason);
    }
    if (this.status === "failed") throw new WorkspaceFailedError(code, reason);
    if (this.status !== "active" && this.status !== "waiting") throw new LeaseLostError(code, reason);
    if (/(failed|canceled)$/.test(status)) {
      throw new WorkspaceFailedError(this.code ?? status, "The workspace could not be prepared.");
    }
    return false;
  }
}
