import { setTimeout as pause } from "node:timers/promises";
import type { components } from "./api.js";
import { Claim, type ClaimRequest } from "./claim.js";
import { LarderError, LeaseLostError, TimedOutError, UnavailableError, ofProblem } from "./errors.js";

const HOLD_SECONDS = 20;
const ANSWER_SECONDS = 30;
const FIRST_PAUSE_SECONDS = 0.1;
const LONGEST_PAUSE_SECONDS = 5;
const FIRST_LOOK_SECONDS = 0.1;
const LONGEST_LOOK_SECONDS = 2;
const READY_SECONDS = 300;
const LEASE_SECONDS = 120;
const CLAIMS = "/api/v1/claims";

export interface LarderOptions {
  /** Such as `https://larder.example.org`. */
  server: string;
  token: string;
  /** How long a call is repeated while the connection is lost or the server answers 502, 503 or 504: 30 by default. */
  retrySeconds?: number;
}

export interface WaitOptions {
  /** How long to wait: 300 by default. */
  readySeconds?: number;
  /** Ends the wait. */
  signal?: AbortSignal;
}

interface Call {
  method: "GET" | "POST" | "DELETE";
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** How long the server may hold the call. */
  holdSeconds?: number;
  retrySeconds?: number;
  signal?: AbortSignal | undefined;
}

/**
 * A client of one server. A repeated claim never takes a second workspace, because each claim has an idempotency key.
 */
export class Larder {
  readonly server: string;
  readonly #token: string;
  readonly #retrySeconds: number;

  constructor({ server, token, retrySeconds = 30 }: LarderOptions) {
    if (!/^https?:\/\/[^/]/.test(server)) {
      throw new TypeError("the server is no address such as https://larder.example.org");
    }
    if (token === "") {
      throw new TypeError("there is no token: set LARDER_TOKEN");
    }
    this.server = server.replace(/\/+$/, "");
    this.#token = token;
    this.#retrySeconds = retrySeconds;
  }

  /** The server and token of `LARDER_URL` and `LARDER_TOKEN`. */
  static fromEnvironment(): Larder {
    // LARDER_SERVER is the former name.
    const server = process.env["LARDER_URL"] ?? process.env["LARDER_SERVER"] ?? "";
    return new Larder({ server, token: process.env["LARDER_TOKEN"] ?? "" });
  }

  /** Claims one workspace. The claim may still wait or be built: see {@link waitUntilReady}. */
  async claim(request: ClaimRequest): Promise<Claim> {
    const { timeoutSeconds, ttlSeconds, idempotencyKey, ...wanted } = request;
    const waits = wanted.policy === "wait" || wanted.policy === "wait_then_cold";
    const headers: Record<string, string> = { "Idempotency-Key": idempotencyKey ?? crypto.randomUUID() };
    if (waits) {
      headers["Prefer"] = `wait=${HOLD_SECONDS}`;
    }
    const body: components["schemas"]["NewClaim"] = { ...wanted };
    if (timeoutSeconds !== undefined) body.timeout = `PT${timeoutSeconds}S`;
    if (ttlSeconds !== undefined) body.ttl = `PT${ttlSeconds}S`;
    return this.#claim({ method: "POST", path: CLAIMS, body, headers, holdSeconds: waits ? HOLD_SECONDS : 0 });
  }

  /** The claim as it is now. */
  async get(id: string): Promise<Claim> {
    return this.#claim({ method: "GET", path: path(id) });
  }

  /**
   * The claim once its workspace can be used. Rejects with a {@link TimedOutError} after that time (the claim goes on),
   * a `NoStockError` or `WorkspaceFailedError` where nothing came of it, a `LeaseLostError` where the claim has ended.
   */
  async waitUntilReady(claim: Claim, { readySeconds = READY_SECONDS, signal }: WaitOptions = {}): Promise<Claim> {
    const until = now() + readySeconds;
    let look = FIRST_LOOK_SECONDS;
    let seen = claim;
    while (!seen.isReady()) {
      signal?.throwIfAborted();
      const left = until - now();
      if (left <= 0) {
        throw new TimedOutError("timed_out", `The workspace was not ready within ${readySeconds} s.`);
      }
      const asked = now();
      const holdSeconds = Math.floor(Math.min(HOLD_SECONDS, left));
      const headers: Record<string, string> = holdSeconds > 0 ? { Prefer: `wait=${holdSeconds}` } : {};
      seen = await this.#claim({ method: "GET", path: path(seen.id), headers, holdSeconds, signal });
      if (!seen.isReady() && now() - asked < look) {
        // The server does not hold the call for a workspace that is being prepared.
        await pause(Math.min(look, left) * 1000, undefined, { signal });
        look = Math.min(look * 2, LONGEST_LOOK_SECONDS);
      }
    }
    return seen;
  }

  /** Makes the lease end that many seconds from now. Rejects with a {@link LeaseLostError} where the claim has ended. */
  async renew(id: string, ttlSeconds: number): Promise<Claim> {
    return this.#claim(renewal(id, ttlSeconds));
  }

  /** Gives the workspace back, or gives up a claim that waits. Once more does no harm. */
  async release(id: string): Promise<void> {
    await this.#send({ method: "DELETE", path: path(id) });
  }

