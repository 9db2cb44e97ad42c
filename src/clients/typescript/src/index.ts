/**
 * Claims ready-to-use workspaces from a Larder server.
 *
 * ```ts
 * const larder = Larder.fromEnvironment();
 * await larder.withClaim({ template: "orders-database", preset: "small", policy: "wait" }, async (claim, signal) => {
 *   await use(claim.outputs.url, signal);
 * });
 * ```
 */
export type { components, paths } from "./api.js";
export { Claim, type ClaimRequest, type Outputs } from "./claim.js";
export { Larder, type LarderOptions, type WaitOptions } from "./client.js";
export {
  LarderError,
  LeaseLostError,
  NoStockError,
  RefusedError,
  TimedOutError,
  UnauthorizedError,
  UnavailableError,
  WorkspaceFailedError,
  type Violation,
} from "./errors.js";