  /**
   * Claims a workspace, waits until it is ready, and runs the block with it. Meanwhile the lease (two minutes where the
   * request names none) is renewed each third of it. The claim is released however the block ends; where the process is
   * killed, the lease ends it. Where the lease is lost, the block's signal is aborted with a {@link LeaseLostError}, and
   * the result is rejected with it.
   */
  async withClaim<T>(
    request: ClaimRequest,
    block: (claim: Claim, signal: AbortSignal) => Promise<T>,
    { readySeconds, signal }: WaitOptions = {},
  ): Promise<T> {
    const ttlSeconds = request.ttlSeconds ?? LEASE_SECONDS;
    const claimed = await this.claim({ ...request, ttlSeconds });
    const over = new AbortController();
    const lost = new AbortController();
    // A cold build may take longer than the lease.
    const renewals = this.#keep(claimed.id, ttlSeconds, over.signal, lost);
    const held = signal ? AbortSignal.any([signal, lost.signal]) : lost.signal;
    try {
      const ready = await this.waitUntilReady(claimed, { ...(readySeconds && { readySeconds }), signal: held });
      const result = await block(ready, held);
      lost.signal.throwIfAborted();
      return result;
    } finally {
      over.abort();
      await renewals;
      // The end of the lease does the same later, and the result of the block is worth more than this error.
      await this.release(claimed.id).catch(() => undefined);
    }
  }

  /** Renews the lease until it is over or lost. */
  async #keep(id: string, ttlSeconds: number, over: AbortSignal, lost: AbortController): Promise<void> {
    let heldUntil = now() + ttlSeconds;
    let next = ttlSeconds / 3;
    while (await passes(next, over)) {
      const asked = now();
      try {
        await this.#send({ ...renewal(id, ttlSeconds), retrySeconds: 0, signal: over });
        heldUntil = asked + ttlSeconds;
        next = ttlSeconds / 3;
      } catch (failed) {
        if (over.aborted) return;
        if (failed instanceof LeaseLostError) {
          if (!(await this.#stillWaits(id))) return lost.abort(failed);
          heldUntil = asked + ttlSeconds;
        } else if (now() >= heldUntil) {
          return lost.abort(new LeaseLostError("expired", "The lease could not be renewed in time.", { cause: failed }));
        } else {
          next = Math.min(1, ttlSeconds / 10);
        }
      }
    }
  }

  /** The lease of a claim that waits has not begun. */
  async #stillWaits(id: string): Promise<boolean> {
    return this.get(id).then(
      (claim) => claim.status === "waiting",
      () => false,
    );
  }

  async #claim(call: Call): Promise<Claim> {
    return new Claim((await this.#send(call)) as components["schemas"]["Claim"]);
  }

  /** Sends the call, and sends it again while the connection is lost or the server asks for patience. */
  async #send(call: Call): Promise<unknown> {
    let giveUp: number | undefined;
    let longest = FIRST_PAUSE_SECONDS;
    for (;;) {
      try {
        return await this.#once(call);
      } catch (failed) {
        if (!(failed instanceof LarderError) || !isPassing(failed)) throw failed;
        giveUp ??= now() + (call.retrySeconds ?? this.#retrySeconds);
        const own = longest * (0.5 + Math.random() / 2);
        const wanted = Math.min(Math.max(own, failed.retryAfterSeconds ?? 0), LONGEST_PAUSE_SECONDS);
        if (now() + wanted > giveUp) throw failed;
        await pause(wanted * 1000, undefined, { signal: call.signal });
        longest = Math.min(longest * 2, LONGEST_PAUSE_SECONDS);
      }
    }
  }

  async #once({ method, path, body, headers, holdSeconds = 0, signal }: Call): Promise<unknown> {
    const limit = AbortSignal.timeout((holdSeconds + ANSWER_SECONDS) * 1000);
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.server + path, {
        method,
        headers: {
          Authorization: `Bearer ${this.#token}`,
          Accept: "application/json",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      text = await response.text();
    } catch (lost) {
      signal?.throwIfAborted();
      throw new UnavailableError("unreachable", `${this.server} cannot be reached.`, { cause: lost });
    }
    if (response.ok) return parsed(text);
    throw ofProblem(response.status, parsed(text), response.headers.get("Retry-After"));
  }
}

/** With `workspace_unreadable` the claim has ended, and the same key finds no other one. */
function isPassing(failed: LarderError): boolean {
  return [undefined, 502, 503, 504].includes(failed.status) && failed.code !== "workspace_unreadable";
}

function renewal(id: string, ttlSeconds: number): Call {
  return { method: "POST", path: `${path(id)}/renew`, body: { ttl: `PT${ttlSeconds}S` } };
}

function path(id: string): string {
  return `${CLAIMS}/${encodeURIComponent(id)}`;
}

/** A proxy may answer with a page. */
function parsed(text: string): object {
  try {
    return (text === "" ? {} : JSON.parse(text)) as object;
  } catch {
    return {};
  }
}

/** Whether the time passes before the signal. */
async function passes(seconds: number, over: AbortSignal): Promise<boolean> {
  // The timer alone keeps no process alive.
  return pause(seconds * 1000, true, { signal: over, ref: false }).catch(() => false);
}

function now(): number {
  return performance.now() / 1000;
}
